"""What the explorer shows: the tables of runs, cells and curves as columns that a script reads.

Nothing is computed here. A value of a table is rounded only as far as it is printed the same.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from mlplab.report.tables import metrics_of, printed
from mlplab.report.wording import human, is_finite, setting
from mlplab.study import colors, metrics
from mlplab.study.metrics import Metric
from mlplab.study.record import RunRecord

# More values of single runs than this make the page too large: it has those of the last epoch.
# Of means over seeds, it then has every second epoch, or third, and so on.
VALUES_AT_MOST = 1_000_000
# Significant digits; more where the printed text needs them.
DIGITS = 9
# What accuracy is set against, and what the summary has of it over seeds.
COSTS = {"cpu_seconds_per_epoch": "median", "parameter_count": "mean"}
BAND = ("mean", "lowest", "highest")


def compact(value: Any, metric: Metric) -> float | int | None:
    """A metric's value, rounded where it is printed the same; None where it is not finite."""
    if value is None or not is_finite(number := float(value)):
        return None
    short = float(f"{number:.{DIGITS}g}")
    kept = short if printed(metric, short) == printed(metric, number) else number
    return int(kept) if kept == int(kept) else kept


def _axis(rows: pd.DataFrame) -> dict[str, Any]:
    """An axis of the grid and its values: as numbers, as tables print them, on chips, in words."""
    first = rows.iloc[0]
    name, quantity, texts = str(first["axis"]), str(first["quantity"]), rows["value"].tolist()
    labels, title = texts, human(name)
    if name == "hidden_sizes":
        labels = [_layers(text.split(), quantity) for text in texts]
        title = "units of the hidden layer" if quantity == "width" else "hidden layers"
    said = name in ("implementation", "activation", "hidden_sizes")
    return {
        "name": name,
        "title": title,
        "scale": first["scale"],
        "numbers": [_int(number) for number in rows["number"]] if quantity else None,
        "values": texts,
        "printed": [setting(text.split()) for text in texts] if name == "hidden_sizes" else texts,
        "labels": labels,
        "phrases": labels if said else [f"{title} {label}" for label in labels],
        "colors": _colors(name, texts, bool(quantity)),
    }


def _layers(sizes: Sequence[str], quantity: str) -> str:
    """Hidden layers in words: 64 units, 8 layers of 32; as they are where they differ."""
    if quantity == "width":
        return f"{sizes[0]} units"
    if len(set(sizes)) == 1:
        return f"{len(sizes)} layer{'s' if len(sizes) > 1 else ''} of {sizes[0]}"
    return setting(sizes)


def _colors(axis: str, values: Sequence[str], ordered: bool) -> list[str]:
    """A colour for each value: an activation's own, or by rank where values are ordered."""
    if axis == "activation":
        return list(map(colors.of_activation, values))
    return [
        colors.of_rank(index, len(values)) if ordered else colors.COLORS[index % len(colors.COLORS)]
        for index in range(len(values))
    ]


def _int(number: float) -> float | int:
    return int(number) if number == int(number) else number


def _positions(table: pd.DataFrame, axes: Sequence[Mapping[str, Any]]) -> dict[str, list[int]]:
    """Axis → the position of each row's value among the values of the axis."""
    found = {}
    for axis in axes:
        if axis["name"] in table:
            places = {value: index for index, value in enumerate(axis["values"])}
            found[axis["name"]] = [places[str(value)] for value in table[axis["name"]].tolist()]
    return found


def _metric(name: str, metric: Metric, split: str) -> dict[str, Any]:
    return {
        "name": name,
        "title": metric.titled(split),
        "digits": metric.digits,
        "significant": metric.significant,
        "share": metric.range == metrics.SHARE,
        "better": metric.better,
        "curve": metric.curve,
    }


Cell = tuple[Hashable, ...]


def _cells(table: pd.DataFrame, keys: Sequence[str]) -> list[Cell]:
    return list(zip(*(table[key].tolist() for key in keys), strict=True))


