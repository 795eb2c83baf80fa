"""What docs/coverage.md says of intervals and tests, on fewer studies."""

import numpy as np
import pytest

from benchmarks import coverage

SIZES = pytest.mark.parametrize("n", [3, 5, 10, 20])


def test_the_real_seeds_are_24_of_three_activations() -> None:
    last, late = coverage.real("test_accuracy"), coverage.real("late_test_accuracy")
    assert set(last) == {
        *("relu", "sigmoid", "tanh", "relu − sigmoid", "relu − tanh", "sigmoid − tanh")
    }
    assert {len(values) for values in (*last.values(), *late.values())} == {24}
    # Why the last 3 epochs are compared: a spread over seeds less than half as wide.
    for name in ("relu", "tanh", "relu − tanh"):
        assert late[name].std() < 0.51 * last[name].std()


@SIZES
def test_of_the_last_three_epochs_real_seeds_are_covered(n: int) -> None:
    for name, (draw, mean) in coverage.populations().items():
        if name.startswith("last 3"):
            found = coverage.covered(coverage.ours, draw(2000, n), mean)
            assert (0.92 if n == 3 else 0.935) <= found <= 0.985, name
            assert found > coverage.covered(coverage.student, draw(2000, n), mean), name


@SIZES
def test_a_family_of_real_seeds_without_a_difference_has_few_findings(
    n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coverage, "RESAMPLED", 500)
    monkeypatch.setattr(coverage, "signs", lambda differences: 1.0)
    found = coverage.errors(coverage.families()["last 3, 24 seeds"], n)
    assert found["**now**"] <= 0.08 and found["**now**"] < found["t"]


@pytest.mark.slow
@SIZES
def test_other_seeds_and_other_images_are_covered(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "RESAMPLED", 200)
    found = coverage.crossed(n, images=300)
    assert found["**now**"] >= 0.92
    assert found["**now**"] > found["over seeds alone"] - 0.01 or n == 3


def test_the_sign_flip_test_is_exact() -> None:
    # Of the 8 signed sums of 1, 2 and 4, as far from 0 as 5 = 4 + 2 - 1 are ±5 and ±7.
    assert coverage.signs(np.array([-1.0, 2.0, 4.0])) == 4 / 8
