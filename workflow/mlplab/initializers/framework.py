"""Biases as `torch.nn.Linear` draws them (article item C2): from U(-1/√fan_in, 1/√fan_in)."""

import math

import torch


def biases(fan_in: int, fan_out: int, random: torch.Generator) -> torch.Tensor:
    """Uniform values, float32, fan_out."""
    return (torch.rand(fan_out, generator=random) * 2 - 1) * (1 / math.sqrt(fan_in))
