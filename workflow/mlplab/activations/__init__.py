"""The activation functions. This folder is the registry: one file each, known by its file name.

A file defines

- `FORMULA` and `DERIVATIVE_FORMULA`: how they are printed, as plain text;
- `function(x)`: the activation, elementwise on a tensor of any shape and floating dtype;
- `derivative(x)`: its derivative in closed form, likewise;
- `Module`: the framework's counterpart, a `torch.nn.Module` class without required arguments.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Activation:
    """One activation function with everything that the study shows of it."""

    name: str
    formula: str
    derivative_formula: str
    function: "Callable[[torch.Tensor], torch.Tensor]"
    derivative: "Callable[[torch.Tensor], torch.Tensor]"
    module: "Callable[[], torch.nn.Module]"


def names() -> list[str]:
    """Names of all activations, sorted; imports none of them."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def source(name: str) -> Path:
    """The file that defines the activation `name`."""
    return Path(__path__[0], f"{name}.py")


def load(name: str) -> Activation:
    """The activation called `name`."""
    module = importlib.import_module(f"{__name__}.{name}")
    return Activation(
        name=name,
        formula=module.FORMULA,
        derivative_formula=module.DERIVATIVE_FORMULA,
        function=module.function,
        derivative=module.derivative,
        module=module.Module,
    )


def sampled(activation: Activation) -> "dict[str, torch.Tensor]":
    """The activation over the article's range (A1): x from -8.0 up to 8.0 in steps of 0.1, float32.

    Returns `x`, `function`, `gradient` (autograd's, with a vector of ones as the upstream gradient)
    and `derivative` (in closed form), each of 160 points.
    """
    import torch

    x = torch.arange(-8.0, 8.0, 0.1, requires_grad=True)
    y = activation.function(x)
    y.backward(torch.ones_like(x))
    assert x.grad is not None
    points = x.detach()
    return {
        "x": points,
        "function": y.detach(),
        "gradient": x.grad,
        "derivative": activation.derivative(points),
    }
