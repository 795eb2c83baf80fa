"""What the seeds of a study, and the images it is scored on, say about pairs of its groups."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlplab.analysis import statistics
from mlplab.analysis.images import Correct
from mlplab.analysis.means import LEAST, Means, unsettled
from mlplab.analysis.pairs import Pair, columns_of
from mlplab.study import words

COMPARED = (
    *("metric", "n", "left_out", "mean_first", "mean_second"),
    *("difference", "low", "high", "seeds_low", "seeds_high", "p", "p_holm", "effect_size"),
    *("ahead", "ties", "ahead_share", "ahead_low", "ahead_high"),
    *("margin", "p_equivalence", "p_equivalence_holm", "equivalent"),
    *("alpha", "verdict", "conclusion"),
)


def comparisons_table(
    pairs: Sequence[Pair], correct: Correct, axes: Sequence[str], margin: float, metric: str
) -> pd.DataFrame:
    """A row per pair of groups: the mean difference over seeds and what may be concluded.

    `pairs` are of the `metric`, a score from 0 to 1 of which more is better; `axes` are the further
    axes of the grid, `margin` the difference below which implementations count as equivalent. The
    interval from `low` to `high` is over seeds and images, that from `seeds_low` over seeds alone.
    Difference and equivalence have one standard: the same seeds and images, the same statistic
    (`means`), Holm's correction over all rows of one `kind`, the level `alpha`. `ahead` counts the
    seeds on which the first is ahead, `ahead_share` is the probability of it on a further seed.

    `verdict` is "told apart", "not told apart"; "runs missing" where seeds are left out, since the
    runs that finished may be others than those that would have; "no pair", or why else there is no
    test (`means.unsettled`). ValueError for another kind of metric.
    """
    if not metric.endswith(("accuracy", "f1")):
        raise ValueError(f"{metric} is no score from 0 to 1 of which more is better")
    rows = []
    for _, family in itertools.groupby(pairs, lambda pair: pair.kind):
        rows += _family(list(family), correct, margin, metric)
    return pd.DataFrame(rows, columns=columns_of(axes, *COMPARED))


def _family(
    pairs: Sequence[Pair], correct: Correct, margin: float, metric: str
) -> list[dict[str, Any]]:
    """The rows of one kind, with Holm's corrections and their conclusions."""
    samples = [pair.values[0] - pair.values[1] for pair in pairs]
    couples = [tuple(zip(*pair.couples, strict=True)) or ((), ()) for pair in pairs]
    errors = [correct.error(*couple) for couple in couples]
    means = Means.of(samples, *zip(*errors, strict=True))
    low, high = means.interval(-1, 1)
    seeds_low, seeds_high = means.seeds_alone().interval(-1, 1)
    complete = np.array([not pair.left_out for pair in pairs])
    p = np.where(complete, means.p_other(0.0), math.nan)
    compared: dict[str, Any] = {
        "metric": metric,
        **{"difference": means.mean, "low": low, "high": high},
        **{"seeds_low": seeds_low, "seeds_high": seeds_high},
        **{"p": p, "p_holm": statistics.holm(p), "alpha": statistics.ALPHA},
    }
    if pairs[0].kind == "implementation":
        within = np.where(complete, means.p_within(margin), math.nan)
        holm = statistics.holm(within)
        compared |= {"margin": margin, "p_equivalence": within, "p_equivalence_holm": holm}
    columns = {name: np.broadcast_to(each, len(pairs)).tolist() for name, each in compared.items()}
    rows = []
    for index, (pair, differences) in enumerate(zip(pairs, samples, strict=True)):
        row = _counted(pair, differences) | {name: each[index] for name, each in columns.items()}
        corrected = row.get("p_equivalence_holm", math.nan)
        row["equivalent"] = None if math.isnan(corrected) else corrected < statistics.ALPHA
        row["verdict"] = _verdict(row, differences)
        rows.append(row | {"conclusion": _conclusion(row)})
    return rows


def _counted(pair: Pair, differences: np.ndarray) -> dict[str, Any]:
    """What is said of a pair without regard to others."""
    first, second = pair.values
    wins = statistics.win_share(differences)
    return {
        **pair.identity,
        "n": len(differences),
        "left_out": pair.left_out,
        "mean_first": float(first.mean()) if len(first) else math.nan,
        "mean_second": float(second.mean()) if len(second) else math.nan,
        "effect_size": statistics.hedges_g_z(differences),
        **{"ahead": wins.wins, "ties": wins.ties, "ahead_share": wins.share},
        **{"ahead_low": wins.low, "ahead_high": wins.high},
    }


def _verdict(row: Mapping[str, Any], differences: np.ndarray) -> str:
    if not row["n"]:
        return "no pair"
    if row["left_out"]:
        return "runs missing"
    told = "told apart" if row["p_holm"] < row["alpha"] else "not told apart"
    return unsettled(differences) or told


def _conclusion(row: Mapping[str, Any]) -> str:
    if row["verdict"] == "no pair":
        return "no seed on which both finished"
    if row["verdict"] == "runs missing":
        every = row["n"] + row["left_out"]
        return (
            f"{row['left_out']} of {every} seeds left out, on which a run did not finish: "
            "the others are survivors, and nothing is concluded from them"
        )
    if row["verdict"] == "too few seeds":
        return f"n = {row['n']}: nothing is concluded from fewer than {LEAST} seeds"
    if row["verdict"] == "identical":
        return f"identical on all {row['n']} seeds"
    if row["verdict"] == "same difference on every seed":
        points = f"{100 * abs(row['difference']):.2g} percentage points"
        return f"{points} apart on all {row['n']} seeds: no spread, so no test"
    return "; ".join([_difference(row), *([] if row["equivalent"] is None else [_within(row)])])


def _difference(row: Mapping[str, Any]) -> str:
    p = f"p = {row['p_holm']:.2g} after Holm's correction"
    if row["verdict"] == "not told apart":
        return f"not told apart ({p})"
    ahead, sign = (row["first"], 1) if row["difference"] > 0 else (row["second"], -1)
    low, high = sorted((100 * sign * row["low"], 100 * sign * row["high"]))
    ahead = words.tabulated(row["kind"], ahead)
    seeds = row["ahead"] if sign > 0 else row["n"] - row["ahead"] - row["ties"]
    return (
        f"{ahead} is ahead by {100 * abs(row['difference']):.2g} percentage points (95 % interval "
        f"{low:.2g} to {high:.2g}; {p}), on {seeds} of {row['n']} seeds"
    )


def _within(row: Mapping[str, Any]) -> str:
    margin = f"within ±{100 * row['margin']:.3g} percentage points"
    shown = "equivalent" if row["equivalent"] else "not shown to be equivalent"
    return f"{shown} {margin} (p = {row['p_equivalence_holm']:.2g} after Holm's correction)"
