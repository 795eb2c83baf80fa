"""Runs compared: training curves, accuracies and seconds."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from mlplab.figures.canvas import new_figure, nothing
from mlplab.study import metrics, words
from mlplab.study.colors import of_activation
from mlplab.study.grid import group_of
from mlplab.study.lines import lines

FIGURES = {
    "curves": {
        "rule": "plot_curves",
        "per": "group",
        "section": "Training",
        "table": "curves",
        "items": "B10",
        "shows": "Training loss, training accuracy and {split} accuracy of {of} by epoch, a panel "
        "for each implementation.",
        "caption": "{of}: how soon the loss falls, and how far the training accuracy rises above "
        "the {split} accuracy.",
    },
    "epochs": {
        "rule": "plot_overview",
        "section": "Answer",
        "table": "curves",
        "shows": "Accuracy on {split} images after every epoch, a line for each activation.",
        "caption": "A line is the mean {split} accuracy over seeds, its band goes from the lowest "
        "seed to the highest. The axis need not begin at zero.",
    },
    "accuracy": {
        "rule": "plot_overview",
        "section": "Results",
        "table": "runs",
        "shows": "Accuracy on {split} images of every run after its last epoch, by activation and "
        "implementation.",
        "caption": "Every dot is the {split} accuracy of one run after its last epoch{ranges}; "
        "every bar is the mean over seeds. Marks tell implementations apart. Look at whether two "
        "activations overlap. The axis does not begin at zero.",
    },
    "seconds": {
        "rule": "plot_overview",
        "table": "runs",
        "section": "Time",
        "shows": "Seconds of training per epoch of every run, by activation and implementation.",
        "caption": "Every dot is one run’s median over its epochs{ranges}; evaluation is left out. "
        "Runs that share a machine slow each other down, so small differences mean little.",
    },
}

CURVE_STYLES = ("-", "--", ":")
# An activation has its colour in every figure; implementations differ in their marks.
GREY = "#777777"
MARKS = ("o", "s", "^", "D", "v", "P")
# More groups than this do not fit a figure; the best are drawn.
GROUPS_AT_MOST = 30
# Of more runs than this, dots run into each other; their spread is drawn.
DOTS_AT_MOST = 2000


def curves(table: pd.DataFrame, implementations: Sequence[str], split: str = "test") -> Figure:
    """Training curves as in B10, x the epoch and y from 0.3 to 0.9 (more where data needs it).

    `table` is a curves_table of one group: a line is the mean over seeds, the band around it goes
    from the lowest to the highest. Of `implementations`, those that failed have no curve. `split`
    is the one that runs are scored on.
    """
    figure, panels = new_figure(
        4.2 * len(implementations), 3.4, ncols=len(implementations), sharey=True, squeeze=False
    )
    low, high, last_epoch = 0.3, 0.9, 1
    drawn_metrics = [metric.named(split) for metric in metrics.CURVES]
    styles = dict(zip(drawn_metrics, cycle(CURVE_STYLES), strict=False))
    for axes, implementation in zip(panels.flat, implementations, strict=True):
        own = table[table["implementation"] == implementation]
        for metric, rows in own.groupby("metric", sort=False):
            name, color = str(metric), of_activation(rows["activation"].iloc[0])
            label = words.human(name)
            axes.plot(rows["epoch"], rows["mean"], styles[name], color=color, label=label)
            band = rows["epoch"], rows["lowest"], rows["highest"]
            axes.fill_between(*band, color=color, alpha=0.2, linewidth=0)
            # A loss may start anywhere; the accuracies stay in sight whatever it does.
            if name != "training_loss":
                values = rows[["lowest", "highest"]].to_numpy()
                finite = values[np.isfinite(values)]
                low, high = min([low, *finite]), max([high, *finite])
        amount = int(own["runs"].max()) if len(own) else 0
        last_epoch = max(last_epoch, int(own["epoch"].max()) if len(own) else 1)
        seeds = "seed" if amount == 1 else "seeds"
        shown = f"{amount} {seeds}" if amount else "all runs failed"
        axes.set(xlabel="epoch", title=f"{implementation} ({shown})")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=4))
        axes.grid(alpha=0.3)
    for axes in panels.flat:
        axes.set(ylim=(low - 0.02, high + 0.02))
        if last_epoch > 1:
            axes.set(xlim=(1, last_epoch))
    drawn = next((axes for axes in panels.flat if axes.lines), None)
    if drawn is not None:
        drawn.legend(frameon=False, fontsize=9)
    return figure


def epochs(tables: Mapping[str, pd.DataFrame], split: str) -> Figure:
    """Accuracy on a split over epochs: the mean of each line, and a band from lowest to highest."""
    metric, groups = f"{split}_accuracy", tables["groups"]
    chosen = lines(tables["curves"], groups, _axes(groups), metric)
    if not chosen.drawn:
        return nothing("No run has an accuracy: all of them failed.")
    figure, axes = new_figure(7, 3.4)
    for line in chosen.drawn:
        points = line.points
        marks: dict[str, Any] = {"marker": "o"} if len(points) == 1 else {}
        axes.plot(points["epoch"], points["mean"], color=line.color, label=line.name, **marks)
        band = points["epoch"], points["lowest"], points["highest"]
        axes.fill_between(*band, color=line.color, alpha=0.15, linewidth=0)
    axes.set(xlabel="epoch", ylabel=f"{split} accuracy")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    figure.legend(frameon=False, fontsize=9, loc="outside right upper")
    return figure


def _axes(groups: pd.DataFrame) -> list[str]:
    """The further axes of the grid, which stand between the activation and who trained it."""
    columns = list(groups.columns)
    return columns[columns.index("activation") + 1 : columns.index("implementation")]


def _draw_runs(
    axes: Any, values: Sequence[float], position: float, mark: str, **style: Any
) -> None:
    """A row of runs: each a dot, or a line from least to greatest, thick over the middle half.

    Without a `mark` it is a line.
    """
    if mark:
        axes.plot(values, [position] * len(values), mark, alpha=0.6, markersize=5, **style)
        return
    finite = [value for value in values if np.isfinite(value)]
    if finite:
        low, first, third, high = np.quantile(finite, (0, 0.25, 0.75, 1))
        ends: dict[str, Any] = {"solid_capstyle": "butt", "color": style["color"]}
        axes.plot([low, high], [position] * 2, linewidth=1, **style)
        axes.plot([first, third], [position] * 2, linewidth=4, **ends)


def _values(runs: pd.DataFrame, column: str) -> dict[str, dict[str, list[float]]]:
    """Implementation → group → the value of each of its runs; NaN where there is no such column."""
    table = runs.reindex(columns=["implementation", column])
    table["group"] = runs["run"].map(group_of)
    return {
        str(implementation): {
            str(group): rows[column].tolist() for group, rows in series.groupby("group", sort=False)
        }
        for implementation, series in table.groupby("implementation", sort=False)
    }


def _dots(tables: Mapping[str, pd.DataFrame], column: str, label: str) -> Figure:
    """Runs in rows by group, in their activation's colour, with their implementation's mark.

    Where there are many groups, the best.
    """
    values = _values(tables["runs"], column)
    rows, title = tables["groups"], ""
    if len(rows) > GROUPS_AT_MOST:
        title = f"the {GROUPS_AT_MOST} most accurate of {len(rows)} combinations"
        rows = rows.sort_values("mean", ascending=False)[:GROUPS_AT_MOST]
    groups = dict(zip(rows["group"], rows["activation"], strict=True))
    names = _names(rows)
    # The names of the groups stand beside the dots, however long they are.
    width = 6 + 0.08 * max(map(len, names), default=0)
    figure, axes = new_figure(width, max(2.2, 1 + 0.36 * len(groups)))
    amounts = [len(series.get(group, ())) for series in values.values() for group in groups]
    each = sum(amounts) <= DOTS_AT_MOST
    handles = []
    for index, (series, by_group) in enumerate(values.items()):
        mark = MARKS[index % len(MARKS)] if each else ""
        ranged = "" if each else CURVE_STYLES[index % len(CURVE_STYLES)]
        ends: dict[str, Any] = {"color": GREY, "linestyle": ranged}
        handles.append(Line2D([], [], marker=mark, label=series, **ends))
        for position, (group, activation) in enumerate(groups.items()):
            place = position + _offset(index, len(values))
            if group in by_group:
                style = {"color": of_activation(activation), "linestyle": ranged}
                _draw_runs(axes, by_group[group], place, mark, **style)
    axes.set_yticks(range(len(groups)), names)
    axes.set(xlabel=label, ylim=(len(groups) - 0.4, -0.6), title=title)
    axes.grid(axis="x", alpha=0.3)
    if len(values) > 1:
        beside = (1, 0.5)
        axes.legend(
            handles=handles, frameon=False, fontsize=9, loc="center left", bbox_to_anchor=beside
        )
    return figure


def _names(groups: pd.DataFrame) -> list[str]:
    """What groups are called."""
    axes = _axes(groups)
    return [
        words.point(row["activation"], {axis: words.tabulated(axis, row[axis]) for axis in axes})
        for row in groups.to_dict("records")
    ]


def _offset(index: int, series: int) -> float:
    """Where a series stands beside its group's place, so that none hides another."""
    return (index - (series - 1) / 2) * 0.6 / max(series, 1)


