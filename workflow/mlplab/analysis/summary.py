"""Tables over seeds and over classes."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlplab.analysis.means import Means
from mlplab.analysis.tables import CELL, plain
from mlplab.study import metrics
from mlplab.study.record import RunRecord


def summary_table(runs: pd.DataFrame, axes: Sequence[str], split: str = "test") -> pd.DataFrame:
    """A row per cell: n, and over its seeds mean, standard deviation and 95 % interval (`means`).

    `axes` are the further axes of the grid; each is a column. Of times of training it is the median
    over runs. A cell with a run that diverged or failed has no mean: that of the others would look
    like that of all. No interval goes beyond what a metric can be.
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
    rows: list[dict[str, Any]] = []
    for cell, positions in cells.items():
        status = statuses[positions].tolist()
        rows.append(
            {
                **dict(zip(keys, cell, strict=True)),
                "n": len(positions),
                "sanity_met": sanity[positions].tolist().count("met"),
                "diverged": status.count("diverged"),
                "failed": status.count("failed"),
            }
        )
    sound = [row["diverged"] + row["failed"] == 0 for row in rows]
    each = list(cells.values())
    scored: dict[str, Any] = {}
    for metric, name in names.items():
        values = values_of[metric]
        if metric.over_seeds == "median":
            scored[f"{name}_median"] = [_median(values[positions]) for positions in each]
            continue
        samples = [values[p if whole else []] for p, whole in zip(each, sound, strict=True)]
        means = Means.of([s if np.isfinite(s).all() else s[:0] for s in samples])
        low, high = means.interval(*metric.range)
        scored |= {
            f"{name}_mean": means.mean,
            f"{name}_std": [np.std(s, ddof=1) if len(s) > 1 else math.nan for s in samples],
            f"{name}_low": low,
            f"{name}_high": high,
        }
    table = pd.DataFrame(rows)
    last = table[["sanity_met", "diverged", "failed"]]
    return pd.concat([table[[*keys, "n"]], pd.DataFrame(scored), last], axis=1)


def _median(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else math.nan


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
