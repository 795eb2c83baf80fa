"""Tables over seeds and over classes."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mlplab.analysis.statistics import CONFIDENCE, t_quantile
from mlplab.analysis.tables import CELL, plain
from mlplab.study import metrics
from mlplab.study.record import RunRecord


def interval_half_width(values: ArrayLike) -> float:
    """Half the width of the 95 % t-interval of the mean; NaN for fewer than two values."""
    sample = np.asarray(values, dtype=np.float64)
    if len(sample) < 2:
        return math.nan
    quantile = t_quantile((1 + CONFIDENCE) / 2, len(sample) - 1)
    return float(quantile * sample.std(ddof=1) / math.sqrt(len(sample)))


def summary_table(runs: pd.DataFrame, axes: Sequence[str], split: str = "test") -> pd.DataFrame:
    """A row per cell: n, and over its seeds mean, standard deviation and 95 % t-interval.

    `axes` are the further axes of the grid; each is a column. Of times of training it is the median
    over runs. A cell with a run that diverged or failed has no mean: that of the others would look
    like that of all.
    """
    keys = [*CELL, *axes]
    cells: dict[tuple[Any, ...], list[int]] = {}
    for position, cell in enumerate(zip(*(runs[key].tolist() for key in keys), strict=True)):
        cells.setdefault(cell, []).append(position)
    # Plain arrays: a grid has thousands of cells, and pandas takes a millisecond for each.
    names = {metric: metric.named(split) for metric in metrics.METRICS if metric.over_seeds}
    # Where all runs failed, no column has a metric.
    columns = runs.reindex(columns=list(names.values())).astype(float)
    values_of = {metric: columns[name].to_numpy() for metric, name in names.items()}
    statuses, sanity = runs["status"].to_numpy(), runs["sanity"].to_numpy()
    rows = []
    for cell, positions in cells.items():
        row: dict[str, Any] = dict(zip(keys, cell, strict=True))
        status = statuses[positions].tolist()
        sound = status.count("finished") == len(status)
        row["n"] = len(positions)
        for metric, name in names.items():
            values = values_of[metric][positions]
            if metric.over_seeds == "median":
                known = values[~np.isnan(values)]
                row[f"{name}_median"] = np.median(known) if len(known) else math.nan
                continue
            mean = values.mean() if sound else math.nan
            half = interval_half_width(values) if sound else math.nan
            row[f"{name}_mean"] = mean
            row[f"{name}_std"] = values.std(ddof=1) if sound and len(values) > 1 else math.nan
            row[f"{name}_low"] = mean - half
            row[f"{name}_high"] = mean + half
        row["sanity_met"] = sanity[positions].tolist().count("met")
        row["diverged"] = status.count("diverged")
        row["failed"] = status.count("failed")
        rows.append(row)
    return pd.DataFrame(rows)


def per_class_table(runs: pd.DataFrame, records: Mapping[str, RunRecord]) -> pd.DataFrame:
    """A row per run and class: precision, recall, F1 and number of test images."""
    rows = []
    for path in runs["run"]:
        run = records[path].run
        for scores in records[path].evaluation.per_class:
            rows.append(
                {
                    "run": path,
                    "implementation": run.implementation,
                    "activation": run.activation,
                    "seed": run.seed,
                    **{axis: plain(value) for axis, value in run.point.items()},
                    **scores,
                }
            )
    return pd.DataFrame(rows)
