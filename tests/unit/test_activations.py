"""Article items A1 to A7 and B4: each activation against autograd, the textbook, the framework."""

from collections.abc import Callable

import pytest
import torch

from mlplab import activations

# The formulas exactly as the textbook prints them.
TEXTBOOK: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "relu": lambda x: torch.maximum(x, torch.zeros_like(x)),
    "sigmoid": lambda x: 1 / (1 + torch.exp(-x)),
    "tanh": lambda x: (1 - torch.exp(-2 * x)) / (1 + torch.exp(-2 * x)),
}

every_activation = pytest.mark.parametrize("name", activations.names())


def points() -> torch.Tensor:
    """The article's range, 0 itself and places far out, in float64."""
    inner = torch.arange(-80, 80, dtype=torch.float64) / 10
    return torch.cat([inner, torch.tensor([-50.0, -20.0, -1e-9, 0.0, 1e-9, 20.0, 50.0]).double()])


def autograd(function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(function(x), x, torch.ones_like(x))
    return gradient


def test_the_textbooks_activations_are_registered() -> None:
    assert set(TEXTBOOK) <= set(activations.names())


@every_activation
def test_name_source_and_formulas_are_present(name: str) -> None:
    activation = activations.load(name)
    assert activation.name == name
    assert activations.source(name).is_file()
    assert activations.source(name).stem == name
    assert "x" in activation.formula
    assert activation.derivative_formula.strip()
    assert "\n" not in activation.formula + activation.derivative_formula


@every_activation
def test_sampled_range_is_the_articles(name: str) -> None:
    sampled = activations.sampled(activations.load(name))
    x = sampled["x"]
    assert set(sampled) == {"x", "function", "gradient", "derivative"}
    assert all(values.shape == (160,) for values in sampled.values())
    assert all(values.dtype == torch.float32 for values in sampled.values())
    assert not any(values.requires_grad for values in sampled.values())
    assert x[0] == -8.0
    assert x[-1].item() == pytest.approx(7.9, abs=1e-5)
    torch.testing.assert_close(x.diff(), torch.full((159,), 0.1), atol=1e-5, rtol=0)


@every_activation
def test_sampled_values_are_those_of_function_and_gradient(name: str) -> None:
    activation = activations.load(name)
    sampled = activations.sampled(activation)
    x = sampled["x"]
    assert torch.equal(sampled["function"], activation.function(x))
    assert torch.equal(sampled["gradient"], autograd(activation.function, x))
    assert torch.equal(sampled["derivative"], activation.derivative(x))


@every_activation
def test_closed_form_derivative_equals_autograd(name: str) -> None:
    activation = activations.load(name)
    x = points()
    expected = autograd(activation.function, x)
    torch.testing.assert_close(activation.derivative(x), expected, atol=1e-12, rtol=0)


@every_activation
def test_function_and_gradient_equal_the_frameworks_module(name: str) -> None:
    activation = activations.load(name)
    module = activation.module()
    assert isinstance(module, torch.nn.Module)
    x = points()
    torch.testing.assert_close(activation.function(x), module(x), atol=1e-12, rtol=0)
    torch.testing.assert_close(
        autograd(activation.function, x), autograd(module, x), atol=1e-12, rtol=0
    )


@pytest.mark.parametrize("name", sorted(TEXTBOOK))
def test_function_equals_the_textbooks_formula(name: str) -> None:
    # exp(-2x) overflows in float64 only beyond x = -354, so the formulas hold at all points.
    x = points()
    expected = TEXTBOOK[name](x)
    assert expected.isfinite().all()
    torch.testing.assert_close(activations.load(name).function(x), expected, atol=1e-12, rtol=0)


@every_activation
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shape_and_dtype_are_kept(name: str, dtype: torch.dtype) -> None:
    activation = activations.load(name)
    x = torch.linspace(-3, 3, 24, dtype=dtype).reshape(2, 3, 4)
    before = x.clone()
    for result in (activation.function(x), activation.derivative(x)):
        assert result.shape == x.shape
        assert result.dtype == dtype
    assert torch.equal(x, before)


@every_activation
def test_far_out_values_stay_finite(name: str) -> None:
    activation = activations.load(name)
    x = torch.tensor([-1e4, 1e4])
    assert activation.function(x).isfinite().all()
    assert activation.derivative(x).isfinite().all()


def test_relus_subgradient_at_zero_is_zero() -> None:
    relu = activations.load("relu")
    zeros = torch.tensor([0.0, -0.0])
    assert autograd(relu.function, zeros).tolist() == [0.0, 0.0]
    assert relu.derivative(zeros).tolist() == [0.0, 0.0]


def test_relu_lets_a_value_vanish_or_pass() -> None:
    x = points()
    y = activations.load("relu").function(x)
    assert torch.equal(y[x > 0], x[x > 0])
    assert (y[x <= 0] == 0).all()


@pytest.mark.parametrize("name", sorted(TEXTBOOK))
def test_nan_is_passed_on(name: str) -> None:
    assert activations.load(name).function(torch.tensor([float("nan")])).isnan().all()


def test_sigmoid_squeezes_into_zero_to_one() -> None:
    sigmoid = activations.load("sigmoid")
    for y in (activations.sampled(sigmoid)["function"], sigmoid.function(points()[:160])):
        assert ((y > 0) & (y < 1)).all()
    assert sigmoid.function(torch.zeros(())) == 0.5
    assert sigmoid.derivative(torch.zeros(())) == 0.25


def test_tanh_is_odd_and_squeezes_into_minus_one_to_one() -> None:
    tanh = activations.load("tanh")
    for y in (activations.sampled(tanh)["function"], tanh.function(points()[:160])):
        assert ((y > -1) & (y < 1)).all()
    x = points()
    torch.testing.assert_close(tanh.function(-x), -tanh.function(x), atol=1e-15, rtol=0)
    assert tanh.derivative(torch.zeros(())) == 1.0
