"""ELU, the exponential linear unit: negative values level off smoothly at -1.

Clevert, Unterthiner, Hochreiter: Fast and accurate deep network learning by exponential linear
units, ICLR 2016, with its α = 1.
"""

import numpy as np
import torch
from numpy.typing import NDArray

FORMULA = "ELU(x) = x where x > 0, else exp(x) - 1"
DERIVATIVE_FORMULA = "1 where x > 0, else exp(x)"

Module = torch.nn.ELU


def function(x: torch.Tensor) -> torch.Tensor:
    """The formula, in the framework's single pass."""
    return torch.nn.functional.elu(x)


def derivative(x: torch.Tensor) -> torch.Tensor:
    """exp(min(0, x)), which is 1 where x > 0."""
    return torch.exp(x.clamp(max=0))


def derivative_from_output(y: torch.Tensor) -> torch.Tensor:
    """On the negative side exp(x) is y + 1."""
    return y.clamp(max=0) + 1


def numpy_function(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """One side is 0 where the other is not; expm1 loses no digits near 0."""
    return np.maximum(x, 0) + np.expm1(np.minimum(x, 0))


def numpy_derivative(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """exp(min(0, x)), which is 1 where x > 0."""
    return np.exp(np.minimum(x, 0))
