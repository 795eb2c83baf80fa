"""Which runs of a study are compared with which.

Activations are compared at one point of the further axes, the values of such an axis with all else
alike, both within the implementation that stands for all that agree; implementations within an
activation, at one point. Runs are paired by seed, since a seed fixes the initial parameters and the
order of the batches.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# Of an axis with more pairs of values than this, in all of the grid, none is compared.
PAIRS_AT_MOST = 1000


class Outcome(NamedTuple):
    """A run and its metric, NaN where the run is not to be counted."""

    run: str
    value: float


@dataclass(frozen=True)
class Pair:
    """Two groups to compare, each a mapping of seed → outcome.

    `kind` is what they differ in, `point` has the further axes as text, "" for the compared one.
    """

    kind: str
    within: str
    point: dict[str, str]
    first: str
    second: str
    first_runs: Mapping[int, Outcome]
    second_runs: Mapping[int, Outcome]

    @property
    def identity(self) -> dict[str, Any]:
        """The columns that name the pair."""
        return {
            "kind": self.kind,
            "within": self.within,
            **self.point,
            "first": self.first,
            "second": self.second,
        }

    @cached_property
    def seeds(self) -> list[int]:
        """The seeds, in order, of which both runs count."""
        shared = self.first_runs.keys() & self.second_runs.keys()
        return sorted(
            seed
            for seed in shared
            if math.isfinite(self.first_runs[seed].value + self.second_runs[seed].value)
        )

    @property
    def values(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The metric of either group's runs, one for each of the seeds."""
        first, second = (
            np.array([runs[seed].value for seed in self.seeds], dtype=np.float64)
            for runs in (self.first_runs, self.second_runs)
        )
        return first, second

    @property
    def couples(self) -> list[tuple[str, str]]:
        """The runs that make a pair, one for each of the seeds."""
        return [(self.first_runs[seed].run, self.second_runs[seed].run) for seed in self.seeds]

    @property
    def left_out(self) -> int:
        """How many seeds of either group make no pair."""
        return len(self.first_runs.keys() | self.second_runs.keys()) - len(self.seeds)


def columns_of(axes: Sequence[str], *names: str) -> list[str]:
    """Those that name a pair, and further ones."""
    return ["kind", "within", *axes, "first", "second", *names]


def _outcomes(runs: pd.DataFrame, metric: str) -> list[Outcome]:
    """The outcome of each run, in order."""
    finished = runs["status"].eq("finished")
    # Where no run finished, the table may lack the metric.
    values = runs[metric].where(finished) if finished.any() else [math.nan] * len(runs)
    return [Outcome(*outcome) for outcome in zip(runs["run"], map(float, values), strict=True)]


def kinds(axes: Sequence[str], metric: str) -> list[str]:
    """What may be compared, in the order of the tables.

    Not how many images are held out, where these are what runs are scored on.
    """
    comparable = [a for a in axes if a != "validation_size" or "validation" not in metric]
    return ["activation", *comparable, "implementation"]


def pairs_of(runs: pd.DataFrame, axes: Sequence[str], metric: str, standing: str) -> Iterator[Pair]:
    """Every pair of groups, kind by kind; `standing` is the implementation that stands for all.

    ValueError where a cell has two runs of one seed.
    """
    standing_for_all = runs[runs["implementation"] == standing]
    for kind in kinds(axes, metric):
        of_kind = runs if kind == "implementation" else standing_for_all
        blocks = _blocks(of_kind, [axis for axis in axes if axis != kind], metric, kind)
        amount = sum(math.comb(len(cells), 2) for cells in blocks.values())
        if kind in axes and amount > PAIRS_AT_MOST:
            continue
        for (within, point), cells in blocks.items():
            named = {axis: "" for axis in axes} | dict(point)
            for first, second in itertools.combinations(cells, 2):
                yield Pair(kind, within, named, first, second, cells[first], cells[second])


# Where pairs are: what they are within, and the point of the further axes.
Block = tuple[str, tuple[tuple[str, str], ...]]


def _blocks(
    runs: pd.DataFrame, rest: Sequence[str], metric: str, kind: str
) -> dict[Block, dict[str, dict[int, Outcome]]]:
    """What is alike in all else → value of what is compared → seed → outcome."""
    alike = [name for name in ("implementation", "activation") if name != kind]
    blocks: dict[Block, dict[str, dict[int, Outcome]]] = {}
    columns = (runs[name].map(str) for name in (*alike, *rest))
    outcomes = _outcomes(runs, metric)
    for *key, value, seed, outcome in zip(
        *columns, runs[kind].map(str), runs["seed"], outcomes, strict=True
    ):
        within, point = ", ".join(key[: len(alike)]), key[len(alike) :]
        block = within, tuple(zip(rest, point, strict=True))
        cell = blocks.setdefault(block, {}).setdefault(value, {})
        if seed in cell:
            raise ValueError(
                f"runs of one cell have the same seed: {cell[seed].run}, {outcome.run}"
            )
        cell[seed] = outcome
    return blocks
