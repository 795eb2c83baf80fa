"""One quantity of an implementation beside that of a reference, and how far apart they may be."""

import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch

from mlplab.judging.cases import Problem
from mlplab.judging.values import Parameters, difference, farthest

# Differences are relative to the greatest value of the reference's tensor.
FLOAT64_TOLERANCE = 1e-12
# Rounding grows over many steps.
MANY_STEPS_TOLERANCE = 1e-10
# In float32 the rounding of a value near 0 can decide whether a ReLU lets it pass. That moves
# single parameters, but hardly the loss.
FLOAT32_LOSS_TOLERANCE = 1e-3
FLOAT32_TOLERANCE = 1e-1
EXACT = 0.0


@dataclass(frozen=True)
class Row:
    """One compared quantity; `difference` is relative, NaN where a value is not finite.

    `values` are the two values where they are farthest apart; `mistake` is a name in the catalogue
    and `detail` its sentence, where the first difference is a known mistake.
    """

    quantity: str
    of: str
    step: int
    dtype: str
    network: str
    difference: float
    tolerance: float
    verdict: Literal["agrees", "differs", "fails"]
    detail: str = ""
    values: str = ""
    mistake: str = ""


def row_of(
    problem: Problem,
    quantity: str,
    of: str,
    step: int,
    actual: torch.Tensor,
    expected: torch.Tensor,
    tolerance: float,
) -> Row:
    """The row of one quantity, tensors of the same shape."""
    found = difference(actual, expected)
    # Where the reference itself overflows, a right implementation does so, too.
    agrees = found <= tolerance or not (expected.isfinite().all() or actual.isfinite().all())
    return Row(
        quantity=quantity,
        of=of,
        step=step,
        dtype=str(expected.dtype if expected.is_floating_point() else torch.float64)[6:],
        network=problem.network,
        difference=found,
        tolerance=tolerance,
        verdict="agrees" if agrees else "differs",
        detail="" if agrees or actual.isfinite().all() else "not finite",
        values="" if agrees else farthest(actual, expected),
    )


def _layer(name: str) -> int:
    """The number at the end of a parameter's name."""
    return int(name.lstrip(string.ascii_letters + "_"))


def each_parameter(
    problem: Problem,
    quantity: str,
    step: int,
    actual: Parameters,
    expected: Parameters,
    tolerance: float | Mapping[str, float],
) -> list[Row]:
    """A row for each parameter, of the output's layer first: the order of the backward pass."""
    names = sorted(expected, key=_layer, reverse=True)
    return [
        row_of(
            problem,
            quantity,
            name,
            step,
            actual[name],
            expected[name],
            tolerance if isinstance(tolerance, float) else tolerance[name],
        )
        for name in names
    ]
