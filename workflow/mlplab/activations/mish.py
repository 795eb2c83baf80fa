"""Mish: x, weighted with the tanh of its softplus; smooth, and it dips below 0 before it rises.

Misra: Mish: a self regularized non-monotonic activation function, BMVC 2020.
"""

import numpy as np
import scipy  # Imports scipy.special when that is first used: it takes a while.
import torch
from numpy.typing import NDArray

FORMULA = "mish(x) = x tanh(log(1 + exp(x)))"
DERIVATIVE_FORMULA = "t + x (1 - t²) sigmoid(x), with t = tanh(log(1 + exp(x)))"

Module = torch.nn.Mish


def function(x: torch.Tensor) -> torch.Tensor:
    """The formula, in the framework's single pass."""
    return torch.nn.functional.mish(x)


def derivative(x: torch.Tensor) -> torch.Tensor:
    """The product rule: the derivative of tanh is 1 - t², that of log(1 + exp(x)) the sigmoid."""
    t = torch.tanh(torch.nn.functional.softplus(x))
    return t + x * (1 - t * t) * torch.sigmoid(x)


def _weight(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """tanh(log(1 + exp(x))), with the greater of 1 and exp(x) taken out: nothing overflows."""
    return np.tanh(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


def numpy_function(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """The formula in a form that does not overflow."""
    return x * _weight(x)


def numpy_derivative(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """The product rule: the derivative of tanh is 1 - t², that of log(1 + exp(x)) the sigmoid."""
    t = _weight(x)
    return t + x * (1 - t * t) * scipy.special.expit(x)
