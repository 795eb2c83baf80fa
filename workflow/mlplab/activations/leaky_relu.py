"""Leaky ReLU: a hundredth of a negative value still passes, so no unit is ever without a gradient.

Maas, Hannun, Ng: Rectifier nonlinearities improve neural network acoustic models, ICML 2013.
"""

import numpy as np
import torch
from numpy.typing import NDArray

FORMULA = "LeakyReLU(x) = max(0, x) + 0.01 min(0, x)"
DERIVATIVE_FORMULA = "1 where x > 0, else 0.01"

SLOPE = 0.01

Module = torch.nn.LeakyReLU


def function(x: torch.Tensor) -> torch.Tensor:
    """The formula, in the framework's single pass."""
    return torch.nn.functional.leaky_relu(x, SLOPE)


def derivative(x: torch.Tensor) -> torch.Tensor:
    """Slope of the side that x is on; at 0 that of the negative one."""
    return torch.where(x > 0, torch.ones_like(x), SLOPE)


# The output has the sign of the input, so it tells as much.
derivative_from_output = derivative


def numpy_function(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """The formula as written."""
    return np.maximum(x, 0) + SLOPE * np.minimum(x, 0)


def numpy_derivative(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """Slope of the side that x is on; at 0 that of the negative one."""
    return np.where(x > 0, 1, SLOPE).astype(x.dtype)
