"""The hyperbolic tangent (article items A6, A7): odd about the origin, with values in (-1, 1)."""

import torch

FORMULA = "tanh(x) = (1 - exp(-2x)) / (1 + exp(-2x))"
DERIVATIVE_FORMULA = "1 - tanh²(x)"

Module = torch.nn.Tanh


def function(x: torch.Tensor) -> torch.Tensor:
    """The framework's tanh: the formula as written overflows for large negative x."""
    return torch.tanh(x)


def derivative(x: torch.Tensor) -> torch.Tensor:
    """Greatest at 0, where it is 1."""
    return 1 - torch.tanh(x) ** 2
