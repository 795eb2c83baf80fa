"""What a trained network got right and wrong, from its predictions on the test set."""

import math
import os
from math import nan
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from mlplab.errors import UserError
from mlplab.files import read_json, write_json
from mlplab.study.record import read_rows

Path = str | os.PathLike[str]


def confusion_matrix(
    labels: NDArray[np.integer], predictions: NDArray[np.integer], classes: int
) -> NDArray[np.int64]:
    """Counts, c × c: row the true class, column the predicted one."""
    cells = labels.astype(np.int64) * classes + predictions
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def _ratio(numerator: NDArray[np.int64], denominator: NDArray[np.int64]) -> NDArray[np.float64]:
    """Elementwise quotient, 0 where nothing is counted (scikit-learn's convention as well)."""
    return numerator / np.maximum(denominator, 1)


def scores(predictions: pa.Table, class_names: tuple[str, ...]) -> dict[str, Any]:
    """Accuracy and loss, macro F1, per-class precision, recall, F1, and confusion matrix.

    `predictions` is a prediction_table. What is not finite is None: a loss that is not, and every
    score where there are no predictions.
    """
    labels = predictions["label"].to_numpy()
    predicted = predictions["prediction"].to_numpy()
    confusion = confusion_matrix(labels, predicted, len(class_names))
    hits = confusion.diagonal()
    precision = _ratio(hits, confusion.sum(axis=0))
    recall = _ratio(hits, confusion.sum(axis=1))
    f1 = _ratio(2 * hits, confusion.sum(axis=0) + confusion.sum(axis=1))
    images = len(labels)
    loss = -float(predictions["label_log_probability"].to_numpy().sum()) / images if images else nan
    return {
        "images": images,
        "accuracy": int(hits.sum()) / images if images else None,
        "loss": loss if math.isfinite(loss) else None,
        "macro_f1": float(f1.mean()) if images else None,
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
    predictions: Path, history: Path, manifest: Path, scored_on: str, evaluation: Path
) -> None:
    """Score a run's predictions on a split and write the scores to `evaluation` (JSON).

    Raises UserError where they contradict the accuracy that the run's history ends with.
    """
    class_names = tuple(read_json(manifest)["class_names"])
    scored = {"split": scored_on, **scores(pyarrow.parquet.read_table(predictions), class_names)}
    rows = read_rows(history)
    if rows:
        last = rows[-1][f"{scored_on}_accuracy"]
        if not math.isclose(scored["accuracy"], last, abs_tol=1e-12):
            raise UserError(
                f"{predictions}: {scored_on} accuracy {scored['accuracy']} contradicts the "
                f"{last} of {history}; train this run again: "
                f"snakemake --cores all --forcerun {history}"
            )
        print(f"{scored_on} accuracy {scored['accuracy']:.4f}, macro F1 {scored['macro_f1']:.4f}")
    else:
        print("this run failed: there is nothing to score")
    write_json(evaluation, scored)
