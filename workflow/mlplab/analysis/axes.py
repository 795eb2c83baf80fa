"""The axes of the grid as quantities: which are numbers, and how their values are spaced."""

import math
from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

from mlplab.study import grid

AXES = ["axis", "value", "quantity", "scale", "number"]
# Two values, of which nothing says how they are spaced, are so many times apart on a log scale.
DECADE = 10


def axes_table(runs: pd.DataFrame, axes: Sequence[str]) -> pd.DataFrame:
    """A row per value of each axis of the grid, in its order; `axes` are the further ones.

    `value` is the value as text. An axis is a `quantity` where each value is a `number`: the
    "value" itself, or of hidden layers their "width" where there is one, their "depth" where all
    have one width. It is drawn on a `scale`, "linear" or "log". What is no quantity has "", NaN.
    """
    rows = []
    for axis in (*grid.IDENTITY, *axes):
        values = list(dict.fromkeys(runs[axis].tolist()))
        quantity, numbers = ("", []) if axis in grid.IDENTITY else _quantity(axis, values)
        found = numbers if quantity else [math.nan] * len(values)
        scale = _scale(numbers) if quantity else ""
        rows += [
            (axis, str(value), quantity, scale, number)
            for value, number in zip(values, found, strict=True)
        ]
    return pd.DataFrame(rows, columns=AXES)


def _quantity(axis: str, values: Sequence[Hashable]) -> tuple[str, list[float]]:
    """What the values are, and the number of each; "" where they are no numbers."""
    if axis == "hidden_sizes":
        # The tables hold layer sizes as text, 256 128.
        sizes = [str(value).split() for value in values]
        if all(len(each) == 1 for each in sizes):
            return "width", [float(each[0]) for each in sizes]
        if len({size for each in sizes for size in each}) == 1:
            return "depth", [float(len(each)) for each in sizes]
        return "", []
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return "value", [float(str(value)) for value in values]
    return "", []


def _scale(numbers: Sequence[float]) -> str:
    """The scale on which the numbers are spaced more evenly."""
    ordered = np.unique(numbers)
    if len(ordered) < 2 or ordered[0] <= 0:
        return "linear"
    if len(ordered) == 2:
        return "log" if ordered[1] >= DECADE * ordered[0] else "linear"
    uneven = [np.std(gaps) / np.mean(gaps) for gaps in map(np.diff, (ordered, np.log(ordered)))]
    return "log" if uneven[1] < uneven[0] - 1e-9 else "linear"
