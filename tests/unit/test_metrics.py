"""Each metric against an independent computation, and the way of a new one to tables and page."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn import metrics as sklearn_metrics

from benchmarks.seeds import train_seeds
from conftest import (
    REPOSITORY,
    all_logits,
    curves_of,
    epoch_row,
    failed_record,
    run_record,
    write_record,
)
from mlplab import activations, implementations
from mlplab.analysis.runs import runs_table
from mlplab.analysis.scores import evaluate_run
from mlplab.analysis.summary import summary_table
from mlplab.datasets import store
from mlplab.figures.runs import curves
from mlplab.files import read_json
from mlplab.report import tables
from mlplab.study import metrics
from mlplab.study.documents import read_manifest
from mlplab.study.metrics import METRICS, Metric, documentation, of_run, scores
from mlplab.study.predictions import Predictions
from mlplab.study.settings import Settings
from mlplab.tracking.collect import collect_runs
from mlplab.tracking.study import start_study
from mlplab.training import epoch
from mlplab.training.loop import train
from mlplab.training.predictions import write_predictions

COMPUTED = [metric.named("test") for metric in METRICS if metric.from_predictions]


def predictions_of(logits: Any, labels: Any) -> Predictions:
    return Predictions(np.asarray(labels), np.asarray(logits, np.float32))


def measured(predictions: Predictions) -> dict[str, float | None]:
    return scores(predictions, "test")


def random_case(classes: int = 5, count: int = 2000, spread: float = 3.0) -> Predictions:
    random = np.random.default_rng(classes)
    return predictions_of(
        spread * random.normal(size=(count, classes)), random.integers(0, classes, count)
    )


def probabilities(predictions: Predictions) -> NDArray[np.float64]:
    found: NDArray[np.float64] = softmax(predictions.logits.astype(np.float64), axis=1)
    return found


def calibration_by_hand(predictions: Predictions, bins: int = 15) -> float:
    """Guo et al. 2017, equation 3, bin by bin and image by image."""
    given = probabilities(predictions)
    total = 0.0
    for index in range(bins):
        members = []
        for row, label in zip(given.tolist(), predictions.labels.tolist(), strict=True):
            confidence = max(row)
            if index / bins < confidence <= (index + 1) / bins:
                members.append((row.index(confidence) == label, confidence))
        if members:
            accuracy = sum(hit for hit, _ in members) / len(members)
            confidence = sum(sure for _, sure in members) / len(members)
            total += len(members) / len(given) * abs(accuracy - confidence)
    return total


@pytest.mark.parametrize("classes", [1, 2, 5, 10])
def test_the_likelihood_and_the_brier_score_are_scikit_learns(classes: int) -> None:
    predictions = random_case(classes)
    found = measured(predictions)
    given, kinds = probabilities(predictions), list(range(classes))
    if classes == 1:
        assert found["negative_log_likelihood"] == found["brier_score"] == 0
        return
    assert found["negative_log_likelihood"] == pytest.approx(
        sklearn_metrics.log_loss(predictions.labels, given, labels=kinds), rel=1e-12
    )
    brier = sklearn_metrics.brier_score_loss(
        predictions.labels, given, labels=kinds, scale_by_half=False
    )
    assert found["brier_score"] == pytest.approx(brier, rel=1e-12)


def test_the_brier_score_by_hand() -> None:
    # 0.7, 0.2 and 0.1 for the three classes; then all alike.
    logits = np.log([[0.7, 0.2, 0.1], [1 / 3, 1 / 3, 1 / 3]])
    by_hand = ((0.7 - 1) ** 2 + 0.2**2 + 0.1**2 + (2 / 3) ** 2 + 2 * (1 / 3) ** 2) / 2
    assert metrics.brier_score(predictions_of(logits, [0, 2])) == pytest.approx(by_hand, rel=1e-6)


@pytest.mark.parametrize("classes", [1, 2, 5, 10])
@pytest.mark.parametrize("spread", [0.3, 3.0])
def test_the_calibration_error_is_that_of_a_plain_loop(classes: int, spread: float) -> None:
    predictions = random_case(classes, count=500, spread=spread)
    found = metrics.expected_calibration_error(predictions)
    assert found == pytest.approx(calibration_by_hand(predictions), abs=1e-14)
    assert (found > 0.01) == (classes > 1)


def test_over_and_under_confidence_in_different_bins_do_not_cancel() -> None:
    # Sure and half of the time wrong; unsure and always right.
    logits = np.log([[0.9, 0.1]] * 2 + [[0.6, 0.4]] * 2)
    error = metrics.expected_calibration_error(predictions_of(logits, [0, 1, 0, 0]))
    assert error == pytest.approx((2 * 0.4 + 2 * 0.4) / 4, rel=1e-6)


def test_a_confidence_on_an_edge_belongs_to_the_bin_below_it() -> None:
    third = predictions_of(np.zeros((30, 3)), [0] * 10 + [1] * 20)
    assert metrics.expected_calibration_error(third) == pytest.approx(0, abs=1e-15)
    both = predictions_of(
        np.log([[0.2] * 5] * 5 + [[0.2001, *[0.199975] * 4]] * 5), [0] * 5 + [1] * 5
    )
    # Apart, they are off by 0.8 and by 0.2; in one bin the two would make up for each other.
    assert metrics.expected_calibration_error(both) == pytest.approx(0.5, abs=1e-4)


def test_who_is_sure_and_wrong_pays_the_most() -> None:
    found = measured(predictions_of([[50.0, 0.0], [50.0, 0.0]], [1, 1]))
    assert found["test_accuracy"] == 0
    assert found["negative_log_likelihood"] == pytest.approx(50)
    assert found["brier_score"] == pytest.approx(2)
    assert found["expected_calibration_error"] == pytest.approx(1)


def test_who_is_sure_and_right_pays_nothing() -> None:
    found = measured(predictions_of([[500.0, 0.0], [0.0, 500.0]], [0, 1]))
    names = ("negative_log_likelihood", "brier_score", "expected_calibration_error")
    assert [found[name] for name in names] == [0, 0, 0]


def test_a_constant_added_to_all_logits_changes_nothing() -> None:
    predictions = random_case()
    shifted = Predictions(predictions.labels, predictions.logits.astype(np.float64) + 1e3)
    assert measured(shifted) == pytest.approx(measured(predictions), rel=1e-9)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_has_no_value_but_the_others_have(value: float) -> None:
    found = measured(predictions_of([[value, 0.0], [1.0, 0.0]], [0, 0]))
    lost = {"negative_log_likelihood", "brier_score", "expected_calibration_error"}
    assert {name for name, measured in found.items() if measured is None} == lost


@pytest.mark.filterwarnings("error")
def test_a_run_without_predictions_has_no_metrics() -> None:
    found = measured(predictions_of(np.empty((0, 3)), np.array([], int)))
    assert found == dict.fromkeys(COMPUTED)


@pytest.mark.parametrize(
    ("split", "held_out", "images"), [("test", 0, 4), ("test", 5, 9), ("validation", 4, 4)]
)
def test_time_per_example_is_over_all_images_that_the_passes_see(
    split: str, held_out: int, images: int
) -> None:
    history = [epoch_row(number, validation_accuracy=0.5) for number in (1, 2, 3)]
    record = run_record(history=history, scored_on=split, settings={"validation_size": held_out})
    expected = record.run.evaluation_seconds * 1e6 / (3 * images)
    assert of_run(record)["microseconds_per_example"] == pytest.approx(expected)


@pytest.mark.parametrize("epochs", [1, 2, 3, 5])
def test_the_late_accuracy_is_of_the_last_three_epochs_or_of_all(epochs: int) -> None:
    accuracies = [0.5, 0.9, 0.7, 0.8, 0.6][:epochs]
    rows = enumerate(accuracies, start=1)
    record = run_record(history=[epoch_row(n, test_accuracy=value) for n, value in rows])
    found = of_run(record)["late_test_accuracy"]
    assert found == pytest.approx(np.mean(accuracies[-3:]))


def test_names_are_of_the_split_and_each_is_there_once() -> None:
    assert list(measured(predictions_of([[0.0, 1.0]], [0]))) == COMPUTED
    names = [metric.named("validation") for metric in METRICS]
    assert len(set(names)) == len(names)
    assert "validation_accuracy" in names
    assert not [name for name in names if "{" in name]


def test_a_run_has_every_metric_once_and_in_full() -> None:
    record = run_record(history=[epoch_row(1), epoch_row(2)])
    found = of_run(record)
    assert set(found) == {*record.last, *(metric.named("test") for metric in METRICS)}
    assert all(isinstance(value, float) for value in found.values())


def test_the_documentation_lists_every_metric() -> None:
    page = (REPOSITORY / "results/README.md").read_text(encoding="utf-8")
    table = "\n".join(documentation())
    assert table in page, f"results/README.md must hold:\n{table}"


@pytest.mark.slow
def test_an_entry_that_is_added_arrives_everywhere(
    tmp_path: Path, digits_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def median_confidence(predictions: Predictions) -> float:
        """Median probability of the predicted class."""
        return float(np.median(predictions.probabilities.max(axis=1)))

    added = Metric(
        name="median_confidence",
        title="median confidence",
        meaning="median probability of the predicted class",
        from_predictions=median_confidence,
    )
    monkeypatch.setattr(metrics, "METRICS", (*METRICS, added))

    # Evaluation: of two seeds' predictions on a split of ten classes.
    manifest, records, files = digits_folder / "manifest.json", {}, {}
    for seed in (0, 1):
        path = f"scratch/relu/seed={seed}"
        random = np.random.default_rng(seed)
        logits, labels = random.normal(size=(100, 10)).astype(np.float32), np.arange(100) % 10
        right = float((logits.argmax(axis=1) == labels).mean())
        files[path] = write_record(
            run_record(path, [epoch_row(1, test_accuracy=right)]), tmp_path / path
        )
        of = files[path]
        write_predictions(of.predictions, logits, labels)
        evaluate_run(of.predictions, of.history, manifest, "test", of.evaluation)
        records[path] = of.load()
    values = [of_run(record)["median_confidence"] for record in records.values()]
    evaluations = [read_json(of.evaluation)["metrics"] for of in files.values()]
    assert values == [found["median_confidence"] for found in evaluations]
    assert len(set(values)) == 2

    # MLflow: sent and read back.
    monkeypatch.chdir(tmp_path)
    uri, deferred = "sqlite:///mlflow.db", {path: {"deferred": ""} for path in files}
    study = start_study(uri, "added")
    sent = collect_runs(uri, study, files, deferred, read_manifest(manifest), "digest", 60)
    assert [sent[path]["metrics"]["median_confidence"] for path in files] == values

    # runs.csv and summary.csv.
    runs = runs_table(sent, records)
    assert runs["median_confidence"].tolist() == values
    summary = summary_table(runs, [])
    (row,) = summary.to_dict("records")
    assert row["median_confidence_mean"] == pytest.approx(np.mean(values))
    assert row["median_confidence_std"] == pytest.approx(np.std(values, ddof=1))

    # The page: over seeds, and run by run. And the documentation.
    details = tables.details(summary, [], "test")
    titles = [column.title for column in details.columns]
    cell = details.rows[0][titles.index("median confidence")]
    assert cell.text.startswith(f"{np.mean(values):.4f} ± ")
    every = tables.all_runs(runs, [], "test", dict.fromkeys(files, "http://localhost"))
    titles = [column.title for column in every.columns]
    cells = [line[titles.index("median confidence")].text for line in every.rows]
    assert cells == [f"{value:.4f}" for value in values]
    assert any("`median_confidence`" in line for line in documentation())


def test_the_page_prints_each_metric_with_its_digits() -> None:
    frame = pd.DataFrame(
        {
            "implementation": "scratch",
            "activation": "relu",
            "status": "finished",
            "sanity": "met",
            "test_accuracy": [0.8, 0.9],
            "training_accuracy": [0.8122, 0.8126],
            "brier_score": [0.25, 0.25],
            "parameter_count": [203530, 203530],
            "microseconds_per_example": [1.0, 1.5],
            "seconds_per_epoch": [0.0122, 0.0126],
        }
    )
    summary = summary_table(frame, [])

    def cells(table: tables.Table) -> dict[str, tuple[str, str]]:
        titles = [column.title for column in table.columns]
        told = [(cell.text, cell.note) for cell in table.rows[0]]
        return dict(zip(titles, told, strict=True))

    results, details = (
        cells(tables.summary(summary, [], "test")),
        cells(tables.details(summary, [], "test")),
    )
    assert results["test accuracy"] == ("0.8500 ± 0.0707", "")
    assert results["training accuracy"] == ("0.8124", "")
    assert results["seconds per epoch"] == ("0.0124", "")
    assert details["Brier score"] == ("0.2500 ± 0.0000", "")
    assert details["parameters"] == ("203,530", "")
    assert details["µs per image"] == ("1.25 ± 0.354", "")
    # What no run has.
    assert results["macro F1"] == details["negative log-likelihood"] == ("—", "")
    assert not set(results) & set(details) - {"implementation", "activation"}


def test_networks_of_different_sizes_in_one_cell_have_a_spread() -> None:
    frame = pd.DataFrame(
        {
            "implementation": "scratch",
            "activation": "relu",
            "status": "finished",
            "sanity": "met",
            "parameter_count": [1000, 2000],
        }
    )
    table = tables.details(summary_table(frame, []), [], "test")
    titles = [column.title for column in table.columns]
    assert table.rows[0][titles.index("parameters")].text == "1,500 ± 707"


def test_whole_numbers_are_whole_in_the_table_of_runs_where_all_are_known() -> None:
    sound = {path: run_record(path) for path in ("scratch/relu/seed=0", "scratch/relu/seed=1")}
    broken = {"mine/relu/seed=0": failed_record("mine/relu/seed=0")}

    def table(records: dict[str, Any]) -> pd.DataFrame:
        tracked = {
            path: {
                "run_id": "1",
                "status": record.run.status,
                "parameters": record.run.settings,
                "metrics": of_run(record),
            }
            for path, record in records.items()
        }
        return runs_table(tracked, records)

    assert table(sound)["parameter_count"].tolist() == [26, 26]
    assert table(sound)["parameter_count"].dtype == np.int64
    mixed = table(sound | broken)
    assert mixed["parameter_count"].isna().tolist() == [False, False, True]
    assert mixed["epochs_run"].tolist() == [3, 3, 0]


def test_a_score_of_every_epoch_arrives_in_history_record_and_curves(
    digits: store.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def top3(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return (logits.topk(3, dim=1).indices == labels.unsqueeze(1)).any(dim=1).sum()

    monkeypatch.setitem(epoch.EPOCH_SCORES, "top3", top3)
    added = Metric(name="{split}_top3", title="top 3", meaning="among the best 3", curve=True)
    monkeypatch.setattr(metrics, "CURVES", [*metrics.CURVES, added])
    settings = Settings((16,), weight_std=0.1, epochs=3, batch_size=64)
    relu = activations.load("relu")
    alone = train(implementations.load("manual"), relu, digits, settings, 0)
    logits = all_logits(alone.network, digits.test)
    expected = top3(logits, digits.test.labels).item() / len(digits.test)
    assert alone.history[-1].as_dict()["test_top3"] == expected
    # Many seeds at once measure the same.
    at_once = train_seeds(relu, digits, settings, [0, 1])
    for own, other in zip(alone.history, at_once[0].history, strict=True):
        assert own.further == pytest.approx(other.further)
    history = [each.as_dict() for each in alone.history]
    record = replace(run_record("scratch/relu/seed=0"), history=history)
    assert record.last["test_top3"] == expected
    (axes,) = curves(*curves_of({"manual": [record]})).axes
    (line,) = (line for line in axes.lines if line.get_label() == "test top3")
    assert list(line.get_ydata()) == [row["test_top3"] for row in history]
