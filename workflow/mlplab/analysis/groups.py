"""Groups of runs: an activation at a point of the grid, ranked, with how sure the ranks are."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlplab.analysis import statistics
from mlplab.analysis.images import Correct
from mlplab.analysis.means import Means, unsettled
from mlplab.study import grid

RANKED = [
    *("implementation", "metric", "seeds", "images", "mean", "low", "high", "lowest", "highest"),
    *("behind", "behind_low", "behind_high", "p", "p_corrected"),
    *("ahead", "ties", "ahead_share", "ahead_low", "ahead_high", "alpha", "verdict"),
]


def groups_table(
    runs: pd.DataFrame, correct: Correct, axes: Sequence[str], metric: str, standing: str
) -> pd.DataFrame:
    """A row per group, of the runs of the implementation `standing` for all that agree.

    `runs` is a runs_table, `axes` the further axes of its grid. `mean` with its interval is over
    seeds and images, `lowest` and `highest` are of the seeds. `behind` is the mean difference from
    the best group, `ahead` on how many seeds the best is ahead of this one, and `ahead_share` the
    probability of it on a further seed. p is corrected for all pairs of groups there are, since the
    best was not named beforehand. `verdict` says what the group is to the best: "best", "told
    apart", "not told apart", or why there is no test (`means.unsettled`); "" for a group with a run
    that did not finish, which has no mean.
    """
    table = runs.assign(group=runs["run"].map(grid.group_of))
    groups = table.drop_duplicates("group")[["group", "activation", *axes]]
    troubles = {
        status: table["status"].eq(status).groupby(table["group"]).sum()
        for status in ("diverged", "failed")
    }
    ranked = _ranked(table[table["implementation"] == standing], correct, metric)
    joined = groups.join(ranked, on="group").join(pd.DataFrame(troubles), on="group")
    named = joined.assign(
        implementation=standing,
        metric=metric,
        alpha=statistics.ALPHA,
        verdict=joined["verdict"].fillna(""),
    )
    columns = ["group", "activation", *axes, *RANKED, *troubles]
    return named.reindex(columns=columns).reset_index(drop=True)


def _ranked(runs: pd.DataFrame, correct: Correct, metric: str) -> pd.DataFrame:
    """The groups whose runs all finished, by their name."""
    sound = runs["status"].eq("finished").groupby(runs["group"]).transform("all")
    counted = runs[sound].sort_values("seed")
    if counted.empty:
        return pd.DataFrame({"verdict": pd.Series(dtype=object)})
    members = {str(group): rows for group, rows in counted.groupby("group", sort=True)}
    values = [rows[metric].to_numpy(dtype=np.float64) for rows in members.values()]
    paths = [rows["run"].tolist() for rows in members.values()]
    means = Means.of(values, *zip(*map(correct.error, paths), strict=True))
    # Ties go to the first by name, so that the order of the grid decides nothing.
    best = int(np.argmax(means.mean.round(12)))
    differences = [values[best] - each for each in values]
    errors = [correct.error(paths[best], each) for each in paths]
    behind = Means.of(differences, *zip(*errors, strict=True))
    # Nothing is compared with itself.
    others = np.arange(len(values)) != best
    p = np.where(others, behind.p_other(0.0), math.nan)
    (low, high), (behind_low, behind_high) = means.interval(0, 1), behind.interval(-1, 1)
    wins = [statistics.win_share(each) for each in differences]
    ranked = pd.DataFrame(
        {
            **{"behind_low": behind_low, "behind_high": behind_high},
            **{"p": p, "p_corrected": np.minimum(1.0, math.comb(len(values), 2) * p)},
            "ahead": [float(each.wins) for each in wins],
            "ties": [float(each.ties) for each in wins],
            "ahead_share": [each.share for each in wins],
            "ahead_low": [each.low for each in wins],
            "ahead_high": [each.high for each in wins],
        }
    )
    ranked.loc[best] = math.nan
    verdicts = [_verdict(*each) for each in zip(differences, ranked["p_corrected"], strict=True)]
    verdicts[best] = "best"
    own: dict[str, Any] = {
        "seeds": means.n,
        "images": [correct.images(each[0]) for each in paths],
        **{"mean": means.mean, "low": low, "high": high},
        "lowest": [each.min() for each in values],
        "highest": [each.max() for each in values],
        "behind": behind.mean,
        "verdict": verdicts,
    }
    found = pd.concat([pd.DataFrame(own), ranked], axis=1)
    return found.set_axis(list(members))


def _verdict(differences: np.ndarray, p: float) -> str:
    told = "told apart" if p < statistics.ALPHA else "not told apart"
    return unsettled(differences) or told
