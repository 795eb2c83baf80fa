"""Trained networks in int8: small enough for the page to carry, and what that costs in accuracy.

A weight matrix is kept as whole numbers from -127 to 127, with one float32 scale for each column,
which belongs to one unit: W = scale * W8. Biases and an activation's own parameters stay float32.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]
Values = NDArray[np.float64]
# H of Z in a hidden layer; layers count from 1.
Function = Callable[[int, Values], Values]

# What all carried networks may take, in bytes: as text, compressed, a third more at most.
BUDGET = 640_000
# An activation whose formula the page lacks is carried as a table: its points, and how far it
# reaches beyond the values that were seen, in their range.
POINTS, BEYOND = 2001, 0.25
# A table is carried where no greater share of images than this gets another class by it.
OTHERWISE = 0.001
GREATEST = 127
BATCH = 1000


def quantised(parameters: Arrays) -> dict[str, NDArray[Any]]:
    """W1, b1, W2 … with weights as int8 and their scales as `W1.scale`; float32 all else."""
    found: dict[str, NDArray[Any]] = {}
    for name, value in parameters.items():
        if not _is_weight(name):
            found[name] = value.astype(np.float32)
            continue
        scale = (np.abs(value).max(axis=0) / GREATEST).astype(np.float32)
        # A unit without weights: whatever its scale is, they are 0.
        steps = value.astype(np.float64) / np.where(scale == 0, 1, scale)
        found[name] = np.clip(np.rint(steps), -GREATEST, GREATEST).astype(np.int8)
        found[f"{name}.scale"] = scale
    return found


def restored(arrays: Arrays) -> dict[str, Values]:
    """The parameters that int8 weights stand for, in float64: exact products of two numbers."""
    wide = {name: value.astype(np.float64) for name, value in arrays.items()}
    return {
        name: value * wide[f"{name}.scale"] if _is_weight(name) else value
        for name, value in wide.items()
        if not name.endswith(".scale")
    }


def _is_weight(name: str) -> bool:
    return name[0] == "W" and name[1:].isdecimal()


def depth(parameters: Arrays) -> int:
    """How many layers have weights."""
    return sum(map(_is_weight, parameters))


def size(arrays: Arrays) -> int:
    """How many bytes some arrays take."""
    return sum(value.nbytes for value in arrays.values())


def logits(parameters: Mapping[str, Values], images: Values, function: Function) -> Values:
    """Scores n × c in float64, of images n × pixels from 0 to 1."""
    last = depth(parameters)
    values = images
    for layer in range(1, last + 1):
        values = values @ parameters[f"W{layer}"] + parameters[f"b{layer}"]
        if layer < last:
            values = function(layer, values)
    return values


def batches(images: NDArray[np.uint8], pixel_max: int) -> Iterator[Values]:
    """Images n × h × w as rows of float64 from 0 to 1, some at a time."""
    for start in range(0, len(images), BATCH):
        some = images[start : start + BATCH]
        yield some.reshape(len(some), -1).astype(np.float64) / pixel_max


def classes(
    parameters: Mapping[str, Values],
    images: NDArray[np.uint8],
    pixel_max: int,
    function: Function,
) -> NDArray[np.int64]:
    """The class with the greatest score of each image, n."""
    found = [
        logits(parameters, some, function).argmax(axis=1) for some in batches(images, pixel_max)
    ]
    return np.concatenate(found) if found else np.empty(0, np.int64)


class Ranges:
    """A function as it is, which notes the least and the greatest value of each hidden layer."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self.seen: dict[int, tuple[float, float]] = {}

    def __call__(self, layer: int, values: Values) -> Values:
        """H of Z, noted."""
        low, high = self.seen.get(layer, (np.inf, -np.inf))
        self.seen[layer] = min(low, float(values.min())), max(high, float(values.max()))
        return self._function(layer, values)

    def tables(self) -> dict[str, NDArray[np.float32]]:
        """The function over a range that holds all that was seen, as `f1`, `f2` …; see `by_table`.

        The first two numbers are the range, the others the function at as many points as there are.
        """
        found = {}
        for layer, (low, high) in self.seen.items():
            room = max(BEYOND * (high - low), 1.0)
            ends = np.array([low - room, high + room], np.float32).astype(np.float64)
            points = np.linspace(ends[0], ends[1], POINTS)
            values = self._function(layer, points[np.newaxis])[0]
            found[f"f{layer}"] = np.concatenate([ends, values]).astype(np.float32)
        return found


def by_table(arrays: Arrays) -> Function:
    """A function that is read off tables, straight from point to point and on beyond the ends."""

    def function(layer: int, values: Values) -> Values:
        (low, high), table = np.split(arrays[f"f{layer}"].astype(np.float64), [2])
        place = (values - low) / (high - low) * (len(table) - 1)
        left = np.clip(np.floor(place), 0, len(table) - 2).astype(int)
        return table[left] + (place - left) * (table[left + 1] - table[left])

    return function


def typical(
    runs: pd.DataFrame, axes: Sequence[str], standing: str, metric: str
) -> dict[str, pd.Series]:
    """The run that stands for each activation, by its name, the most accurate first.

    Of the implementation that is `standing`: at the settings on further `axes` whose runs have the
    highest mean of `metric`, all of them finished where that can be, the run that is the median
    over seeds, the lower one of an even number.
    """
    own = runs[runs["implementation"] == standing]
    found: dict[str, pd.Series] = {}
    for activation, some in own.groupby("activation", sort=False):
        ranked = []
        for _, cell in some.groupby(list(axes), sort=False) if axes else [("", some)]:
            finished = cell[cell["status"] == "finished"].sort_values(metric, kind="stable")
            if len(finished):
                whole = len(finished) == len(cell)
                ranked.append((whole, float(finished[metric].mean()), finished))
        if ranked:
            _, _, best = max(ranked, key=lambda entry: entry[:2])
            found[str(activation)] = best.iloc[(len(best) - 1) // 2]
    return dict(sorted(found.items(), key=lambda item: -float(item[1][metric])))


COLUMNS: dict[str, Any] = {
    "activation": str,
    "run": str,
    "carried": bool,
    "function": str,
    "bytes": "Int64",
    "images": "Int64",
    "accuracy": float,
    "int8_accuracy": float,
    "changed": "Int64",
    "left_out": str,
}


def int8_table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """A row per activation of the study: the run that stands for it, as it is and in int8.

    `function` is "formula" or "table", `changed` the number of images that get another class in
    int8, `left_out` why a network is not carried. What is not known of one is missing.
    """
    table = pd.DataFrame(list(rows), columns=list(COLUMNS))
    for name in ("run", "function", "left_out"):
        table[name] = table[name].astype(object).fillna("")
    return table.astype(COLUMNS)
