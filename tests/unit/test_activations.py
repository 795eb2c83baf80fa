"""Article items A1 to A7 and B4: each activation against autograd, the textbook, the framework."""

import math
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mlplab import activations
from mlplab.activations import Activation, _functions

Elementwise = Callable[[torch.Tensor], torch.Tensor]

ALPHA = 0.25


def positive(x: torch.Tensor) -> torch.Tensor:
    return torch.maximum(x, torch.zeros_like(x))


def negative(x: torch.Tensor) -> torch.Tensor:
    return torch.minimum(x, torch.zeros_like(x))


def logistic(x: torch.Tensor) -> torch.Tensor:
    return 1 / (1 + torch.exp(-x))


def soft(x: torch.Tensor) -> torch.Tensor:
    return torch.log(1 + torch.exp(x))


def normal(x: torch.Tensor) -> torch.Tensor:
    return (1 + torch.erf(x / math.sqrt(2))) / 2


def bell(x: torch.Tensor) -> torch.Tensor:
    return torch.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


# The formulas exactly as the textbook or the paper prints them: of the function, of its derivative.
TEXTBOOK: dict[str, Elementwise] = {
    "elu": lambda x: torch.where(x > 0, x, torch.exp(x) - 1),
    "gelu": lambda x: x * normal(x),
    "identity": lambda x: x,
    "leaky_relu": lambda x: positive(x) + 0.01 * negative(x),
    "mish": lambda x: x * torch.tanh(soft(x)),
    "prelu": lambda x: positive(x) + ALPHA * negative(x),
    "relu": positive,
    "sigmoid": logistic,
    "silu": lambda x: x / (1 + torch.exp(-x)),
    "softplus": soft,
    "tanh": lambda x: (1 - torch.exp(-2 * x)) / (1 + torch.exp(-2 * x)),
}
DERIVATIVES: dict[str, Elementwise] = {
    "elu": lambda x: torch.where(x > 0, 1.0, torch.exp(x)),
    "gelu": lambda x: normal(x) + x * bell(x),
    "identity": lambda x: x**0,
    "leaky_relu": lambda x: torch.where(x > 0, torch.ones_like(x), 0.01),
    "mish": lambda x: torch.tanh(soft(x)) + x * (1 - torch.tanh(soft(x)) ** 2) * logistic(x),
    "prelu": lambda x: torch.where(x > 0, torch.ones_like(x), ALPHA),
    "relu": lambda x: (x > 0).to(x),
    "sigmoid": lambda x: logistic(x) * (1 - logistic(x)),
    "silu": lambda x: logistic(x) * (1 + x * (1 - logistic(x))),
    "softplus": logistic,
    "tanh": lambda x: 1 - torch.tanh(x) ** 2,
}
# What the report prints, so that no formula changes without those above.
PRINTED = {
    "elu": ("ELU(x) = x where x > 0, else exp(x) - 1", "1 where x > 0, else exp(x)"),
    "gelu": (
        "GELU(x) = x Φ(x), with Φ(x) = (1 + erf(x / √2)) / 2",
        "Φ(x) + x φ(x), with φ(x) = exp(-x² / 2) / √(2π)",
    ),
    "identity": ("identity(x) = x", "1"),
    "leaky_relu": ("LeakyReLU(x) = max(0, x) + 0.01 min(0, x)", "1 where x > 0, else 0.01"),
    "mish": (
        "mish(x) = x tanh(log(1 + exp(x)))",
        "t + x (1 - t²) sigmoid(x), with t = tanh(log(1 + exp(x)))",
    ),
    "prelu": (
        "pReLU(x) = max(0, x) + α min(0, x)",
        "1 where x > 0, else α (and min(0, x) by α)",
    ),
    "relu": ("ReLU(x) = max(x, 0)", "1 where x > 0, else 0"),
    "sigmoid": ("sigmoid(x) = 1 / (1 + exp(-x))", "sigmoid(x) (1 - sigmoid(x))"),
    "silu": (
        "SiLU(x) = x sigmoid(x) = x / (1 + exp(-x))",
        "sigmoid(x) (1 + x (1 - sigmoid(x)))",
    ),
    "softplus": ("softplus(x) = log(1 + exp(x))", "sigmoid(x) = 1 / (1 + exp(-x))"),
    "tanh": ("tanh(x) = (1 - exp(-2x)) / (1 + exp(-2x))", "1 - tanh²(x)"),
}

