"""Which runs of a study are compared with which.

Activations are compared within an implementation, implementations within an activation, both at
one point of the further axes. Runs are paired by seed, since a seed fixes the initial parameters
and the order of the batches.
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

# What is compared → what is held fixed.
KINDS = {"activation": "implementation", "implementation": "activation"}


class Outcome(NamedTuple):
    """A run and its metric, NaN where the run is not to be counted."""

    run: str
    value: float


@dataclass(frozen=True)
class Pair:
    """Two groups to compare, each a mapping of seed → outcome."""

    kind: str
    within: str
    point: dict[str, Any]
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


def pairs_of(runs: pd.DataFrame, axes: Sequence[str], metric: str) -> Iterator[Pair]:
    """Every pair of groups in the order of the study, activations first."""
    seeds, outcomes = runs["seed"].tolist(), _outcomes(runs, metric)
    for kind, fixed in KINDS.items():
        blocks: dict[tuple[Any, ...], dict[str, dict[int, Outcome]]] = {}
        keys = zip(*(runs[column].tolist() for column in (fixed, *axes)), strict=True)
        for key, name, seed, outcome in zip(keys, runs[kind], seeds, outcomes, strict=True):
            cell = blocks.setdefault(key, {}).setdefault(str(name), {})
            if seed in cell:
                raise ValueError(
                    f"runs of one cell have the same seed: {cell[seed].run}, {outcome.run}"
                )
            cell[seed] = outcome
        for (within, *point), cells in blocks.items():
            named = dict(zip(axes, point, strict=True))
            for first, second in itertools.combinations(cells, 2):
                yield Pair(kind, str(within), named, first, second, cells[first], cells[second])
