"""Values of two networks side by side: how far apart they are, and where."""

from collections.abc import Mapping

import torch

Parameters = dict[str, torch.Tensor]
Batch = tuple[torch.Tensor, torch.Tensor]


def difference(actual: torch.Tensor, expected: torch.Tensor) -> float:
    """Greatest difference relative to the greatest value expected; 0 for bitwise equality."""
    if torch.equal(actual, expected):
        return 0.0
    scale = expected.abs().max().item()
    return ((actual - expected).abs().max() / (scale or 1.0)).item()


def farthest(actual: torch.Tensor, expected: torch.Tensor) -> str:
    """Both values where they are farthest apart, in words: found 0.12 at [3, 1], expected 0.34."""
    apart = (actual.double() - expected.double()).abs()
    # What is not finite is farthest of all.
    position = int(torch.where(apart.isfinite(), apart, torch.inf).argmax())
    found, right = (value.flatten()[position].item() for value in (actual, expected))
    index = [int(i) for i in torch.unravel_index(torch.tensor(position), actual.shape)]
    place = f" at {index}" if index else ""
    digits = next((d for d in (4, 8, 12) if f"{found:.{d}g}" != f"{right:.{d}g}"), 17)
    return f"found {found:.{digits}g}{place}, expected {right:.{digits}g}"


def copies(parameters: Mapping[str, torch.Tensor]) -> Parameters:
    """Copies of all parameters, without their gradients."""
    return {name: value.detach().clone() for name, value in parameters.items()}
