"""ReLU, the rectified linear unit (article items A2, A3, B4): it lets a value vanish or pass."""

import torch

FORMULA = "ReLU(x) = max(x, 0)"
DERIVATIVE_FORMULA = "1 where x > 0, else 0"

Module = torch.nn.ReLU


def function(x: torch.Tensor) -> torch.Tensor:
    """Elementwise maximum of x and 0."""
    # torch.maximum would hand half of the gradient to the zero in a tie; the subgradient at 0 is 0.
    return torch.where(x <= 0, 0.0, x)


def derivative(x: torch.Tensor) -> torch.Tensor:
    """Step function, with the subgradient 0 at 0."""
    return (x > 0).to(x.dtype)
