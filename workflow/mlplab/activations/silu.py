"""SiLU, the sigmoid linear unit, also called swish: x, weighted with its own sigmoid.

Elfwing, Uchibe, Doya: Sigmoid-weighted linear units for neural network function approximation in
reinforcement learning, Neural Networks 107 (2018).
"""

import numpy as np
import scipy  # Imports scipy.special when that is first used: it takes a while.
import torch
from numpy.typing import NDArray

FORMULA = "SiLU(x) = x sigmoid(x) = x / (1 + exp(-x))"
DERIVATIVE_FORMULA = "sigmoid(x) (1 + x (1 - sigmoid(x)))"

Module = torch.nn.SiLU


def function(x: torch.Tensor) -> torch.Tensor:
    """The formula, in the framework's single pass."""
    return torch.nn.functional.silu(x)


def derivative(x: torch.Tensor) -> torch.Tensor:
    """The product rule, with the derivative s (1 - s) of the sigmoid s."""
    s = torch.sigmoid(x)
    return s * (1 + x * (1 - s))


def numpy_function(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """The formula with SciPy's sigmoid, which does not overflow."""
    return x * scipy.special.expit(x)


def numpy_derivative(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """The product rule, with the derivative s (1 - s) of the sigmoid s."""
    s = scipy.special.expit(x)
    return s * (1 + x * (1 - s))
