"""The parameters that every implementation starts from."""

import itertools
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch

from mlplab.study.seeding import generator

BIAS_INITS = ("zeros", "framework")
NONE: Mapping[str, float] = MappingProxyType({})


def initial_parameters(
    sizes: Sequence[int],
    seed: int,
    weight_std: float = 0.01,
    bias_init: str = "zeros",
    dtype: torch.dtype = torch.float32,
    activation_parameters: Mapping[str, float] = NONE,
) -> dict[str, torch.Tensor]:
    """Weights and biases of a fully connected network (article items B3, C2).

    `sizes` are the widths from input to output, for example (784, 256, 10). Returns W1, b1, W2,
    b2 … with shapes (fan_in, fan_out) and (fan_out,). Weights are drawn from N(0, weight_std²).
    Biases are zero, or with `bias_init="framework"` drawn from U(-1/√fan_in, 1/√fan_in) as
    `torch.nn.Linear` does. The weights of a seed are the same with either.

    `activation_parameters` maps the activation's own parameters to their initial values; each
    hidden layer has them after its bias, with shape (1,): W1, b1, alpha1, W2, b2.
    """
    if bias_init not in BIAS_INITS:
        raise ValueError(f"bias_init is {bias_init!r}, expected one of {', '.join(BIAS_INITS)}")
    weights = generator(seed, "weights")
    biases = generator(seed, "biases")
    parameters = {}
    hidden_layers = len(sizes) - 2
    for layer, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes), start=1):
        # Drawn in float32 whatever the dtype, so that all precisions start from the same values.
        weight = torch.randn(fan_in, fan_out, generator=weights) * weight_std
        bound = 1 / math.sqrt(fan_in) if bias_init == "framework" else 0.0
        bias = (torch.rand(fan_out, generator=biases) * 2 - 1) * bound
        parameters[f"W{layer}"] = weight.to(dtype)
        parameters[f"b{layer}"] = bias.to(dtype)
        if layer <= hidden_layers:
            for name, value in activation_parameters.items():
                parameters[f"{name}{layer}"] = torch.tensor([value], dtype=torch.float32).to(dtype)
    return parameters