every_activation = pytest.mark.parametrize("name", activations.names())
every_dtype = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


def points() -> torch.Tensor:
    """The article's range, 0 itself and places far out, in float64."""
    inner = torch.arange(-80, 80, dtype=torch.float64) / 10
    out = torch.tensor([1e-9, 15.0, 20.0, 20.1, 30.0, 40.0, 40.1, 50.0, 300.0]).double()
    return torch.cat([inner, -out, torch.zeros(1), out])


def farther() -> torch.Tensor:
    """The same and places where the formulas as printed overflow."""
    out = torch.tensor([1e3, 1e4]).double()
    return torch.cat([points(), -out, out])


def own(activation: Activation, dtype: torch.dtype = torch.float64) -> list[torch.Tensor]:
    """The activation's own parameters with their initial values."""
    return [torch.tensor([value], dtype=dtype) for value in activation.parameters.values()]


def arrays(tensors: Sequence[torch.Tensor]) -> list[np.ndarray]:
    return [tensor.numpy() for tensor in tensors]


def autograd(
    function: Callable[..., torch.Tensor], x: torch.Tensor, *parameters: torch.Tensor
) -> torch.Tensor:
    x = x.clone().requires_grad_()
    y = function(x, *parameters)
    (gradient,) = torch.autograd.grad(y, x, torch.ones_like(x))
    return gradient


def assert_close(actual: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-12) -> None:
    torch.testing.assert_close(actual, expected, atol=tolerance, rtol=0, equal_nan=True)


def test_the_textbooks_activations_are_registered() -> None:
    assert set(TEXTBOOK) == set(DERIVATIVES) == set(PRINTED) == set(activations.names())


def test_listing_them_does_not_import_torch() -> None:
    script = "import sys; from mlplab import activations; activations.names(); print(*sys.modules)"
    folder = str(Path(activations.__file__).parents[2])
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {folder!r}); {script}"]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert "mlplab.activations" in loaded
    assert not {"torch", "numpy"} & set(loaded)


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
def test_the_formulas_that_are_printed_are_those_that_are_tested_here(name: str) -> None:
    activation = activations.load(name)
    assert (activation.formula, activation.derivative_formula) == PRINTED[name]
    assert activation.closed_form


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
    parameters = own(activation, torch.float32)
    assert torch.equal(sampled["function"], activation.function(x, *parameters))
    assert torch.equal(sampled["gradient"], autograd(activation.function, x, *parameters))
    assert torch.equal(sampled["derivative"], activation.derivative(x, *parameters))


@every_activation
def test_closed_form_derivative_equals_autograd(name: str) -> None:
    activation = activations.load(name)
    x, parameters = farther(), own(activation)
    expected = autograd(activation.function, x, *parameters)
    assert_close(activation.derivative(x, *parameters), expected)


@pytest.mark.parametrize("name", ["elu", "leaky_relu", "relu", "sigmoid", "tanh"])
def test_derivative_from_output_equals_that_from_input(name: str) -> None:
    activation = activations.load(name)
    assert activation.derivative_from_output is not None
    x = farther()
    assert_close(
        activation.derivative_from_output(activation.function(x)), activation.derivative(x)
    )


@every_activation
def test_numpys_versions_equal_those_of_tensors(name: str) -> None:
    activation = activations.load(name)
    x, parameters = farther(), own(activation)
    for of_arrays, of_tensors in (
        (activation.numpy_function, activation.function),
        (activation.numpy_derivative, activation.derivative),
    ):
        actual = of_arrays(x.numpy(), *arrays(parameters))
        assert isinstance(actual, np.ndarray)
        assert_close(torch.from_numpy(actual), of_tensors(x, *parameters))


@every_activation
def test_function_and_gradient_equal_the_frameworks_module(name: str) -> None:
    activation = activations.load(name)
    module = activation.module().double()
    assert isinstance(module, torch.nn.Module)
    assert type(module).__module__.startswith("torch.nn.")
    x, parameters = farther(), own(activation)
    assert_close(activation.function(x, *parameters), module(x))
    assert_close(autograd(activation.function, x, *parameters), autograd(module, x))


