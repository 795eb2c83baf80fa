"""The sigmoid (article items A4, A5): it squeezes any value into (0, 1)."""

import numpy as np
import scipy  # Imports scipy.special when that is first used: it takes a while.
import torch
from numpy.typing import NDArray

FORMULA = "sigmoid(x) = 1 / (1 + exp(-x))"
DERIVATIVE_FORMULA = "sigmoid(x) (1 - sigmoid(x))"

Module = torch.nn.Sigmoid


def function(x: torch.Tensor) -> torch.Tensor:
    """The framework's sigmoid: the formula as written overflows for large negative x."""
    return torch.sigmoid(x)


def derivative(x: torch.Tensor) -> torch.Tensor:
    """Greatest at 0, where it is 1/4."""
    return derivative_from_output(torch.sigmoid(x))


def derivative_from_output(y: torch.Tensor) -> torch.Tensor:
    """The textbook's y (1 - y)."""
    return y * (1 - y)


def numpy_function(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """SciPy's sigmoid, which does not overflow."""
    return scipy.special.expit(x)


def numpy_derivative(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """Greatest at 0, where it is 1/4."""
    y = scipy.special.expit(x)
    return y * (1 - y)
