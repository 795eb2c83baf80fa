"""Which combination is the most accurate, and how sure that is."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from mlplab.report import comparing
from mlplab.report.findings._finding import Finding, group_name, point_of
from mlplab.report.wording import listed, number, spread
from mlplab.study.record import RunRecord


def accuracies(runs: pd.DataFrame, records: Mapping[str, RunRecord], split: str) -> pd.DataFrame:
    """Accuracy of finished runs on a split: a row per seed, a column per group.

    A value is the mean over implementations, without those of which no run finished. The best group
    comes first; groups with a run that diverged or failed are left out.
    """
    finished = runs["status"].eq("finished")
    runs = runs[finished.groupby(runs["implementation"]).transform("any")]
    groups = runs["run"].map(lambda path: _group(records[path].run))
    sound = runs["status"].eq("finished").groupby(groups).transform("all")
    table = (
        runs.assign(group=groups)[sound]
        .groupby(["seed", "group"])[f"{split}_accuracy"]
        .mean()
        .unstack("group")
    )
    return table[table.mean().sort_values(ascending=False, kind="stable").index]


def _group(run: Mapping[str, Any]) -> str:
    return group_name(run["activation"], point_of(run))


def _score(values: pd.Series) -> str:
    if len(values) == 1:
        return f"{number(values.mean())} from one seed"
    mean, around = number(values.mean()), spread(values.tolist())
    if mean == around:
        return f"{mean} from each of {len(values)} seeds"
    return f"{mean}, {around} over {len(values)} seeds"


def best_activation(
    runs: pd.DataFrame,
    records: Mapping[str, RunRecord],
    comparisons: pd.DataFrame,
    split: str,
) -> Finding:
    """Which group is the most accurate, which the least, and what the seeds can say of it."""
    table = accuracies(runs, records, split)
    axes = any(record.run["axes"] for record in records.values())
    title = f"Which {'combination' if axes else 'activation'} is best"
    if table.empty:
        text = "No group of runs finished, so there is nothing to compare."
        return Finding(title, [text], text)
    best, *others = table.columns
    if not others:
        text = f"Only {best} was run to its end: mean {split} accuracy {_score(table[best])}."
        return Finding(title, [text], text)
    runner_up, worst = others[0], others[-1]
    headline = (
        f"The mean {split} accuracy is highest for {best} ({_score(table[best])}) and lowest for "
        f"{worst} ({_score(table[worst])}), {number((table[best] - table[worst]).mean())} apart."
    )
    sentences = [headline]
    if runner_up != worst:
        second = f"Second is {runner_up}, {number((table[best] - table[runner_up]).mean())} behind."
        sentences.append(second)
    return Finding(title, [*sentences, *comparing.activations(comparisons)[:1]], headline)


def certainty(config: Mapping[str, Any], intervals: pd.DataFrame, split: str) -> Finding:
    """How far the numbers can be trusted: the seeds, and the number of images scored."""
    seeds = len(config["grid"]["seed"])
    if seeds == 1:
        first = (
            "With one seed there is no spread and no interval: how much of a difference is the "
            "luck of the draw cannot be said. Add seeds to the grid."
        )
    elif seeds < 10:
        first = (
            f"n = {seeds} is little: a 95 % interval then rests on {seeds - 1} "
            f"{'degree' if seeds == 2 else 'degrees'} of freedom, and an order of activations may "
            "change with other seeds."
        )
    else:
        first = f"The spread and the 95 % intervals rest on {seeds} seeds."
    error = sampling_error(intervals, split)
    note = ["The spread over seeds leaves out that all runs share one set of images.", error]
    return Finding("How sure this is", [first, *(note if error else [])])


def sampling_error(intervals: pd.DataFrame, split: str) -> str:
    """How far the accuracy of the best run is known, for the images it was scored on; "" if none.

    `intervals` is a wilson_table.
    """
    metric = f"{split}_accuracy"
    known = intervals.dropna(subset=["wilson_low", "wilson_high"])
    if known.empty:
        return ""
    best = known.sort_values(metric, ascending=False).iloc[0]
    widths = 100 * (known["wilson_high"] - known["wilson_low"])
    wide = listed(dict.fromkeys(f"{value:.2g}" for value in (widths.min(), widths.max())), "to")
    return (
        f"The highest {metric.replace('_', ' ')} of a run, {number(best[metric])}, has the 95 % "
        f"Wilson interval {number(best['wilson_low'])} to {number(best['wilson_high'])}; those of "
        f"all runs are {wide} percentage points wide."
    )