def accuracy(tables: Mapping[str, pd.DataFrame], split: str) -> Figure:
    """Accuracy of each run on a split, with the means that the summary has of each cell."""
    figure = _dots(tables, f"{split}_accuracy", f"{split} accuracy")
    axes = figure.axes[0]
    places = [label.get_text() for label in axes.get_yticklabels()]
    runs, groups = tables["runs"], tables["groups"]
    names = dict(zip(groups["group"], _names(groups), strict=True))
    implementations = list(dict.fromkeys(runs["implementation"]))
    # A row of the summary is a cell, in the order of the runs.
    cells = dict.fromkeys(zip(runs["implementation"], runs["run"].map(group_of), strict=True))
    means = tables["summary"][f"{split}_accuracy_mean"]
    for (implementation, group), mean in zip(cells, means, strict=True):
        if names[group] in places:
            index = implementations.index(implementation)
            position = places.index(names[group]) + _offset(index, len(implementations))
            color = of_activation(group.partition("/")[0])
            axes.plot(mean, position, "|", color=color, markersize=12, mew=2)
    return figure


def seconds(tables: Mapping[str, pd.DataFrame], split: str) -> Figure:
    """Seconds of training per epoch of each run; of many groups, those of the highest accuracy."""
    figure = _dots(tables, "seconds_per_epoch", "seconds per epoch")
    figure.axes[0].set_xlim(left=0)
    return figure
