"""What a trained network got right and wrong, from its predictions on the test set."""

import math
import os
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from mlplab.errors import UserError
from mlplab.files import read_json, write_json
from mlplab.record import read_history

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
    """Test accuracy and loss, macro F1, per-class precision, recall, F1, and confusion matrix.

    `predictions` is a prediction_table. The loss is None where it is not finite.
    """
    labels = predictions["label"].to_numpy()
    predicted = predictions["prediction"].to_numpy()
    confusion = confusion_matrix(labels, predicted, len(class_names))
    hits = confusion.diagonal()
    precision = _ratio(hits, confusion.sum(axis=0))
    recall = _ratio(hits, confusion.sum(axis=1))
    f1 = _ratio(2 * hits, confusion.sum(axis=0) + confusion.sum(axis=1))
    loss = -float(predictions["label_log_probability"].to_numpy().mean())
    return {
        "images": len(labels),
        "test_accuracy": int(hits.sum()) / len(labels),
        "test_loss": loss if math.isfinite(loss) else None,
        "macro_f1": float(f1.mean()),
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


def evaluate_run(predictions: Path, history: Path, manifest: Path, evaluation: Path) -> None:
    """Score a run's predictions and write the scores to `evaluation` (JSON).

    Raises UserError where they contradict the test accuracy that the run's history ends with.
    """
    class_names = tuple(read_json(manifest)["class_names"])
    scored = scores(pyarrow.parquet.read_table(predictions), class_names)
    last = read_history(history)[-1]
    if not math.isclose(scored["test_accuracy"], last["test_accuracy"], abs_tol=1e-12):
        raise UserError(
            f"{predictions}: test accuracy {scored['test_accuracy']} contradicts the "
            f"{last['test_accuracy']} of {history}; train this run again: "
            f"snakemake --cores all --forcerun {history}"
        )
    write_json(evaluation, scored)
    print(f"test accuracy {scored['test_accuracy']:.4f}, macro F1 {scored['macro_f1']:.4f}")
