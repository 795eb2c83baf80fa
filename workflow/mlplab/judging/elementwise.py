"""Is an activation right? What its file says in several ways, held against itself and calculus."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from mlplab.activations import Activation
from mlplab.judging.tolerances import FLOAT64_TOLERANCE
from mlplab.judging.values import difference, farthest
from mlplab.plugins import blaming

# The textbook's range in its steps (0 is left to the subgradient that the file chooses), what is
# close to 0, where most kinks are, and what is far from it.
NEAR = torch.arange(-8.0, 8.0, 0.1, dtype=torch.float64)
NEAR = NEAR[NEAR.abs() > 1e-6]
CLOSE = torch.tensor([1e-3, 1e-6, 1e-9], dtype=torch.float64)
FAR = torch.cat([torch.arange(8.05, 40.0, 0.5), torch.logspace(1.6, 3.0, 40)]).double()
POINTS = torch.cat([-FAR.flip(0), NEAR, -CLOSE, CLOSE, FAR])
# Central differences are exact to about the third root of float64's rounding.
STEP = 1e-5
SLOPE_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Found:
    """One requirement of an activation, and what came of it."""

    requirement: str
    met: bool
    detail: str
    # Without it nothing else can be said.
    basic: bool = False

    def line(self) -> str:
        """What is printed of it."""
        if self.met:
            return f"  ok     {self.requirement}" + (f" ({self.detail})" if self.detail else "")
        return f"  WRONG  {self.requirement}: {self.detail}"


def _own(activation: Activation, dtype: torch.dtype) -> list[torch.Tensor]:
    return [torch.tensor([value]).to(dtype) for value in activation.parameters.values()]


def _same(words: str, x: torch.Tensor, actual: torch.Tensor, expected: torch.Tensor) -> Found:
    """Whether two ways to say it agree at every x."""
    scale = expected.abs().clamp(min=1.0)
    found = difference(actual / scale, expected / scale)
    if found <= FLOAT64_TOLERANCE:
        return Found(words, True, f"within {found:.0e}")
    where = x[int(((actual - expected).abs() / scale).nan_to_num(torch.inf).argmax())].item()
    return Found(words, False, f"{farthest(actual, expected)}, at x = {where:.6g}")


def requirements(activation: Activation, path: Path) -> Iterator[Found]:
    """Each requirement, in the order in which to look at them: what follows may follow from it.

    Raises PlugInError, with the line in `path`, where a function breaks its interface.
    """
    with blaming(path, "the activation cannot be evaluated"):
        for basic in (_dtypes, _elementwise, _finite):
            found = replace(basic(activation), basic=True)
            yield found
            if not found.met:
                return
        yield from _slopes(activation)
        yield from _twins(activation)


def _dtypes(activation: Activation) -> Found:
    words = "keeps shape and dtype, float32 and float64"
    for dtype in (torch.float32, torch.float64):
        # Where it does not, the activation refuses it, with its line.
        activation.function(NEAR.to(dtype).reshape(-1, 1), *_own(activation, dtype))
    return Found(words, True, "")


def _elementwise(activation: Activation) -> Found:
    words = "elementwise: each value depends on its own x alone"
    own = _own(activation, torch.float64)
    whole = activation.function(POINTS.clone(), *own).detach()
    for name, x, expected in (
        ("in another order", POINTS.flip(0), whole.flip(0)),
        ("as a table", POINTS[:320].reshape(16, 20), whole[:320].reshape(16, 20)),
        ("without the rest", POINTS[100:103], whole[100:103]),
    ):
        found = activation.function(x.clone(), *own).detach()
        # Vectorised and plain loops may round the last bit differently.
        if not torch.allclose(found, expected, rtol=1e-12, atol=1e-14, equal_nan=True):
            return Found(words, False, f"the same x gives other values {name}")
    return Found(words, True, "")


def _finite(activation: Activation) -> Found:
    words = "finite up to ±1000, in float32 and float64, its derivative too"
    for dtype in (torch.float32, torch.float64):
        x, own = POINTS.to(dtype), _own(activation, dtype)
        for name, y in (
            ("function(x)", activation.function(x.clone(), *own).detach()),
            ("derivative(x)", activation.derivative(x.clone(), *own)),
            ("autograd's derivative", _gradient(activation, x, own)),
        ):
            if not y.isfinite().all():
                bad = x[~y.isfinite()]
                first = bad[bad.abs().argmin()].item()
                value = y[~y.isfinite()][int(bad.abs().argmin())].item()
                dtype_name = str(dtype).removeprefix("torch.")
                return Found(words, False, f"{name} is {value} at x = {first:.4g} in {dtype_name}")
    return Found(words, True, "")


def _gradient(activation: Activation, x: torch.Tensor, own: list[torch.Tensor]) -> torch.Tensor:
    leaf = x.clone().requires_grad_()
    y = activation.function(leaf, *own)
    (gradient,) = torch.autograd.grad(y, leaf, torch.ones_like(y))
    return gradient


def _slopes(activation: Activation) -> Iterator[Found]:
    """Derivatives against autograd's, and autograd's against differences of the function."""
    own = _own(activation, torch.float64)
    gradient = _gradient(activation, POINTS, own)
    sides = [
        (activation.function(POINTS + at, *own) - activation.function(POINTS + at - STEP, *own))
        .detach()
        .div(STEP)
        for at in (0.0, STEP)
    ]
    # At a kink the two sides differ, and any value between them is a subgradient.
    low, high = torch.minimum(*sides), torch.maximum(*sides)
    room = SLOPE_TOLERANCE * (1 + POINTS.abs())
    outside = (gradient < low - room) | (gradient > high + room)
    words = "autograd finds the slope of function(x)"
    if outside.any():
        at = int(outside.int().argmax())
        detail = f"found {gradient[at]:.6g}, expected {sides[0][at]:.6g}, at x = {POINTS[at]:.6g}"
        yield Found(words, False, detail)
    else:
        yield Found(words, True, "")
    yield _same(
        "derivative(x) against autograd", POINTS, activation.derivative(POINTS, *own), gradient
    )
    if activation.derivative_from_output is not None:
        y = activation.function(POINTS.clone(), *own).detach()
        yield _same(
            "derivative_from_output(y) against autograd",
            POINTS,
            activation.derivative_from_output(y),
            gradient,
        )
    arrays = [value.numpy() for value in own]
    yield _same(
        "numpy_derivative(x) against autograd",
        POINTS,
        torch.from_numpy(activation.numpy_derivative(POINTS.numpy(), *arrays)),
        gradient,
    )
    if own:
        yield from _by_parameters(activation, own)


def _by_parameters(activation: Activation, own: list[torch.Tensor]) -> Iterator[Found]:
    """Derivatives by each parameter against differences of the function."""
    arrays = [value.numpy() for value in own]
    found = activation.parameter_derivatives(POINTS, *own)
    in_numpy = activation.numpy_parameter_derivatives(POINTS.numpy(), *arrays)
    for index, name in enumerate(activation.parameters):
        up, down = (
            [value + sign * STEP if i == index else value for i, value in enumerate(own)]
            for sign in (1, -1)
        )
        slope = (activation.function(POINTS, *up) - activation.function(POINTS, *down)) / (2 * STEP)
        slope = slope.detach()
        for words, values in (
            (f"parameter_derivatives(x), by {name}, against differences", found[index]),
            (
                f"numpy_parameter_derivatives(x), by {name}, against differences",
                torch.from_numpy(in_numpy[index]),
            ),
        ):
            wrong = (values - slope).abs() > SLOPE_TOLERANCE * (1 + slope.abs() + POINTS.abs())
            at = int(wrong.int().argmax())
            detail = f"found {values[at]:.6g}, expected {slope[at]:.6g}, at x = {POINTS[at]:.6g}"
            yield Found(words, not wrong.any(), detail if wrong.any() else "")


def _twins(activation: Activation) -> Iterator[Found]:
    """The framework's and NumPy's version against function(x)."""
    own = _own(activation, torch.float64)
    y = activation.function(POINTS.clone(), *own).detach()
    module = activation.module().to(torch.float64)
    yield _same("the module against function(x)", POINTS, module(POINTS.clone()).detach(), y)
    arrays = [value.numpy() for value in own]
    in_numpy = torch.from_numpy(activation.numpy_function(POINTS.numpy(), *arrays))
    yield _same("numpy_function(x) against function(x)", POINTS, in_numpy, y)
