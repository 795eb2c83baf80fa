"""The hyperbolic tangent (article items A6, A7): odd about the origin, with values in (-1, 1)."""

import numpy as np
import torch
from numpy.typing import NDArray

FORMULA = "tanh(x) = (1 - exp(-2x)) / (1 + exp(-2x))"
DERIVATIVE_FORMULA = "1 - tanh²(x)"

Module = torch.nn.Tanh


def function(x: torch.Tensor) -> torch.Tensor:
    """The framework's tanh: the formula as written overflows for large negative x."""
    return torch.tanh(x)


def derivative(x: torch.Tensor) -> torch.Tensor:
    """Greatest at 0, where it is 1."""
    return derivative_from_output(torch.tanh(x))


def derivative_from_output(y: torch.Tensor) -> torch.Tensor:
    """The textbook's 1 - y²."""
    return 1 - y * y


def numpy_function(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """NumPy's tanh."""
    return np.tanh(x)


def numpy_derivative(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """Greatest at 0, where it is 1."""
    return 1 - np.tanh(x) ** 2
