"""Parametrised ReLU: the slope α of its negative side is learned, one for each hidden layer.

He, Zhang, Ren, Sun: Delving deep into rectifiers, ICCV 2015, with the initial α of its section 2.
"""

import numpy as np
import torch
from numpy.typing import NDArray

FORMULA = "pReLU(x) = max(0, x) + α min(0, x)"
DERIVATIVE_FORMULA = "1 where x > 0, else α (and min(0, x) by α)"
PARAMETERS = {"alpha": 0.25}

Module = torch.nn.PReLU


def function(x: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
    """The formula, in the framework's single pass."""
    return torch.nn.functional.prelu(x, alpha)


def derivative(x: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
    """Slope of the side that x is on; at 0 that of the negative one."""
    return torch.where(x > 0, torch.ones_like(alpha), alpha)


def parameter_derivatives(x: torch.Tensor, alpha: torch.Tensor) -> tuple[torch.Tensor]:
    """By α: min(0, x)."""
    return (x.clamp(max=0),)


def numpy_function(x: NDArray[np.floating], alpha: NDArray[np.floating]) -> NDArray[np.floating]:
    """The formula as written."""
    return np.maximum(x, 0) + alpha * np.minimum(x, 0)


def numpy_derivative(x: NDArray[np.floating], alpha: NDArray[np.floating]) -> NDArray[np.floating]:
    """Slope of the side that x is on; at 0 that of the negative one."""
    return np.where(x > 0, np.ones_like(alpha), alpha)


def numpy_parameter_derivatives(
    x: NDArray[np.floating], alpha: NDArray[np.floating]
) -> tuple[NDArray[np.floating]]:
    """By α: min(0, x)."""
    return (np.minimum(x, 0),)
