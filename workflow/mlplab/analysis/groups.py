"""Groups of runs: what the implementations of an activation, at a point of the grid, share."""

from collections.abc import Sequence

import pandas as pd

from mlplab.study import grid

STATISTICS = ["seeds", "mean", "lowest", "highest", "behind"]


def groups_table(runs: pd.DataFrame, axes: Sequence[str], split: str = "test") -> pd.DataFrame:
    """A row per group: its accuracy on `split`, mean over implementations, and then over seeds.

    `runs` is a runs_table, `axes` the further axes of its grid. `lowest` and `highest` are of the
    seeds; `behind` is the mean over seeds of the difference from the best group. Implementations
    of which no run finished do not count. A group with a run that diverged or failed has no mean.
    """
    table = runs.assign(group=runs["run"].map(grid.group_of))
    finished = table["status"].eq("finished")
    counted = table[finished.groupby(table["implementation"]).transform("any")]
    sound = counted["status"].eq("finished").groupby(counted["group"]).transform("all")
    metric = f"{split}_accuracy"
    by_seed = (
        counted[sound]
        .reindex(columns=["group", "seed", metric])
        .groupby(["seed", "group"])[metric]
        .mean()
        .unstack("group")
    )
    means = by_seed.mean()
    best = by_seed[means.idxmax()] if len(means) else pd.Series(dtype=float)
    statistics = pd.DataFrame(
        {
            "seeds": by_seed.count(),
            "mean": means,
            "lowest": by_seed.min(),
            "highest": by_seed.max(),
            "behind": by_seed.rsub(best, axis=0).mean(),
        },
        columns=STATISTICS,
    )
    troubles = {
        status: table["status"].eq(status).groupby(table["group"]).sum()
        for status in ("diverged", "failed")
    }
    groups = table.drop_duplicates("group")[["group", "activation", *axes]]
    joined = groups.join(statistics, on="group").join(pd.DataFrame(troubles), on="group")
    named = {name: f"{metric}_{name}" for name in STATISTICS if name != "seeds"}
    return joined.rename(columns=named).astype({"seeds": float}).reset_index(drop=True)
