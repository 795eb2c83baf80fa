"""Which combination is the most accurate, and how sure that is."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from mlplab.report import comparing
from mlplab.report.findings._finding import Finding, name_of
from mlplab.report.wording import listed, number, spread
from mlplab.study import grid


def _score(row: Mapping[Hashable, Any], metric: str) -> str:
    if row["seeds"] == 1:
        return f"{number(row[f'{metric}_mean'])} from one seed"
    mean = number(row[f"{metric}_mean"])
    around = spread([row[f"{metric}_lowest"], row[f"{metric}_highest"]])
    if mean == around:
        return f"{mean} from each of {row['seeds']:.0f} seeds"
    return f"{mean}, {around} over {row['seeds']:.0f} seeds"


def best_activation(
    config: Mapping[str, Any], groups: pd.DataFrame, comparisons: pd.DataFrame, split: str
) -> Finding:
    """Which group is the most accurate, which the least, and what the seeds can say of it."""
    every = grid.runs(config)
    axes = next(iter(every.values())).axes
    names = {path: name_of(runs[0]) for path, runs in grid.by_group(every).items()}
    metric = f"{split}_accuracy"
    known = groups.dropna(subset=[f"{metric}_mean"]).sort_values("group")
    ranked = known.sort_values(f"{metric}_mean", ascending=False, kind="stable")
    title = f"Which {'combination' if axes else 'activation'} is best"
    if ranked.empty:
        text = "No group of runs finished, so there is nothing to compare."
        return Finding("best", title, [text], text)
    best, *others = ranked.to_dict("records")
    if not others:
        text = (
            f"Only {names[best['group']]} was run to its end: mean {split} accuracy "
            f"{_score(best, metric)}."
        )
        return Finding("best", title, [text], text)
    runner_up, worst = others[0], others[-1]
    headline = (
        f"The mean {split} accuracy is highest for {names[best['group']]} ({_score(best, metric)}) "
        f"and lowest for {names[worst['group']]} ({_score(worst, metric)}), "
        f"{number(worst[f'{metric}_behind'])} apart."
    )
    sentences = [headline]
    if runner_up != worst:
        behind = number(runner_up[f"{metric}_behind"])
        sentences.append(f"Second is {names[runner_up['group']]}, {behind} behind.")
    return Finding("best", title, [*sentences, *comparing.activations(comparisons)[:1]], headline)


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
    return Finding("certainty", "How sure this is", [first, *(note if error else [])])


def sampling_error(intervals: pd.DataFrame, split: str) -> str:
    """How far the accuracy of the best run is known, for the images it was scored on; "" if none.

    `intervals` is a wilson_table.
    """
    metric = f"{split}_accuracy"
    known = intervals.dropna(subset=["wilson_low", "wilson_high"])
    if known.empty:
        return ""
    best = known.sort_values(metric, ascending=False).iloc[0]
    widths = 100 * known["wilson_width"]
    wide = listed(dict.fromkeys(f"{value:.2g}" for value in (widths.min(), widths.max())), "to")
    return (
        f"The highest {metric.replace('_', ' ')} of a run, {number(best[metric])}, has the 95 % "
        f"Wilson interval {number(best['wilson_low'])} to {number(best['wilson_high'])}; those of "
        f"all runs are {wide} percentage points wide."
    )