@pytest.mark.parametrize("name", sorted(TEXTBOOK))
def test_function_equals_the_textbooks_formula(name: str) -> None:
    # exp(-2x) overflows in float64 only beyond x = -354, so the formulas hold at all points.
    x = points()
    activation = activations.load(name)
    expected = TEXTBOOK[name](x)
    assert expected.isfinite().all()
    assert_close(activation.function(x, *own(activation)), expected)


@pytest.mark.parametrize("name", sorted(DERIVATIVES))
def test_derivative_equals_the_printed_formula(name: str) -> None:
    x = points()
    activation = activations.load(name)
    expected = DERIVATIVES[name](x)
    assert expected.isfinite().all()
    assert_close(activation.derivative(x, *own(activation)), expected)


@every_activation
@every_dtype
def test_shape_and_dtype_are_kept(name: str, dtype: torch.dtype) -> None:
    activation = activations.load(name)
    x = torch.linspace(-3, 3, 24, dtype=dtype).reshape(2, 3, 4)
    parameters = own(activation, dtype)
    before = x.clone()
    results = [
        activation.function(x, *parameters),
        activation.derivative(x, *parameters),
        activation.module().to(dtype)(x),
        *activation.parameter_derivatives(x, *parameters),
    ]
    if activation.derivative_from_output is not None:
        results.append(activation.derivative_from_output(x))
    for of_arrays in (activation.numpy_function, activation.numpy_derivative):
        results.append(torch.from_numpy(of_arrays(x.numpy(), *arrays(parameters))))
    slopes = activation.numpy_parameter_derivatives(x.numpy(), *arrays(parameters))
    for result in (*results, *map(torch.from_numpy, slopes)):
        assert result.shape == x.shape
        assert result.dtype == dtype
    assert torch.equal(x, before)
    assert [value.item() for value in parameters] == list(activation.parameters.values())


@every_activation
@every_dtype
def test_far_out_values_stay_finite(name: str, dtype: torch.dtype) -> None:
    activation = activations.load(name)
    x, parameters = torch.tensor([-1e4, 1e4], dtype=dtype), own(activation, dtype)
    assert activation.function(x, *parameters).isfinite().all()
    assert activation.derivative(x, *parameters).isfinite().all()
    assert autograd(activation.function, x, *parameters).isfinite().all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(activation.numpy_function(x.numpy(), *arrays(parameters))).all()
        assert np.isfinite(activation.numpy_derivative(x.numpy(), *arrays(parameters))).all()


@pytest.mark.parametrize("name", sorted(TEXTBOOK))
def test_nan_is_passed_on(name: str) -> None:
    activation = activations.load(name)
    x, parameters = torch.tensor([float("nan")]), own(activation, torch.float32)
    assert activation.function(x, *parameters).isnan().all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(activation.numpy_function(x.numpy(), *arrays(parameters))).all()


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


def test_softplus_is_a_smooth_relu() -> None:
    softplus = activations.load("softplus")
    assert softplus.function(torch.zeros(1).double()).item() == math.log(2)
    x = points()
    above = softplus.function(x) - activations.load("relu").function(x)
    assert (above >= 0).all()
    assert above.argmax() == x.abs().argmin()


@pytest.mark.parametrize("name", ["gelu", "mish", "silu"])
def test_weighted_inputs_dip_below_zero_and_end_as_relu(name: str) -> None:
    activation = activations.load(name)
    x = points()
    y = activation.function(x)
    assert -0.4 < y.min() < -0.1
    assert activation.function(torch.zeros(1)) == 0
    far = x.abs() >= 50
    assert_close(y[far], activations.load("relu").function(x[far]))


def test_elu_levels_off_at_minus_one() -> None:
    elu = activations.load("elu")
    assert elu.function(torch.tensor([-50.0, -1e4])).tolist() == [-1.0, -1.0]
    assert autograd(elu.function, torch.zeros(1)).item() == elu.derivative(torch.zeros(1)) == 1.0


