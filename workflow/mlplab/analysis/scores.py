"""What a trained network got right and wrong, from its predictions on the scored split."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet

from mlplab.commands import again
from mlplab.errors import UserError
from mlplab.files import PathLike
from mlplab.study import metrics
from mlplab.study.documents import read_manifest, write_document
from mlplab.study.predictions import Predictions, f1_scores, ratio
from mlplab.study.record import read_rows


def read_predictions(path: Path) -> Predictions:
    """A run's predictions from its file.

    Raises UserError for a file of an earlier version, which has no logits.
    """
    with pyarrow.parquet.ParquetFile(path) as file:
        if "logits" not in file.schema_arrow.names:
            raise UserError(
                f"{path} has the columns {', '.join(file.schema_arrow.names)}, but no logits: an "
                "earlier version wrote it; train this run again: "
                f"{again(path.with_name('run.json'))}"
            )
        table = file.read(columns=["label", "logits"], use_threads=False)
    logits = table["logits"].combine_chunks()
    return Predictions(
        table["label"].to_numpy(), logits.flatten().to_numpy().reshape(-1, logits.type.list_size)
    )


def scores(predictions: Predictions, split: str, class_names: Sequence[str]) -> dict[str, Any]:
    """All metrics of the predictions, per-class precision, recall and F1, and the confusion matrix.

    A metric that is not finite is None, as every one is where there are no predictions.
    """
    confusion = predictions.confusion
    correct = confusion.diagonal()
    precision = ratio(correct, confusion.sum(axis=0))
    recall = ratio(correct, confusion.sum(axis=1))
    f1 = f1_scores(confusion)
    return {
        "split": split,
        "images": len(predictions.labels),
        "metrics": metrics.scores(predictions, split),
        "per_class": [
            {
                "class": name,
                "precision": float(precision[index]),
                "recall": float(recall[index]),
                "f1": float(f1[index]),
                "images": int(confusion[index].sum()),
            }
            for index, name in enumerate(class_names)
        ],
        "confusion": confusion.tolist(),
    }


def evaluate_run(
    predictions: Path,
    history: Path,
    manifest: PathLike,
    scored_on: str,
    evaluation: PathLike,
) -> None:
    """Score a run's predictions on a split and write the scores to `evaluation` (JSON).

    Raises UserError where they contradict the accuracy that the run's history ends with.
    """
    class_names = read_manifest(manifest).class_names
    found = scores(read_predictions(predictions), scored_on, class_names)
    rows = read_rows(history)
    if rows:
        name = f"{scored_on}_accuracy"
        counted, last = found["metrics"][name], rows[-1][name]
        if not math.isclose(counted, last, abs_tol=1e-12):
            raise UserError(
                f"{predictions}: {scored_on} accuracy {counted} contradicts the "
                f"{last} of {history}; train this run again: "
                f"{again(history.with_name('run.json'))}"
            )
        print(", ".join(f"{name} {value}" for name, value in found["metrics"].items()))
    else:
        print("this run failed: there is nothing to score")
    write_document(evaluation, found)
