"""pandas tables of a study: one row per run, per cell, per class."""

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mlplab.errors import UserError
from mlplab.files import replacing
from mlplab.record import RunRecord
from mlplab.statistics import CONFIDENCE, t_quantile

# What a cell's runs have in common besides the further axes of the grid.
CELL = ["implementation", "activation"]


def write(
    table: pd.DataFrame, csv: str | os.PathLike[str], parquet: str | os.PathLike[str]
) -> None:
    """Write a table as CSV and as parquet, each whole or not at all."""
    with replacing(csv) as temporary:
        table.to_csv(temporary, index=False)
    with replacing(parquet) as temporary:
        table.to_parquet(temporary, index=False)


def _same(tracked: float | None, recorded: float) -> bool:
    if tracked is None:
        return False
    if math.isfinite(recorded):
        return tracked == recorded
    # MLflow keeps infinities as the greatest float.
    return not math.isfinite(tracked) or abs(tracked) > 1e300


def _published(tracked: float, recorded: float) -> float:
    """The tracked value, or the recorded one where MLflow cannot hold it."""
    return tracked if math.isfinite(recorded) else recorded


def _expected(record: RunRecord) -> dict[str, float]:
    return {**record.last, **record.final_metrics()}


def contradictions(path: str, tracked: Mapping[str, Any], record: RunRecord) -> list[str]:
    """Where MLflow's parameters and metrics of a run differ from its record on disk."""
    expected = _expected(record)
    lines = [
        f"{path}: {name} is {tracked['metrics'].get(name)} in MLflow, {value} on disk"
        for name, value in expected.items()
        if not _same(tracked["metrics"].get(name), value)
    ]
    for name, value in record.run["settings"].items():
        found = tracked["parameters"].get(name)
        if found != value:
            lines.append(f"{path}: {name} is {found!r} in MLflow, {value!r} on disk")
    return lines


def runs_table(
    tracked: Mapping[str, Mapping[str, Any]], records: Mapping[str, RunRecord]
) -> pd.DataFrame:
    """A row per run, with all settings and final metrics, as MLflow holds them.

    Raises UserError where MLflow and the records on disk disagree: neither is published then.
    """
    lines = [
        line
        for path, record in records.items()
        for line in contradictions(path, tracked[path], record)
    ]
    if lines:
        raise UserError(
            "\n".join(
                [
                    "MLflow and the files of this study contradict each other:",
                    *(f"  {line}" for line in lines[:10]),
                    *([f"  … and {len(lines) - 10} more"] if len(lines) > 10 else []),
                    "Send the runs to MLflow again, without training: "
                    "snakemake --cores all --forcerun start_study",
                ]
            )
        )
    rows = []
    for path, run in tracked.items():
        parameters = {name: _plain(value) for name, value in run["parameters"].items()}
        rows.append(
            {
                "run": path,
                **parameters,
                "status": run["status"],
                **{
                    name: _published(run["metrics"][name], recorded)
                    for name, recorded in _expected(records[path]).items()
                },
                "sanity": records[path].sanity,
                "mlflow_run_id": run["run_id"],
            }
        )
    order = {path: index for index, path in enumerate(records)}
    table = pd.DataFrame(rows).sort_values("run", key=lambda paths: paths.map(order))
    if "epochs_run" in table:
        table["epochs_run"] = table["epochs_run"].fillna(0).astype(int)
    return table.reset_index(drop=True)


def interval_half_width(values: ArrayLike) -> float:
    """Half the width of the 95 % t-interval of the mean; NaN for fewer than two values."""
    sample = np.asarray(values, dtype=np.float64)
    if len(sample) < 2:
        return math.nan
    quantile = t_quantile((1 + CONFIDENCE) / 2, len(sample) - 1)
    return float(quantile * sample.std(ddof=1) / math.sqrt(len(sample)))


def summary_table(runs: pd.DataFrame, axes: Sequence[str], split: str = "test") -> pd.DataFrame:
    """A row per cell: n, and over its seeds mean, standard deviation and 95 % t-interval.

    `axes` are the further axes of the grid; each is a column. The interval is of the accuracy on
    `split` and of the training loss; seconds per epoch are the median over runs. A cell with a run
    that diverged or failed has no mean: that of the others would look like that of all.
    """
    keys = [*CELL, *axes]
    cells: dict[tuple[Any, ...], list[int]] = {}
    for position, cell in enumerate(zip(*(runs[key].tolist() for key in keys), strict=True)):
        cells.setdefault(cell, []).append(position)
    # Plain arrays: a grid has thousands of cells, and pandas takes a millisecond for each.
    columns = runs.reindex(columns=_metrics(split)).astype(float)
    metrics = {name: column.to_numpy() for name, column in columns.items()}
    statuses, sanity = runs["status"].to_numpy(), runs["sanity"].to_numpy()
    rows = []
    for cell, positions in cells.items():
        row: dict[str, Any] = dict(zip(keys, cell, strict=True))
        status = statuses[positions].tolist()
        sound = status.count("finished") == len(status)
        row["n"] = len(positions)
        for metric in (f"{split}_accuracy", "training_loss"):
            values = metrics[metric][positions]
            mean = values.mean() if sound else math.nan
            half = interval_half_width(values) if sound else math.nan
            row[f"{metric}_mean"] = mean
            row[f"{metric}_std"] = values.std(ddof=1) if sound and len(values) > 1 else math.nan
            row[f"{metric}_low"] = mean - half
            row[f"{metric}_high"] = mean + half
        for metric in ("training_accuracy", "macro_f1"):
            row[f"{metric}_mean"] = metrics[metric][positions].mean() if sound else math.nan
        seconds = metrics["seconds_per_epoch"][positions]
        known = seconds[~np.isnan(seconds)]
        row["seconds_per_epoch_median"] = np.median(known) if len(known) else math.nan
        row["sanity_met"] = sanity[positions].tolist().count("met")
        row["diverged"] = status.count("diverged")
        row["failed"] = status.count("failed")
        rows.append(row)
    return pd.DataFrame(rows)


def _metrics(split: str) -> list[str]:
    """What the summary needs of every run; where all runs failed, no column has it."""
    own = [f"{split}_accuracy", "training_loss", "training_accuracy", "macro_f1"]
    return [*own, "seconds_per_epoch"]


def per_class_table(runs: pd.DataFrame, records: Mapping[str, RunRecord]) -> pd.DataFrame:
    """A row per run and class: precision, recall, F1 and number of test images."""
    rows = []
    for path in runs["run"]:
        run = records[path].run
        for scores in records[path].evaluation["per_class"]:
            rows.append(
                {
                    "run": path,
                    "implementation": run["implementation"],
                    "activation": run["activation"],
                    "seed": run["seed"],
                    **{axis: _plain(run["settings"][axis]) for axis in run["axes"]},
                    **scores,
                }
            )
    return pd.DataFrame(rows)


def _plain(value: Any) -> Any:
    return " ".join(map(str, value)) if isinstance(value, list) else value
