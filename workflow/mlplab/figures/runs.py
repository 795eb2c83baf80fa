"""Runs compared: training curves, accuracies and seconds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mlplab.figures.canvas import COLORS, new_figure
from mlplab.study.record import RunRecord

CURVE_STYLES = ("-", "--", ":")
# More groups than this do not fit a figure; the best are drawn.
GROUPS_AT_MOST = 30
# Of more runs than this, dots run into each other; their spread is drawn.
DOTS_AT_MOST = 2000


def curves(records: Mapping[str, Sequence[RunRecord]], split: str = "test") -> Figure:
    """Training curves as in B10, x the epoch and y from 0.3 to 0.9 (more where data needs it).

    `records` maps an implementation to its runs over seeds: a line is their mean, the band around
    it goes from the lowest to the highest. Failed runs have no curve. `split` is the one that runs
    are scored on.
    """
    figure, panels = new_figure(
        4.2 * len(records), 3.4, ncols=len(records), sharey=True, squeeze=False
    )
    low, high, last_epoch = 0.3, 0.9, 1
    metrics = ("training_loss", "training_accuracy", f"{split}_accuracy")
    for axes, (implementation, all_runs) in zip(panels.flat, records.items(), strict=True):
        runs = [record for record in all_runs if record.history]
        shortest = min((len(record.history) for record in runs), default=0)
        epochs = np.arange(1, shortest + 1)
        last_epoch = max(last_epoch, shortest)
        for color, style, metric in zip(COLORS, CURVE_STYLES, metrics, strict=False):
            if not runs:
                break
            values = np.array(
                [[row[metric] for row in record.history[:shortest]] for record in runs]
            )
            label = metric.replace("_", " ")
            axes.plot(epochs, values.mean(axis=0), style, color=color, label=label)
            axes.fill_between(
                epochs, values.min(axis=0), values.max(axis=0), color=color, alpha=0.2, linewidth=0
            )
            # A loss may start anywhere; the accuracies stay in sight whatever it does.
            finite = values[np.isfinite(values)]
            if metric != "training_loss" and finite.size:
                low, high = min(low, finite.min()), max(high, finite.max())
        seeds = "seed" if len(runs) == 1 else "seeds"
        shown = f"{len(runs)} {seeds}" if runs else "all runs failed"
        axes.set(xlabel="epoch", title=f"{implementation} ({shown})")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=4))
        axes.grid(alpha=0.3)
    for axes in panels.flat:
        axes.set(ylim=(low - 0.02, high + 0.02))
        if last_epoch > 1:
            axes.set(xlim=(1, last_epoch))
    drawn = next((axes for axes in panels.flat if axes.lines), None)
    if drawn is not None:
        drawn.legend(frameon=False, fontsize=8)
    return figure


def _draw_runs(
    axes: Any, values: Sequence[float], position: float, each: bool, **style: Any
) -> None:
    """A row of runs: each a dot, or a line from least to greatest, thick over the middle half."""
    if each:
        axes.plot(values, [position] * len(values), "o", alpha=0.6, markersize=5, **style)
        return
    finite = [value for value in values if np.isfinite(value)]
    if finite:
        low, first, third, high = np.quantile(finite, (0, 0.25, 0.75, 1))
        ends: dict[str, Any] = {"solid_capstyle": "butt", "color": style["color"]}
        axes.plot([low, high], [position] * 2, linewidth=1, **style)
        axes.plot([first, third], [position] * 2, linewidth=4, **ends)


def _dots(values: Mapping[str, Mapping[str, Sequence[float]]], label: str, means: bool) -> Figure:
    """Several runs in rows by group, coloured by series; the best groups where there are many."""
    groups = list(dict.fromkeys(group for series in values.values() for group in series))
    title = ""
    if len(groups) > GROUPS_AT_MOST:

        def mean(group: str) -> float:
            dots = [dot for series in values.values() for dot in series.get(group, ())]
            return float(np.mean(dots)) if np.isfinite(dots).all() else -np.inf

        title = f"the {GROUPS_AT_MOST} highest of {len(groups)} groups"
        groups = sorted(groups, key=mean, reverse=True)[:GROUPS_AT_MOST]
    # The names of the groups stand beside the dots, however long they are.
    width = 6 + 0.07 * max(map(len, groups), default=0)
    figure, axes = new_figure(width, max(2.2, 1 + 0.36 * len(groups)))
    amounts = [len(series.get(group, ())) for series in values.values() for group in groups]
    each = sum(amounts) <= DOTS_AT_MOST
    for index, (series, by_group) in enumerate(values.items()):
        offset = (index - (len(values) - 1) / 2) * 0.6 / max(len(values), 1)
        color, named = COLORS[index % len(COLORS)], False
        for group, dots in by_group.items():
            if group not in groups:
                continue
            position = groups.index(group) + offset
            name = None if named else series
            _draw_runs(axes, dots, position, each, color=color, label=name)
            named = True
            if means and len(dots):
                axes.plot(np.mean(dots), position, "|", color=color, markersize=12, mew=2)
    axes.set_yticks(range(len(groups)), groups)
    axes.set(xlabel=label, ylim=(len(groups) - 0.4, -0.6), title=title)
    axes.grid(axis="x", alpha=0.3)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def accuracy(values: Mapping[str, Mapping[str, Sequence[float]]], split: str = "test") -> Figure:
    """Accuracy of each run on a split: implementation → activation → a value per seed."""
    return _dots(values, f"{split} accuracy", means=True)


def seconds(values: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """Seconds of training per epoch of each run: implementation → activation → a value per seed."""
    figure = _dots(values, "seconds per epoch", means=False)
    figure.axes[0].set_xlim(left=0)
    return figure
