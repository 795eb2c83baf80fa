"""The parameters of a network, by layer."""

import re
from collections.abc import Mapping

import torch


def layers(parameters: Mapping[str, torch.Tensor]) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The (weight, bias) pairs of W1, b1, W2, b2 …, from input to output."""
    count = sum(name.startswith("W") for name in parameters)
    return [(parameters[f"W{layer}"], parameters[f"b{layer}"]) for layer in range(1, count + 1)]


def activation_parameters(
    parameters: Mapping[str, torch.Tensor],
) -> list[tuple[torch.Tensor, ...]]:
    """The activation's own parameters of each hidden layer, () where it has none."""
    hidden_layers = len(layers(parameters)) - 1
    found: list[tuple[torch.Tensor, ...]] = [()] * hidden_layers
    for name, value in parameters.items():
        match = re.fullmatch(r"(\D+)(\d+)", name)
        if match and match[1] not in ("W", "b"):
            found[int(match[2]) - 1] += (value,)
    return found
