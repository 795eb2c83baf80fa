"""Biases that are zero (article item B3)."""

import torch


def biases(fan_in: int, fan_out: int, random: torch.Generator) -> torch.Tensor:
    """Zeros, fan_out."""
    return torch.zeros(fan_out)
