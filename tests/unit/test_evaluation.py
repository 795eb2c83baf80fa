"""Scores of predictions, against scikit-learn and against the run's own history."""

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from numpy.typing import NDArray
from scipy.special import log_softmax
from sklearn import metrics

from conftest import epoch_row, manifest
from mlplab.analysis.scores import evaluate_run, read_predictions, scores
from mlplab.errors import UserError
from mlplab.files import read_json, write_json
from mlplab.study.documents import read_evaluation
from mlplab.study.predictions import Predictions, confusion_matrix
from mlplab.study.record import write_rows
from mlplab.training.predictions import prediction_table, write_predictions

Integers = NDArray[np.int64]

NAMES = ("a", "b", "c", "d", "e")


def random_case(count: int = 500, classes: int = 5) -> tuple[Integers, Integers]:
    random = np.random.default_rng(0)
    labels = random.integers(0, classes, count)
    return labels, np.where(random.random(count) < 0.6, labels, random.integers(0, classes, count))


CASES: dict[str, tuple[Integers, Integers]] = {
    "random": random_case(),
    "three of five classes appear": random_case(classes=3),
    "all right": (np.arange(5), np.arange(5)),
    "all wrong": (np.arange(5), (np.arange(5) + 1) % 5),
    "one class is always predicted": (np.arange(20) % 5, np.full(20, 2)),
    "only one class is there": (np.full(20, 2), np.arange(20) % 5),
    "a single image": (np.array([4]), np.array([4])),
}


def one_hot(predicted: Integers) -> NDArray[np.float64]:
    return np.eye(5)[predicted]


@pytest.mark.parametrize("case", CASES)
def test_scores_are_scikit_learns(case: str) -> None:
    labels, predicted = CASES[case]
    logits = one_hot(predicted)
    scored = scores(Predictions(labels, logits), "test", NAMES)
    measured = scored["metrics"]
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        labels, predicted, labels=range(5), zero_division=0
    )
    assert scored["images"] == len(labels)
    assert measured["test_accuracy"] == metrics.accuracy_score(labels, predicted)
    assert (
        scored["confusion"] == metrics.confusion_matrix(labels, predicted, labels=range(5)).tolist()
    )
    assert [row["class"] for row in scored["per_class"]] == list(NAMES)
    for key, expected in (("precision", precision), ("recall", recall), ("f1", f1)):
        assert [row[key] for row in scored["per_class"]] == pytest.approx(expected, abs=1e-15)
    assert [row["images"] for row in scored["per_class"]] == support.tolist()
    assert measured["macro_f1"] == pytest.approx(f1.mean(), abs=1e-15)
    assert measured["negative_log_likelihood"] == pytest.approx(
        metrics.log_loss(labels, np.exp(log_softmax(logits, axis=1)), labels=range(5)), rel=1e-12
    )


def test_rows_of_the_confusion_matrix_are_true_classes() -> None:
    matrix = confusion_matrix(np.array([0, 0, 1]), np.array([1, 1, 1]), 3)
    assert matrix.tolist() == [[0, 2, 0], [0, 1, 0], [0, 0, 0]]


def test_the_confusion_matrix_of_many_classes_does_not_overflow() -> None:
    # 20 × 20 cells: more than the uint8 of the prediction table can count.
    labels = np.array([19, 19, 18], dtype=np.uint8)
    matrix = confusion_matrix(labels, np.array([19, 18, 19], dtype=np.uint8), 20)
    assert matrix.sum() == 3
    assert matrix[19, 19] == matrix[19, 18] == matrix[18, 19] == 1


def test_a_prediction_table_has_a_row_per_image() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=(50, 5)).astype(np.float32)
    labels = random.integers(0, 5, 50)
    table = prediction_table(logits, labels)
    assert table.column_names == ["label", "prediction", "logits"]
    assert table["label"].to_pylist() == labels.tolist()
    assert table["prediction"].to_pylist() == logits.argmax(axis=1).tolist()
    assert table["logits"].to_pylist() == logits.tolist()
    assert table.schema.field("logits").type == pa.list_(pa.float32(), 5)
    assert table.schema.field("label").type == table.schema.field("prediction").type == pa.uint8()


def test_log_probabilities_of_large_logits_neither_overflow_nor_vanish() -> None:
    logits = np.array([[1e5, 0.0, -1e5], [1e5, 1e5, 1e5], [-1e30, -1e30, 0.0]], dtype=np.float32)
    given = Predictions(np.array([1, 2, 2]), logits)
    of_labels = given.log_probabilities[np.arange(3), given.labels]
    assert of_labels.tolist() == pytest.approx([-1e5, -math.log(3), 0.0])
    assert given.probabilities.max(axis=1).tolist() == pytest.approx([1.0, 1 / 3, 1.0])
    loss = scores(given, "test", NAMES[:3])["metrics"]["negative_log_likelihood"]
    assert loss == pytest.approx((1e5 + math.log(3)) / 3)


def test_log_probabilities_are_computed_in_float64() -> None:
    given = Predictions(np.array([0]), np.array([[0.0, -30.0]], dtype=np.float32))
    assert given.log_probabilities[0, 0] == pytest.approx(-math.exp(-30), rel=1e-2)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_logits_that_are_not_finite_give_no_loss_but_still_scores(value: float) -> None:
    logits = np.full((4, 5), value, dtype=np.float32)
    scored = scores(Predictions(np.array([0, 1, 2, 0]), logits), "test", NAMES)
    for name in ("negative_log_likelihood", "brier_score", "expected_calibration_error"):
        assert scored["metrics"][name] is None
    assert scored["metrics"]["test_accuracy"] == 0.5
    assert sum(map(sum, scored["confusion"])) == 4


