"""The table of all runs: what MLflow holds of them, checked against the records on disk."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from mlplab.analysis.tables import plain
from mlplab.commands import again
from mlplab.errors import UserError
from mlplab.study import metrics
from mlplab.study.record import RunRecord


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


def contradictions(path: str, tracked: Mapping[str, Any], record: RunRecord) -> list[str]:
    """Where MLflow's parameters and metrics of a run differ from its record on disk."""
    lines = [
        f"{path}: {name} is {tracked['metrics'].get(name)} in MLflow, {value} on disk"
        for name, value in metrics.of_run(record).items()
        if not _same(tracked["metrics"].get(name), value)
    ]
    for name, value in record.run.settings.items():
        found = tracked["parameters"].get(name)
        if found != value:
            lines.append(f"{path}: {name} is {found!r} in MLflow, {value!r} on disk")
    return lines


def runs_table(
    tracked: Mapping[str, Mapping[str, Any]], records: Mapping[str, RunRecord]
) -> pd.DataFrame:
    """A row per run, with all settings and metrics, as MLflow holds them.

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
                    f"Send the runs to MLflow again, without training: {again('start_study')}",
                ]
            )
        )
    rows = []
    for path, run in tracked.items():
        parameters = {name: plain(value) for name, value in run["parameters"].items()}
        rows.append(
            {
                "run": path,
                **parameters,
                "status": run["status"],
                **{
                    name: _published(run["metrics"][name], recorded)
                    for name, recorded in metrics.of_run(records[path]).items()
                },
                "sanity": records[path].sanity,
                "mlflow_run_id": run["run_id"],
            }
        )
    order = {path: index for index, path in enumerate(records)}
    table = pd.DataFrame(rows).sort_values("run", key=lambda paths: paths.map(order))
    if "epochs_run" in table:
        table["epochs_run"] = table["epochs_run"].fillna(0)
    for metric in metrics.METRICS:
        # Of a run that failed some whole numbers are not known: NaN needs a float.
        if not metric.digits and metric.name in table and table[metric.name].notna().all():
            table[metric.name] = table[metric.name].astype(int)
    return table.reset_index(drop=True)