@pytest.mark.parametrize(
    ("name", "x", "expected"), [("elu", -1e-12, -1e-12), ("softplus", -40.0, math.exp(-40))]
)
def test_numpys_versions_lose_no_digits_where_values_are_small(
    name: str, x: float, expected: float
) -> None:
    y = activations.load(name).numpy_function(np.array([x]))
    assert y.item() == pytest.approx(expected, rel=1e-11, abs=0)


@pytest.mark.parametrize("alpha", [ALPHA, -0.7, 0.0, 3.0])
def test_prelu_has_one_slope_that_is_learned(alpha: float) -> None:
    prelu = activations.load("prelu")
    assert prelu.parameters == {"alpha": ALPHA}
    x, slope = farther(), torch.tensor([alpha], dtype=torch.float64)
    by_hand = positive(x) + alpha * negative(x)
    assert_close(prelu.function(x, slope), by_hand)
    assert_close(torch.from_numpy(prelu.numpy_function(x.numpy(), slope.numpy())), by_hand)
    assert_close(prelu.derivative(x, slope), autograd(prelu.function, x, slope))
    assert_close(prelu.derivative(x, slope), torch.where(x > 0, torch.ones_like(x), slope))


def by_each_parameter(
    function: Callable[..., torch.Tensor], x: torch.Tensor, parameters: Sequence[torch.Tensor]
) -> list[torch.Tensor]:
    """Autograd's derivatives by each parameter, one point of x after the other."""
    leaves = [value.clone().requires_grad_() for value in parameters]
    rows = [torch.autograd.grad(function(point, *leaves).sum(), leaves) for point in x.split(1)]
    return [torch.cat(column) for column in zip(*rows, strict=True)]


def test_prelus_derivative_by_its_slope_equals_autograd_and_the_fallback() -> None:
    prelu = activations.load("prelu")
    x, parameters = farther(), own(prelu)
    (expected,) = by_each_parameter(prelu.function, x, parameters)
    fallback = _functions.by_parameter(prelu.function, activations.source("prelu"))
    of_arrays = prelu.numpy_parameter_derivatives(x.numpy(), *arrays(parameters))
    for answers in (
        prelu.parameter_derivatives(x, *parameters),
        fallback(x, *parameters),
        tuple(map(torch.from_numpy, of_arrays)),
    ):
        assert isinstance(answers, tuple)
        (slope,) = answers
        assert_close(slope, expected)
        assert_close(slope, negative(x))


def test_prelus_module_starts_from_its_initial_slope() -> None:
    (learned,) = activations.load("prelu").module().parameters()
    assert learned.tolist() == [ALPHA]


@pytest.mark.parametrize("name", sorted(set(activations.names()) - {"prelu"}))
def test_the_others_learn_nothing(name: str) -> None:
    activation = activations.load(name)
    assert activation.parameters == {}
    assert activation.parameter_derivatives(points()) == ()
    assert activation.numpy_parameter_derivatives(points().numpy()) == ()
    assert list(activation.module().parameters()) == []


SOFTSIGN = '''"""Softsign."""

def function(x):
    return x / (1 + x.abs())
'''

SCALED_SWISH = '''"""Swish with a height and a steepness that are learned."""

import torch

PARAMETERS = {"height": 1.5, "steepness": 0.7}

def function(x, height, steepness):
    return height * x * torch.sigmoid(steepness * x)
'''


def written(folder: Path, name: str, text: str) -> Activation:
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    return activations.load(path)


@pytest.fixture
def softsign(tmp_path: Path) -> Activation:
    return written(tmp_path, "softsign", SOFTSIGN)


@pytest.fixture
def swish(tmp_path: Path) -> Activation:
    return written(tmp_path, "swish", SCALED_SWISH)


