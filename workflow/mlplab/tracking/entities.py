"""A run's record in MLflow's terms: parameters, metrics, tags and the data set."""

import getpass
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric
from mlflow.utils.mlflow_tags import (
    MLFLOW_GIT_COMMIT,
    MLFLOW_SOURCE_NAME,
    MLFLOW_SOURCE_TYPE,
    MLFLOW_USER,
)

from mlplab.study import colors
from mlplab.study.documents import Manifest
from mlplab.study.metrics import METRICS, of_run
from mlplab.study.record import RunRecord

TAG_LENGTH = 5000
# A request holds 1,000 metrics, parameters and tags together: room is left for the latter.
METRICS_PER_REQUEST = 800
COLOR_TAG = "mlflow.runColor"
# Of more cells the page of a study's run would be too long.
CELLS_AT_MOST = 100


def text(value: Any) -> str:
    """A parameter's value as MLflow keeps it: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def value(kept: str) -> Any:
    """The value that `text` turned into text."""
    try:
        return json.loads(kept)
    except ValueError:
        return kept


def parameters(record: RunRecord) -> dict[str, Any]:
    """What identifies a run, and its settings."""
    run = record.run
    identity = ("implementation", "activation", "seed", "dataset")
    return {**{name: getattr(run, name) for name in identity}, **run.settings}


def metrics(record: RunRecord, model_id: str | None = None) -> list[Metric]:
    """Every point of every metric: of the history, of the diagnostics, of the whole run.

    Accuracy and loss come first: MLflow lists metrics in the order that they are sent in. The run's
    model, if there is one, has what the run ends with.
    """
    split = record.run.scored_on
    names = [f"{split}_accuracy", f"{split}_loss", *(metric.named(split) for metric in METRICS)]
    ranks = {name: rank for rank, name in enumerate(dict.fromkeys(names))}
    found = sorted(_points(record), key=lambda point: ranks.get(point.key, len(ranks)))
    if model_id is None:
        return found
    end = len(record.history)
    return [
        Metric(point.key, point.value, point.timestamp, point.step, model_id)
        if point.step == end and point.key in ranks and math.isfinite(point.value)
        else point
        for point in found
    ]


def _points(record: RunRecord) -> Iterator[Metric]:
    for row in record.history:
        yield from of_epoch(row)
    times = {0: record.run.started, **{row["epoch"]: row["timestamp"] for row in record.history}}
    for row in record.diagnostics:
        # Of single units and bins, H1/17, there are hundreds: they are no curves.
        if "/" not in row["of"]:
            name = f"{row['quantity']}/{row['of']}"
            yield Metric(name, row["value"], times[row["epoch"]], row["epoch"])
    for name, value in of_run(record).items():
        last = record.history[-1]
        if name not in last:
            yield Metric(name, value, last["timestamp"], last["epoch"])


def of_epoch(row: Mapping[str, Any]) -> Iterator[Metric]:
    """The points of an epoch, a row of a history."""
    for name, value in row.items():
        if name not in ("epoch", "timestamp"):
            yield Metric(name, value, row["timestamp"], row["epoch"])


def tags(record: RunRecord, study_digest: str) -> dict[str, str]:
    """How a run ended and what made it."""
    run = record.run
    found = {
        "status": run.status,
        "sanity": record.sanity,
        "git_dirty": text(run.git.dirty),
        "data_digest": run.data_digest,
        "code_digest": run.code_digest,
        "study_digest": study_digest,
        "machine": run.machine.processor,
        "matmul_precision": run.matmul_precision,
        **source(),
        COLOR_TAG: colors.of_activation(run.activation),
    }
    if run.resumed_after:
        found["resumed_after"] = text(run.resumed_after)
    if run.error:
        found["error"] = run.error[:TAG_LENGTH]
    if run.git.commit:
        found["git_commit"] = found[MLFLOW_GIT_COMMIT] = run.git.commit
    return found


def source() -> dict[str, str]:
    """Who sends a run, and of what it is part."""
    found = {MLFLOW_SOURCE_NAME: "Snakefile", MLFLOW_SOURCE_TYPE: "LOCAL"}
    try:
        return {**found, MLFLOW_USER: getpass.getuser()}
    except (OSError, KeyError, ImportError):
        # A user without a name, as in some containers.
        return found


def dataset_inputs(manifest: Manifest, record: RunRecord) -> list[DatasetInput]:
    """The images that a run was trained on and those that it was scored on, from the manifest."""
    held_out = record.run.settings.get("validation_size", 0)
    images = {split: counts.images for split, counts in manifest.counts.items()}
    images |= {"training": images["training"] - held_out, "validation": held_out}
    return [
        DatasetInput(
            Dataset(
                name=f"{manifest.name} {split}",
                digest=manifest.sha256[:32],
                source_type="http",
                source=json.dumps({"url": manifest.homepage, "files": manifest.files}),
                profile=json.dumps({"images": images[split]}),
            ),
            [InputTag("mlflow.data.context", split)],
        )
        for split in ("training", record.run.scored_on)
    ]


def summary_metrics(
    cells: Sequence[str], rows: Sequence[Mapping[Any, Any]], split: str
) -> dict[str, float]:
    """A study's numbers: of each cell what the page's results show, accuracy with its interval.

    `rows` are those of the summary, a row for each of `cells`; of too many, the most accurate.
    A number that is not finite is left out.
    """
    accuracy = f"{split}_accuracy"
    columns = {
        metric.named(split): f"{metric.named(split)}_{metric.over_seeds}"
        for metric in METRICS
        if metric.shown in ("results", "mean")
    }
    columns |= {f"{accuracy}_{part}": f"{accuracy}_{part}" for part in ("std", "low", "high")}
    chosen = sorted(
        zip(cells, rows, strict=True),
        key=lambda pair: _least_if_unknown(pair[1][columns[accuracy]]),
    )[-CELLS_AT_MOST:]
    # MLflow takes no "=" in a name.
    return {
        f"{name}/{cell.replace('=', ' ')}": float(row[column])
        for name, column in columns.items()
        for cell, row in reversed(chosen)
        if column in row and math.isfinite(row[column])
    }


def _least_if_unknown(value: float) -> float:
    return value if math.isfinite(value) else -math.inf
