"""The sigmoid (article items A4, A5): it squeezes any value into (0, 1)."""

import torch

FORMULA = "sigmoid(x) = 1 / (1 + exp(-x))"
DERIVATIVE_FORMULA = "sigmoid(x) (1 - sigmoid(x))"

Module = torch.nn.Sigmoid


def function(x: torch.Tensor) -> torch.Tensor:
    """The framework's sigmoid: the formula as written overflows for large negative x."""
    return torch.sigmoid(x)


def derivative(x: torch.Tensor) -> torch.Tensor:
    """Greatest at 0, where it is 1/4."""
    y = torch.sigmoid(x)
    return y * (1 - y)
