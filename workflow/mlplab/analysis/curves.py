"""Training curves over seeds: what every epoch measures, as mean and range of a cell's runs."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlplab.analysis.tables import CELL, plain
from mlplab.study import metrics
from mlplab.study.record import RunRecord

POINT = ["metric", "epoch", "runs", "mean", "lowest", "highest"]


def curves_table(records: Iterable[RunRecord], axes: Sequence[str], split: str) -> pd.DataFrame:
    """A row per cell, metric with a curve and epoch that all of its runs reached.

    `lowest` and `highest` are of the runs, which may have diverged; those that failed have none.
    """
    cells: dict[tuple[Any, ...], list[RunRecord]] = {}
    for record in records:
        run = record.run
        if record.history:
            point = (plain(run.settings[axis]) for axis in axes)
            cells.setdefault((run.implementation, run.activation, *point), []).append(record)
    rows = [(*cell, *row) for cell, runs in cells.items() for row in _points(runs, split)]
    return pd.DataFrame(rows, columns=[*CELL, *axes, *POINT])


def _points(runs: Sequence[RunRecord], split: str) -> Iterable[tuple[Any, ...]]:
    shortest = min(len(record.history) for record in runs)
    for metric in metrics.CURVES:
        name = metric.named(split)
        if name not in runs[0].history[0]:
            continue
        values = np.array([[row[name] for row in record.history[:shortest]] for record in runs])
        # A loss that is not finite has no mean, and says so.
        with np.errstate(invalid="ignore"):
            found = (values.mean(axis=0), values.min(axis=0), values.max(axis=0))
        for epoch, numbers in enumerate(np.transpose(found).tolist(), start=1):
            yield name, epoch, len(runs), *numbers