def assert_all_ways(activation: Activation, function: Any, derivative: Any) -> None:
    """Function and derivative equal closed forms, as tensors, arrays and module; in no_grad too."""
    x, parameters = points(), own(activation)
    with torch.no_grad():
        assert_close(activation.function(x, *parameters), function)
        assert_close(activation.derivative(x, *parameters), derivative)
    assert_close(activation.derivative(x, *parameters), derivative)
    of_arrays = x.numpy(), *arrays(parameters)
    assert_close(torch.from_numpy(activation.numpy_function(*of_arrays)), function)
    assert_close(torch.from_numpy(activation.numpy_derivative(*of_arrays)), derivative)
    module = activation.module()
    with torch.no_grad():
        for parameter, value in zip(module.parameters(), parameters, strict=True):
            parameter.data = value
        assert_close(module(x), function)
    assert_close(autograd(module, x), derivative)


def test_a_file_with_nothing_but_its_function_is_enough(softsign: Activation) -> None:
    assert softsign.name == "softsign"
    assert softsign.formula == "softsign(x)"
    assert softsign.derivative_formula == "from autograd"
    assert softsign.closed_form is False
    assert softsign.derivative_from_output is None
    assert softsign.parameters == {}
    x = points()
    assert_all_ways(softsign, x / (1 + x.abs()), (1 + x.abs()) ** -2)
    assert softsign.parameter_derivatives(x) == ()
    assert softsign.numpy_parameter_derivatives(x.numpy()) == ()


def test_parameters_need_no_derivatives_of_their_own(swish: Activation) -> None:
    assert swish.parameters == {"height": 1.5, "steepness": 0.7}
    assert swish.closed_form is False
    x = points()
    s = torch.sigmoid(0.7 * x)
    assert_all_ways(swish, 1.5 * x * s, 1.5 * s * (1 + 0.7 * x * (1 - s)))
    parameters = own(swish)
    expected = (x * s, 1.5 * x**2 * s * (1 - s))
    with torch.no_grad():
        quietly = swish.parameter_derivatives(x, *parameters)
    for answers in (
        quietly,
        swish.parameter_derivatives(x, *parameters),
        swish.parameter_derivatives(x.clone().requires_grad_(), *parameters),
        map(torch.from_numpy, swish.numpy_parameter_derivatives(x.numpy(), *arrays(parameters))),
    ):
        for actual, by_hand in zip(answers, expected, strict=True):
            assert_close(actual, by_hand)
            assert not actual.requires_grad


def test_parameters_that_are_learned_are_those_of_the_module(swish: Activation) -> None:
    module = swish.module()
    assert [value.shape for value in module.parameters()] == [(1,), (1,)]
    assert [value.item() for value in module.parameters()] == pytest.approx([1.5, 0.7])
    other = swish.module()
    assert not {id(value) for value in module.parameters()} & set(map(id, other.parameters()))
    module(torch.ones(3)).sum().backward()
    assert all(value.grad is not None for value in module.parameters())


@every_dtype
def test_what_stands_in_for_a_missing_function_keeps_the_dtype(
    softsign: Activation, swish: Activation, dtype: torch.dtype
) -> None:
    x = torch.linspace(-3, 3, 12, dtype=dtype).reshape(3, 4)
    for activation in (softsign, swish):
        parameters = own(activation, dtype)
        of_arrays = x.numpy(), *arrays(parameters)
        results = [
            activation.derivative(x, *parameters),
            activation.module().to(dtype)(x),
            *activation.parameter_derivatives(x, *parameters),
        ]
        found = [
            activation.numpy_function(*of_arrays),
            activation.numpy_derivative(*of_arrays),
            *activation.numpy_parameter_derivatives(*of_arrays),
        ]
        for result in (*results, *map(torch.from_numpy, found)):
            assert result.shape == x.shape
            assert result.dtype == dtype


def test_each_missing_function_is_stood_in_for_by_itself(tmp_path: Path) -> None:
    half = written(
        tmp_path,
        "half",
        SOFTSIGN
        + """

def derivative(x):
    return (1 + x.abs()) ** -2

def numpy_function(x):
    return x / (1 + abs(x))

FORMULA = "x / (1 + |x|)"
""",
    )
    assert half.closed_form is True
    assert half.formula == "x / (1 + |x|)"
    x = points()
    assert_all_ways(half, x / (1 + x.abs()), (1 + x.abs()) ** -2)


def test_sampling_a_file_of_ones_own(swish: Activation) -> None:
    sampled = activations.sampled(swish)
    assert torch.equal(sampled["gradient"], sampled["derivative"])
