"""What the seeds of a study, and the images of its test set, say about pairs of its groups.

Activations are compared within an implementation, implementations within an activation, both at
one point of the further axes. Runs are paired by seed, since a seed fixes the initial parameters
and the order of the batches.
"""

import itertools
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet
from numpy.typing import NDArray

from mlplab.analysis import statistics
from mlplab.errors import UserError

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


def _columns(axes: Sequence[str], *names: str) -> list[str]:
    return ["kind", "within", *axes, "first", "second", *names]


def _outcomes(runs: pd.DataFrame, metric: str) -> list[Outcome]:
    """The outcome of each run, in order."""
    finished = runs["status"].eq("finished")
    # Where no run finished, the table may lack the metric.
    values = runs[metric].where(finished) if finished.any() else [math.nan] * len(runs)
    return [Outcome(*outcome) for outcome in zip(runs["run"], map(float, values), strict=True)]


def _pairs(runs: pd.DataFrame, axes: Sequence[str], metric: str) -> Iterator[Pair]:
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


COMPARED = (
    *("n", "left_out", "mean_first", "mean_second", "difference", "low", "high"),
    *("p_t", "p_t_holm", "p_permutation", "p_permutation_holm", "p_least", "p_least_holm"),
    *("exact", "effect_size"),
    *("margin", "p_equivalence", "equivalent", "equivalence_low", "equivalence_high"),
    *("alpha", "seeds_needed", "verdict", "conclusion"),
)


def comparisons_table(
    runs: pd.DataFrame, axes: Sequence[str], margin: float, metric: str = "test_accuracy"
) -> pd.DataFrame:
    """A row per pair of groups: the mean difference over seeds and what may be concluded.

    `runs` is a runs_table, `axes` the further axes of its grid, `metric` a score from 0 to 1 of
    which more is better, `margin` the difference in it below which implementations count as
    equivalent. Holm's correction is over all rows of one `kind`. Equivalence is not corrected:
    to claim it of all rows at once needs no correction (intersection–union), each single claim
    has its own level of 5 %. `verdict` says what the permutation test, at the level `alpha`, can
    tell: "told apart", "not told apart", "too few seeds" (with `seeds_needed` one pair of the kind
    could be) or "no pair". Only seeds vary: what another test set would say, sampling_table
    tells. ValueError where a cell has two runs of one seed, or for another kind of metric.
    """
    if not metric.endswith(("accuracy", "f1")):
        raise ValueError(f"{metric} is no score from 0 to 1 of which more is better")
    rows = []
    for _, family in itertools.groupby(_pairs(runs, axes, metric), lambda pair: pair.kind):
        pairs = list(family)
        tests = statistics.permutation_tests([pair.values[0] - pair.values[1] for pair in pairs])
        found = zip(pairs, tests, strict=True)
        rows += _corrected([_compared(pair, margin, tested) for pair, tested in found])
    return pd.DataFrame(rows, columns=_columns(axes, *COMPARED))


def _compared(pair: Pair, margin: float, permutation: statistics.Permutation) -> dict[str, Any]:
    """A row without what needs the other rows of its family; `constant` is no column."""
    first, second = pair.values
    paired = statistics.paired_mean(first - second)
    row = {
        **pair.identity,
        "n": paired.n,
        "left_out": pair.left_out,
        "mean_first": float(first.mean()) if paired.n else math.nan,
        "mean_second": float(second.mean()) if paired.n else math.nan,
        "difference": paired.mean,
        "low": paired.low,
        "high": paired.high,
        "p_t": paired.p,
        "p_permutation": permutation.p,
        "p_least": permutation.least,
        "exact": permutation.exact,
        "effect_size": statistics.hedges_g_z(first - second),
        "equivalent": None,
    }
    if pair.kind != "implementation":
        return row
    equivalence = statistics.equivalence_test(first - second, margin)
    return row | {
        "margin": margin,
        "p_equivalence": equivalence.p,
        "equivalent": equivalence.equivalent,
        "equivalence_low": equivalence.low,
        "equivalence_high": equivalence.high,
        "constant": equivalence.constant,
    }


