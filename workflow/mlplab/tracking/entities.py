"""A run's record in MLflow's terms: parameters, metrics, tags and the data set."""

import json
from collections.abc import Iterator
from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT, MLFLOW_SOURCE_NAME

from mlplab.study.documents import Manifest
from mlplab.study.metrics import of_run
from mlplab.study.record import RunRecord

TAG_LENGTH = 5000


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


def metrics(record: RunRecord) -> Iterator[Metric]:
    """Every point of every metric: of the history, of the diagnostics, of the whole run."""
    for row in record.history:
        for name, value in row.items():
            if name not in ("epoch", "timestamp"):
                yield Metric(name, value, row["timestamp"], row["epoch"])
    times = {0: record.run.started, **{row["epoch"]: row["timestamp"] for row in record.history}}
    for row in record.diagnostics:
        name = f"{row['quantity']}/{row['of']}"
        yield Metric(name, row["value"], times[row["epoch"]], row["epoch"])
    for name, value in of_run(record).items():
        last = record.history[-1]
        if name not in last:
            yield Metric(name, value, last["timestamp"], last["epoch"])


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
        MLFLOW_SOURCE_NAME: "Snakefile",
    }
    if run.resumed_after:
        found["resumed_after"] = text(run.resumed_after)
    if run.error:
        found["error"] = run.error[:TAG_LENGTH]
    if run.git.commit:
        found["git_commit"] = found[MLFLOW_GIT_COMMIT] = run.git.commit
    return found


def dataset_input(manifest: Manifest) -> DatasetInput:
    """The data set that a run was trained on, from the manifest that decoding left."""
    return DatasetInput(
        Dataset(
            name=manifest.name,
            digest=manifest.sha256[:32],
            source_type="http",
            source=json.dumps({"url": manifest.homepage, "files": manifest.files}),
            profile=json.dumps({split: counts.images for split, counts in manifest.counts.items()}),
        ),
        [InputTag("mlflow.data.context", "training")],
    )
