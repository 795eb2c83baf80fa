"""The parameters that every implementation starts from.

This folder is the registry of how biases are drawn: one file each, known by its file name, with

- `biases(fan_in, fan_out, random)`: float32 values, fan_out, drawn from the generator `random`.
"""

import importlib
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

FOLDER = Path(__file__).parent
NONE: Mapping[str, float] = MappingProxyType({})


def names() -> list[str]:
    """How biases can be drawn, sorted; imports none of them."""
    return sorted(path.stem for path in FOLDER.glob("[!_]*.py"))


def source(name: str) -> Path:
    """The file that defines how biases are drawn."""
    return FOLDER / f"{name}.py"


def initial_parameters(
    sizes: Sequence[int],
    seed: int,
    weight_std: float,
    bias_init: str,
    dtype: "torch.dtype | None" = None,
    activation_parameters: Mapping[str, float] = NONE,
) -> "dict[str, torch.Tensor]":
    """Weights and biases of a fully connected network (article items B3, C2).

    `sizes` are the widths from input to output, for example (784, 256, 10). Returns W1, b1, W2,
    b2 … with shapes (fan_in, fan_out) and (fan_out,). Weights are drawn from N(0, weight_std²).
    Biases are drawn as `bias_init` says, one of `names()`: "zeros", or "framework" for what
    `torch.nn.Linear` does. The weights of a seed are the same with either.

    `activation_parameters` maps the activation's own parameters to their initial values; each
    hidden layer has them after its bias, with shape (1,): W1, b1, alpha1, W2, b2. All are float32
    unless `dtype` says otherwise.
    """
    import torch

    from mlplab.study.seeding import generator

    if bias_init not in names():
        raise ValueError(f"bias_init is {bias_init!r}, expected one of {', '.join(names())}")
    drawn = importlib.import_module(f"{__name__}.{bias_init}").biases
    weights = generator(seed, "weights")
    biases = generator(seed, "biases")
    parameters = {}
    dtype = dtype or torch.float32
    hidden_layers = len(sizes) - 2
    for layer, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes), start=1):
        # Drawn in float32 whatever the dtype, so that all precisions start from the same values.
        weight = torch.randn(fan_in, fan_out, generator=weights) * weight_std
        parameters[f"W{layer}"] = weight.to(dtype)
        parameters[f"b{layer}"] = drawn(fan_in, fan_out, biases).to(dtype)
        if layer <= hidden_layers:
            for name, value in activation_parameters.items():
                parameters[f"{name}{layer}"] = torch.tensor([value], dtype=torch.float32).to(dtype)
    return parameters
