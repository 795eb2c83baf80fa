"""Fast float32 products are used only where they are measured to be float32-grade."""

import pytest
import torch

from mlplab.training import precision

pytestmark = pytest.mark.usefixtures("matmul_precision")


def test_the_setting_that_is_returned_is_in_force() -> None:
    setting, error = precision.use_fast_products()
    assert setting == torch.get_float32_matmul_precision()
    assert setting in ("medium", "highest")
    assert 0 < error <= precision.FLOAT32_GRADE
    assert error == precision.product_error()


def test_exact_products_are_float32_grade() -> None:
    torch.set_float32_matmul_precision("highest")
    assert 0 < precision.product_error() <= precision.FLOAT32_GRADE


def test_bfloat16_products_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = torch.randn

    def rounded(*args: int, generator: torch.Generator) -> torch.Tensor:
        return _Rounded(exact(*args, generator=generator))  # type: ignore[return-value]

    monkeypatch.setattr(torch, "randn", rounded)
    assert precision.product_error() > 50 * precision.FLOAT32_GRADE


class _Rounded:
    """A matrix whose float32 products lose what bfloat16 loses, and whose float64 ones do not."""

    def __init__(self, matrix: torch.Tensor) -> None:
        self.matrix = matrix

    def to(self, device: torch.device) -> "_Rounded":
        return self

    def double(self) -> torch.Tensor:
        return self.matrix.double()

    def __matmul__(self, other: "_Rounded") -> torch.Tensor:
        return self.matrix.bfloat16().float() @ other.matrix.bfloat16().float()


def test_the_measurement_repeats_itself_and_leaves_the_random_state_alone() -> None:
    before = torch.get_rng_state()
    assert precision.product_error((8, 16, 4)) == precision.product_error((8, 16, 4))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("error_of_medium", "chosen"),
    [
        (1e-3, "highest"),
        (precision.FLOAT32_GRADE * 1.01, "highest"),
        (float("nan"), "highest"),
        (precision.FLOAT32_GRADE, "medium"),
    ],
)
def test_products_with_fewer_bits_fall_back_to_the_highest_precision(
    monkeypatch: pytest.MonkeyPatch, error_of_medium: float, chosen: str
) -> None:
    monkeypatch.setattr(precision, "_usual_is_fastest", lambda: False)
    errors = {"medium": error_of_medium, "highest": 1e-7}
    monkeypatch.setattr(
        precision,
        "product_error",
        lambda device: errors[torch.get_float32_matmul_precision()],
    )
    assert precision.use_fast_products() == (chosen, errors[chosen])
    assert torch.get_float32_matmul_precision() == chosen


def test_where_the_usual_library_is_the_fastest_it_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_usual_is_fastest", lambda: True)
    torch.set_float32_matmul_precision("medium")
    setting, error = precision.use_fast_products()
    assert (setting, torch.get_float32_matmul_precision()) == ("highest", "highest")
    assert 0 < error <= precision.FLOAT32_GRADE


def test_elsewhere_than_on_a_cpu_it_is_measured_there(monkeypatch: pytest.MonkeyPatch) -> None:
    # TF32 is float32 with the bits of half precision: about 5e-4.
    gpu, seen = torch.device("cuda", 0), []
    monkeypatch.setattr(precision, "_usual_is_fastest", lambda: True)

    def error_of(device: torch.device) -> float:
        seen.append((device, torch.get_float32_matmul_precision()))
        return 5e-4 if seen[-1][1] == "medium" else 1e-7

    monkeypatch.setattr(precision, "product_error", error_of)
    assert precision.use_fast_products(gpu) == ("highest", 1e-7)
    assert seen == [(gpu, "medium"), (gpu, "highest")]