def _curves(
    table: pd.DataFrame, cells: Mapping[Cell, int], keys: Sequence[str], split: str
) -> dict[str, dict[str, list[list[float | None]]]]:
    """Metric → mean, lowest and highest → of each cell, epoch by epoch; [] where all failed."""
    named = {metric.named(split): metric for metric in metrics.CURVES}
    found: dict[str, dict[str, list[list[float | None]]]] = {
        name: {part: [[] for _ in cells] for part in BAND} for name in named
    }
    # The rows of a cell and metric stand epoch by epoch.
    places = [cells[cell] for cell in _cells(table, keys)]
    for part in BAND:
        # One run is its own mean, lowest and highest.
        told = table["runs"].gt(1) | (part == "mean")
        columns = (table["metric"], table[part], told)
        for place, name, value, kept in zip(places, *columns, strict=True):
            if kept:
                found[name][part][place].append(compact(value, named[name]))
    return found


def _histories(records: Sequence[RunRecord], split: str) -> dict[str, list[list[float | None]]]:
    """Metric → of each run, epoch by epoch; [] for a run that failed.

    To the last bit: readers choose seeds, and their mean is to be that of the records.
    """
    return {
        name: [
            [row[name] if is_finite(row[name]) else None for row in record.history]
            for record in records
        ]
        for name in (metric.named(split) for metric in metrics.CURVES)
    }


def _thinned(values: Any, step: int) -> Any:
    """Lists of epochs, however deep, with every `step`-th alone."""
    if step == 1:
        return values
    if isinstance(values, dict):
        return {name: _thinned(each, step) for name, each in values.items()}
    if values and isinstance(values[0], list):
        return [_thinned(each, step) for each in values]
    return [value for epoch, value in enumerate(values, start=1) if epoch % step == 0]


def _least_step(planned: Iterable[int], most: int) -> int:
    """The least step that divides all numbers of epochs and leaves `most` values; 1 where none."""
    amounts = list(planned)
    for step in range(1, min(amounts, default=1) + 1):
        even = all(amount % step == 0 for amount in set(amounts))
        if even and sum(amount // step for amount in amounts) <= most:
            return step
    return 1


def blocks(
    data: Mapping[str, pd.DataFrame], records: Mapping[str, RunRecord], split: str
) -> dict[str, Any]:
    """The blocks `runs` and `curves` by their names.

    `data` has the tables axes, runs, summary, twins and curves; `records` maps a run's path to its
    record, in the order of the table of runs.
    """
    runs, summary, twins = data["runs"], data["summary"], data["twins"]
    described = [_axis(rows) for _, rows in data["axes"].groupby("axis", sort=False)]
    keys = [axis["name"] for axis in described if axis["name"] != "seed"]
    cells = {cell: place for place, cell in enumerate(_cells(summary, keys))}
    of_runs = [cells[cell] for cell in _cells(runs, keys)]
    # Rows of twins are in the order of groups.
    twin = {cell: row for cell, row in zip(_cells(twins, keys), twins.itertuples(), strict=True)}
    same = [twin[cell] for cell in cells]
    known = metrics_of(runs, split)
    planned = [0] * len(cells)
    for place, epochs in zip(of_runs, runs["epochs"].tolist(), strict=True):
        planned[place] = int(epochs)
    curves = _curves(data["curves"], cells, keys, split)
    few = len(metrics.CURVES) * int(runs["epochs_run"].sum()) <= VALUES_AT_MOST
    single = _histories([records[path] for path in runs["run"]], split) if few else {}
    step = _least_step(planned, VALUES_AT_MOST // (len(BAND) * len(metrics.CURVES)))
    return {
        "runs": {
            "split": split,
            "axes": described,
            "metrics": [_metric(name, metric, split) for name, metric in known.items()],
            "costs": [name for name in COSTS if name in known],
            "runs": {
                **_positions(runs, described),
                "cell": of_runs,
                "status": runs["status"].tolist(),
                "epochs_run": list(map(int, runs["epochs_run"])),
                "values": {
                    name: [compact(value, metric) for value in runs[name].tolist()]
                    for name, metric in known.items()
                },
            },
            "cells": {
                **_positions(summary, described),
                **{name: summary[name].tolist() for name in ("n", "diverged", "failed")},
                "planned": planned,
                "twin": [
                    cells[(row.same_as, *cell[1:])] for cell, row in zip(cells, same, strict=True)
                ],
                "difference": [float(f"{row.difference:.2g}") for row in same],
                "costs": {
                    name: [
                        compact(value, known[name]) for value in summary[f"{name}_{over}"].tolist()
                    ]
                    for name, over in COSTS.items()
                    if name in known
                },
            },
        },
        "curves": {"step": step, "cells": _thinned(curves, step), "runs": _thinned(single, step)},
    }
