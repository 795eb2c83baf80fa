"""The identity: no activation at all, and so what a network does that is but one linear map.

Saxe, McClelland, Ganguli: Exact solutions to the nonlinear dynamics of learning in deep linear
neural networks, ICLR 2014.
"""

import numpy as np
import torch
from numpy.typing import NDArray

FORMULA = "identity(x) = x"
DERIVATIVE_FORMULA = "1"

Module = torch.nn.Identity


def function(x: torch.Tensor) -> torch.Tensor:
    """The same tensor."""
    return x


def derivative(x: torch.Tensor) -> torch.Tensor:
    """1 everywhere."""
    return torch.ones_like(x)


def numpy_function(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """The same array."""
    return x


def numpy_derivative(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """1 everywhere."""
    return np.ones_like(x)