def _corrected(family: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of one kind with Holm's corrections and their conclusions."""
    corrected = {
        f"{name}_holm": statistics.holm([row[name] for row in family]).tolist()
        for name in ("p_t", "p_permutation", "p_least")
    }
    level = {"alpha": statistics.ALPHA, "seeds_needed": _seeds_needed(family)}
    rows = [
        row | level | {name: values[index] for name, values in corrected.items()}
        for index, row in enumerate(family)
    ]
    judged = [row | {"verdict": _verdict(row)} for row in rows]
    return [row | {"conclusion": _conclusion(row)} for row in judged]


def _seeds_needed(family: Sequence[Mapping[str, Any]]) -> float:
    """The least number of seeds with which one of the pairs that there are can be told apart.

    NaN where it is more than are counted exactly.
    """
    pairs = sum(row["n"] > 0 for row in family)
    enough = (
        float(n)
        for n in range(2, statistics.MOST_EXACT + 1)
        if pairs * statistics.least_permutation_p(n) < statistics.ALPHA
    )
    return next(enough, math.nan)


def _verdict(row: Mapping[str, Any]) -> str:
    if not row["n"]:
        return "no pair"
    # Holm's p grows with each p of the family, so no data can bring it under that of the least.
    if row["p_least_holm"] >= statistics.ALPHA:
        return "too few seeds"
    told = row["p_permutation_holm"] < statistics.ALPHA
    return "told apart" if told else "not told apart"


def _conclusion(row: Mapping[str, Any]) -> str:
    if row["n"] < 2:
        return f"{'one' if row['n'] else 'no'} seed: nothing can be concluded"
    clauses = [_difference_clause(row)]
    if row["kind"] == "implementation":
        clauses.append(_equivalence_clause(row))
    if row["left_out"]:
        clauses.append(f"{row['left_out']} of {row['n'] + row['left_out']} seeds left out")
    return "; ".join(clauses)


def _difference_clause(row: Mapping[str, Any]) -> str:
    if row["verdict"] == "too few seeds":
        corrected = (
            f", or under {row['p_least_holm']:.3g} after Holm's correction"
            if row["p_least"] < statistics.ALPHA
            else ""
        )
        return (
            f"n = {row['n']}: no permutation p can fall under {row['p_least']:.3g}{corrected}, "
            "so these seeds cannot show a difference"
        )
    p = f"permutation p = {row['p_permutation_holm']:.2g} after Holm's correction"
    if row["verdict"] == "not told apart":
        return f"not told apart ({p})"
    ahead = row["first"] if row["difference"] > 0 else row["second"]
    points = f"{100 * abs(row['difference']):.2g} percentage points"
    return f"{ahead} is ahead: by {points} on average over {row['n']} seeds ({p})"


def _equivalence_clause(row: Mapping[str, Any]) -> str:
    margin = f"within ±{100 * row['margin']:.3g} percentage points"
    why = f"two one-sided t-tests: p = {row['p_equivalence']:.2g}"
    if row["constant"]:
        points = f"{100 * row['difference']:.2g} percentage points"
        why = f"by inspection, not by a test: all {row['n']} differences are {points}"
    shown = "equivalent" if row["equivalent"] else "not shown to be equivalent"
    return f"{shown} {margin} ({why})"


def sampling_table(
    runs: pd.DataFrame,
    predictions: Mapping[str, str | os.PathLike[str]],
    axes: Sequence[str],
    metric: str = "test_accuracy",
) -> pd.DataFrame:
    """A row per pair of groups and seed: McNemar's exact test over the images of the test set.

    `predictions` has the prediction_table in parquet of each run that counts. Pairs and seeds are
    those of comparisons_table; p-values are not corrected. Each file is read once, and the hits of
    one seed at one point of the axes are in memory at a time. UserError where labels differ.
    """
    pairs = list(_pairs(runs, axes, metric))
    blocks: dict[tuple[Any, ...], list[tuple[str, str]]] = {}
    for pair in pairs:
        for seed in pair.seeds:
            couple = pair.first_runs[seed].run, pair.second_runs[seed].run
            blocks.setdefault((seed, *pair.point.values()), []).append(couple)
    found: dict[tuple[str, str], statistics.McNemar] = {}
    for couples in blocks.values():
        hits = _hits(dict.fromkeys(itertools.chain(*couples)), predictions)
        found |= {
            (first, second): statistics.mcnemar_test(hits[first], hits[second])
            for first, second in couples
        }
    rows = []
    for pair in pairs:
        for seed in pair.seeds:
            tested = found[pair.first_runs[seed].run, pair.second_runs[seed].run]
            counts = {"only_first": tested.only_first, "only_second": tested.only_second}
            rows.append({**pair.identity, "seed": seed, **counts, "p_mcnemar": tested.p})
    columns = _columns(axes, "seed", "only_first", "only_second", "p_mcnemar")
    return pd.DataFrame(rows, columns=columns)


def mcnemar_table(sampling: pd.DataFrame, axes: Sequence[str]) -> pd.DataFrame:
    """A row per pair of groups, and one of each kind for all its pairs, from a sampling_table.

    On how many of its `seeds` McNemar's test tells the pair apart at the level `alpha`, and the
    medians over seeds of the images that only one of the two gets right. What names a pair is empty
    in the rows of all pairs.
    """
    keys = _columns(axes)
    rows = []
    for kind, of_kind in sampling.groupby("kind", sort=False):
        rows.append({**dict.fromkeys(keys, ""), "kind": kind, **_told_by_images(of_kind)})
        rows += [
            {**dict(zip(keys, pair, strict=True)), **_told_by_images(seeds)}
            for pair, seeds in of_kind.groupby(keys, sort=False)
        ]
    columns = [*keys, "seeds", "told_apart", "only_first_median", "only_second_median", "alpha"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(axes, str))


def _told_by_images(tests: pd.DataFrame) -> dict[str, Any]:
    return {
        "seeds": len(tests),
        "told_apart": int((tests["p_mcnemar"] < statistics.ALPHA).sum()),
        "only_first_median": float(tests["only_first"].median()),
        "only_second_median": float(tests["only_second"].median()),
        "alpha": statistics.ALPHA,
    }


def _hits(
    paths: Iterable[str], predictions: Mapping[str, str | os.PathLike[str]]
) -> dict[str, NDArray[np.bool_]]:
    """Run → a boolean per image of the test set, whether the run gets it right."""
    hits: dict[str, NDArray[np.bool_]] = {}
    labels: NDArray[np.integer] | None = None
    for path in paths:
        # For files this small, read_table takes twice the time.
        with pyarrow.parquet.ParquetFile(predictions[path]) as file:
            table = file.read(columns=["label", "prediction"], use_threads=False)
        own = table["label"].to_numpy()
        labels = own if labels is None else labels
        if not np.array_equal(own, labels):
            raise UserError(
                f"{predictions[path]}: not the test images of the other runs of this study; train "
                "its runs again: snakemake --cores all --forcerun train"
            )
        hits[path] = own == table["prediction"].to_numpy()
    return hits


def wilson_table(
    runs: pd.DataFrame,
    images: int | Sequence[int],
    axes: Sequence[str],
    metric: str = "test_accuracy",
) -> pd.DataFrame:
    """A row per run: its accuracy with the 95 % Wilson interval for the `images` it was scored on.

    `images` is one number for all runs, or one for each. NaN where there is no accuracy; ValueError
    where it is no share of so many images.
    """
    columns = ["run", "implementation", "activation", "seed", *axes, metric]
    table = runs.reindex(columns=columns).reset_index(drop=True)
    counts = [images] * len(table) if isinstance(images, int) else images
    intervals = [
        asdict(_wilson(accuracy, count))
        for accuracy, count in zip(table[metric], counts, strict=True)
    ]
    bounds = pd.DataFrame(intervals, columns=["low", "high"], dtype=float)
    bounds["width"] = bounds["high"] - bounds["low"]
    return table.join(bounds.add_prefix("wilson_"))


def _wilson(accuracy: float, images: int) -> statistics.Interval:
    if math.isnan(accuracy):
        return statistics.Interval(math.nan, math.nan)
    hits = round(accuracy * images)
    if not math.isclose(hits, accuracy * images, abs_tol=1e-6):
        raise ValueError(f"an accuracy of {accuracy} is no share of {images} images")
    return statistics.wilson_interval(hits, images)
