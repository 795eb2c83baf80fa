"""Softplus, a smooth ReLU: its gradient is the sigmoid.

Dugas, Bengio, Bélisle, Nadeau, Garcia: Incorporating second-order functional knowledge for better
option pricing, NIPS 2000.
"""

from functools import partial

import numpy as np
import scipy  # Imports scipy.special when that is first used: it takes a while.
import torch
from numpy.typing import NDArray

FORMULA = "softplus(x) = log(1 + exp(x))"
DERIVATIVE_FORMULA = "sigmoid(x) = 1 / (1 + exp(-x))"

# Beyond its threshold the framework returns x. At its default of 20 that is off by 2e-9, at 40 by
# less than float64 can tell, and exp(40) is far from overflow in float32.
THRESHOLD = 40.0

Module = partial(torch.nn.Softplus, threshold=THRESHOLD)


def function(x: torch.Tensor) -> torch.Tensor:
    """The formula, in the framework's single pass; x itself where the formula would overflow."""
    return torch.nn.functional.softplus(x, threshold=THRESHOLD)


def derivative(x: torch.Tensor) -> torch.Tensor:
    """The sigmoid."""
    return torch.sigmoid(x)


def numpy_function(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """The formula with the greater of exp(0) and exp(x) taken out, so that nothing overflows."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def numpy_derivative(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """SciPy's sigmoid, which does not overflow."""
    return scipy.special.expit(x)
