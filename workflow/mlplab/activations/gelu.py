"""GELU, the Gaussian error linear unit: x, weighted with the share of a normal population below it.

Hendrycks, Gimpel: Gaussian error linear units (GELUs), arXiv:1606.08415 (2016); the exact form, not
the approximation by tanh.
"""

import math

import numpy as np
import scipy  # Imports scipy.special when that is first used: it takes a while.
import torch
from numpy.typing import NDArray

FORMULA = "GELU(x) = x Φ(x), with Φ(x) = (1 + erf(x / √2)) / 2"
DERIVATIVE_FORMULA = "Φ(x) + x φ(x), with φ(x) = exp(-x² / 2) / √(2π)"

SQRT_2, SQRT_2_PI = math.sqrt(2), math.sqrt(2 * math.pi)

Module = torch.nn.GELU


def function(x: torch.Tensor) -> torch.Tensor:
    """The formula, in the framework's single pass."""
    return torch.nn.functional.gelu(x)


def derivative(x: torch.Tensor) -> torch.Tensor:
    """The product rule: φ is the derivative of Φ."""
    share = (1 + torch.erf(x / SQRT_2)) / 2
    return share + x * torch.exp(-x * x / 2) / SQRT_2_PI


def numpy_function(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """The formula as written, with SciPy's erf."""
    return x * (1 + scipy.special.erf(x / SQRT_2)) / 2


def numpy_derivative(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """The product rule: φ is the derivative of Φ."""
    return (1 + scipy.special.erf(x / SQRT_2)) / 2 + x * np.exp(-x * x / 2) / SQRT_2_PI
