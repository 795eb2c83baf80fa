"""What the seeds of a study say about pairs of its groups."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from mlplab.analysis import statistics
from mlplab.analysis.pairs import Pair, columns_of, pairs_of

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
    for _, family in itertools.groupby(pairs_of(runs, axes, metric), lambda pair: pair.kind):
        pairs = list(family)
        tests = statistics.permutation_tests([pair.values[0] - pair.values[1] for pair in pairs])
        found = zip(pairs, tests, strict=True)
        rows += _corrected([_compared(pair, margin, tested) for pair, tested in found])
    return pd.DataFrame(rows, columns=columns_of(axes, *COMPARED))


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
