"""Implementations that train the same networks: histories that are equal but for rounding."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlplab.analysis import agreement
from mlplab.analysis.tables import CELL, plain
from mlplab.study import metrics, rounding
from mlplab.study.record import RunRecord

# Metric × epoch, of the runs of a cell by their seed.
Histories = dict[int, NDArray[np.float64]]


def twins_table(
    records: Iterable[RunRecord],
    agreed: pd.DataFrame,
    axes: Sequence[str],
    split: str,
    margin: float,
) -> pd.DataFrame:
    """A row per cell: the first implementation whose histories its own equal but for rounding.

    That is `same_as`, the cell's own implementation where there is no earlier one. `agreed` is an
    agreement_table: who is wrong equals nobody. Every metric with a curve is compared, in every
    epoch of every seed: a loss may be off by a thousandth of its size, a share by `margin`;
    `difference` is the greatest that there is.
    """
    names = [metric.named(split) for metric in metrics.CURVES]
    groups: dict[tuple[Any, ...], dict[str, Histories]] = {}
    for record in records:
        run = record.run
        group = (run.activation, *(plain(run.settings[axis]) for axis in axes))
        own = groups.setdefault(group, {}).setdefault(run.implementation, {})
        own[run.seed] = np.array([[row[name] for row in record.history] for name in names])
    right = agreement.right(agreed)
    rows = []
    for (activation, *point), members in groups.items():
        for implementation, (same_as, difference) in _twins(members, names, right, margin).items():
            rows.append((implementation, activation, *point, same_as, difference))
    columns = [*CELL, *axes, "same_as", "difference"]
    return pd.DataFrame(rows, columns=columns).astype({"difference": float})


def _twins(
    members: dict[str, Histories], names: Sequence[str], right: Sequence[str], margin: float
) -> dict[str, tuple[str, float]]:
    """Implementation → the first that equals it, and by how much they differ at most."""
    found: dict[str, tuple[str, float]] = {}
    for implementation, own in members.items():
        found[implementation] = implementation, 0.0
        firsts = [name for name, (same_as, _) in found.items() if name == same_as]
        for other in firsts:
            if other == implementation or not {other, implementation} <= set(right):
                continue
            difference = _difference(members[other], own, names, margin)
            if not math.isnan(difference):
                found[implementation] = other, difference
                break
    return found


def _difference(first: Histories, second: Histories, names: Sequence[str], margin: float) -> float:
    """The greatest difference of any value; NaN where one is more than rounding, or none is there.

    A run that failed is passed over where the other's failed too.
    """
    if first.keys() != second.keys():
        return math.nan
    share = np.array([[rounding.is_share(name)] for name in names])
    greatest = math.nan
    for seed, one in first.items():
        other = second[seed]
        if one.shape != other.shape:
            return math.nan
        if not one.size:
            continue
        finite = np.isfinite(one)
        if (finite != np.isfinite(other)).any():
            return math.nan
        apart = np.abs(np.where(finite, one, 0) - np.where(finite, other, 0))
        size = np.maximum(np.abs(np.where(finite, one, 0)), np.abs(np.where(finite, other, 0)))
        if (apart > np.where(share, margin, rounding.LOSS * size)).any():
            return math.nan
        greatest = float(np.fmax(greatest, apart.max()))
    return greatest
