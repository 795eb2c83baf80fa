"""ReLU, the rectified linear unit (article items A2, A3, B4): it lets a value vanish or pass."""

import numpy as np
import torch
from numpy.typing import NDArray

FORMULA = "ReLU(x) = max(x, 0)"
DERIVATIVE_FORMULA = "1 where x > 0, else 0"

Module = torch.nn.ReLU


def function(x: torch.Tensor) -> torch.Tensor:
    """Elementwise maximum of x and 0."""
    # torch.maximum would hand half of the gradient to the zero in a tie; the subgradient at 0 is 0.
    return torch.threshold(x, 0.0, 0.0)


def derivative(x: torch.Tensor) -> torch.Tensor:
    """Step function, with the subgradient 0 at 0."""
    return (x > 0).to(x.dtype)


def derivative_from_output(y: torch.Tensor) -> torch.Tensor:
    """The sign of y = max(x, 0): 1 where x > 0, else 0."""
    return y.sign()


def numpy_function(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """Elementwise maximum of x and 0."""
    return np.maximum(x, 0)


def numpy_derivative(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """Step function, with the subgradient 0 at 0."""
    return (x > 0).astype(x.dtype)