def write_run(folder: Path, recorded_accuracy: float, split: str = "test") -> dict[str, Any]:
    """A run of three images of which two are right, whose history says `recorded_accuracy`."""
    paths: dict[str, Any] = {
        "predictions": folder / "predictions.parquet",
        "history": folder / "history.csv",
        "manifest": folder / "manifest.json",
        "evaluation": folder / "evaluation.json",
    }
    write_predictions(paths["predictions"], one_hot(np.array([0, 1, 2])), np.array([0, 1, 1]))
    rows = [
        epoch_row(1, **{f"{split}_accuracy": 2 / 3}),
        epoch_row(2, **{f"{split}_accuracy": recorded_accuracy}),
    ]
    write_rows(paths["history"], rows)
    write_json(paths["manifest"], asdict(manifest(class_names=list(NAMES))))
    return paths | {"scored_on": split}


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_run_is_scored_from_its_files(tmp_path: Path, split: str) -> None:
    paths = write_run(tmp_path, recorded_accuracy=2 / 3, split=split)
    evaluate_run(**paths)
    scored = asdict(read_evaluation(paths["evaluation"]))
    assert scored == scores(read_predictions(paths["predictions"]), split, NAMES)
    assert scored["split"] == split
    assert scored["images"] == 3
    assert scored["metrics"][f"{split}_accuracy"] == 2 / 3


@pytest.mark.parametrize("split", ["validation", "test"])
@pytest.mark.parametrize("recorded", [1 / 3, 2 / 3 + 1e-9, math.nan])
def test_a_history_that_ends_with_another_accuracy_is_refused(
    tmp_path: Path, recorded: float, split: str
) -> None:
    paths = write_run(tmp_path, recorded, split)
    with pytest.raises(UserError) as refused:
        evaluate_run(**paths)
    message = str(refused.value)
    assert f"{split} accuracy {2 / 3}" in message
    assert str(recorded) in message
    assert f"--forcerun {tmp_path / 'run.json'}" in message
    assert not paths["evaluation"].exists()


def test_predictions_of_an_earlier_version_are_refused_with_the_way_to_mend_them(
    tmp_path: Path,
) -> None:
    paths = write_run(tmp_path, recorded_accuracy=2 / 3)
    old = pa.table({"label": [0, 1], "prediction": [0, 1], "probability": [0.5, 0.5]})
    pyarrow.parquet.write_table(old, paths["predictions"])
    with pytest.raises(UserError) as refused:
        evaluate_run(**paths)
    assert str(refused.value) == (
        f"{paths['predictions']} has the columns label, prediction, probability, but no logits: an "
        "earlier version wrote it; train this run again: snakemake --cores all "
        f"--forcerun {tmp_path / 'run.json'}"
    )
    assert not paths["evaluation"].exists()


def test_logits_come_back_bit_for_bit_in_less_space_than_they_take(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=(10_000, 10)).astype(np.float32)
    logits[3, 4], logits[5, 6], logits[7, 8] = math.nan, -math.inf, -0.0
    labels = random.integers(0, 10, 10_000)
    write_predictions(tmp_path / "predictions.parquet", logits, labels)
    read = read_predictions(tmp_path / "predictions.parquet")
    assert read.logits.tobytes() == logits.tobytes()
    assert read.labels.tolist() == labels.tolist()
    assert (tmp_path / "predictions.parquet").stat().st_size < logits.nbytes
    assert [path.name for path in tmp_path.iterdir()] == ["predictions.parquet"]


@pytest.mark.filterwarnings("error")
def test_no_predictions_have_no_score() -> None:
    scored = scores(
        Predictions(np.array([], int), np.empty((0, 5), dtype=np.float32)), "test", NAMES
    )
    assert scored["images"] == 0
    assert set(scored["metrics"].values()) == {None}
    assert scored["confusion"] == [[0] * 5] * 5
    assert [row["class"] for row in scored["per_class"]] == list(NAMES)
    assert {row["images"] for row in scored["per_class"]} == {0}


def test_a_failed_run_is_evaluated_without_a_score(tmp_path: Path) -> None:
    paths = write_run(tmp_path, recorded_accuracy=2 / 3)
    write_rows(paths["history"], [])
    nothing = np.empty((0, 5), dtype=np.float32), np.array([], int)
    write_predictions(paths["predictions"], *nothing)
    assert read_predictions(paths["predictions"]).logits.shape == (0, 5)
    evaluate_run(**paths)
    scored = asdict(read_evaluation(paths["evaluation"]))
    assert scored == scores(Predictions(*reversed(nothing)), "test", NAMES)
    assert scored["split"] == "test"
    assert set(scored["metrics"].values()) == {None}


def test_scores_are_held_against_the_split_that_they_are_of(tmp_path: Path) -> None:
    # The history's test accuracy agrees; it is the validation accuracy that counts.
    paths = write_run(tmp_path, recorded_accuracy=1 / 3, split="validation")
    rows = [epoch_row(1, test_accuracy=2 / 3, validation_accuracy=1 / 3)]
    write_rows(paths["history"], rows)
    with pytest.raises(UserError, match="validation accuracy"):
        evaluate_run(**paths)
    evaluate_run(**paths | {"scored_on": "test"})
    assert read_json(paths["evaluation"])["split"] == "test"
