"""The metrics of a run, an entry each: evaluation, tables, page and documentation loop over them.

They stand beside the grid because every later stage names them: what is measured is part of what a
study is. Training does not know them, so that a new one trains nothing again.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mlplab.study.predictions import Predictions, f1_scores
from mlplab.study.record import RunRecord

CALIBRATION_BINS = 15
# Over so many epochs, the last ones, an accuracy is averaged that is to say something of a seed.
LATE_EPOCHS = 3


def accuracy(predictions: Predictions) -> float:
    """Share of the examples whose predicted class is the true one."""
    return int(predictions.confusion.diagonal().sum()) / len(predictions.labels)


def negative_log_likelihood(predictions: Predictions) -> float:
    """Minus the natural logarithm of the true class's probability, mean over examples."""
    rows = np.arange(len(predictions.labels))
    return -float(predictions.log_probabilities[rows, predictions.labels].sum()) / len(rows)


def brier_score(predictions: Predictions) -> float:
    """Squared error of the probabilities, summed over classes, mean over examples: 0 to 2.

    The true class's target is 1, all others' 0. Brier, Verification of forecasts expressed in terms
    of probability, Monthly Weather Review 78 (1950).
    """
    error = predictions.probabilities.copy()
    error[np.arange(len(error)), predictions.labels] -= 1
    return float(np.square(error).sum()) / len(error)


def expected_calibration_error(predictions: Predictions) -> float:
    """How far confidence and accuracy are apart: 0 to 1.

    Examples are put into 15 bins by the probability of the predicted class, of equal width and
    closed above: (0, 1/15], (1/15, 2/15] … The error is the mean over bins of |accuracy − mean
    probability|, weighted by the bins' numbers of examples. Guo, Pleiss, Sun & Weinberger, On
    calibration of modern neural networks, ICML 2017, equation 3.
    """
    confidence = predictions.probabilities.max(axis=1)
    if not np.isfinite(confidence).all():
        return math.nan
    edges = np.arange(1, CALIBRATION_BINS) / CALIBRATION_BINS
    bins = np.searchsorted(edges, confidence, side="left")
    # |accuracy - confidence| of a bin times its share of the examples is |sum of differences| / n.
    differences = (predictions.classes == predictions.labels) - confidence
    return float(np.abs(np.bincount(bins, differences)).sum()) / len(confidence)


def macro_f1(predictions: Predictions) -> float:
    """F1, unweighted mean over classes."""
    return float(f1_scores(predictions.confusion).mean())


def _known(value: float | None) -> float:
    return math.nan if value is None else float(value)


def microseconds_per_example(record: RunRecord) -> float:
    """Time of the evaluation passes that follow every epoch, per example, mean over all epochs.

    It covers reading the batches, the forward pass, loss and count of right predictions, and on a
    GPU the waiting for them; not the training, nor the diagnostics. A pass goes over the scored
    split and, if that is the test split, over held-out validation images as well.
    """
    run, images = record.run, record.evaluation.images
    if run.scored_on == "test":
        images += run.settings.get("validation_size", 0)
    return 1e6 * _known(run.evaluation_seconds) / (len(record.history) * images)


def late_accuracy(record: RunRecord) -> float:
    """Accuracy on the scored split, mean over the last 3 epochs, or all where there are fewer.

    After one epoch it hangs on the order of the last batches: over seeds it spreads more than
    twice as far, and to one side (docs/coverage.md).
    """
    name = f"{record.run.scored_on}_accuracy"
    values = [row[name] for row in record.history[-LATE_EPOCHS:]]
    return math.fsum(values) / len(values)


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What is measured of a run, and how it is told.

    `name` may hold {split}, the split that runs are scored on. It is computed from the predictions
    on that split or from the run's record. With neither, the training loop measures it in every
    epoch, and the last counts. A number that is not finite stands for none.

    `range` has the least and the greatest value that there can be.
    `digits` are decimals, or significant digits if `significant`; with none it is a whole number.
    Over seeds a table has its mean with standard deviation and interval, its "median", or nothing.
    The page has it in its "results", there as the "mean" alone, in the folded "details", or not
    over seeds. What every epoch has may have a `curve`.
    """

    name: str
    title: str
    meaning: str
    from_predictions: Callable[[Predictions], float] | None = None
    from_record: Callable[[RunRecord], float] | None = None
    range: tuple[float, float] = (0.0, math.inf)
    digits: int = 4
    significant: bool = False
    better: Literal["higher", "lower", ""] = "lower"
    over_seeds: Literal["mean", "median", ""] = "mean"
    shown: Literal["results", "mean", "details", ""] = "details"
    curve: bool = False

    @property
    def of(self) -> str:
        """What it is of."""
        return "predictions" if self.from_predictions else "run" if self.from_record else "epoch"

    def named(self, split: str) -> str:
        """Its name in records, MLflow and tables."""
        return self.name.format(split=split)

    def titled(self, split: str) -> str:
        """Its heading."""
        return self.title.format(split=split)


SHARE = (0.0, 1.0)

METRICS = (
    Metric(
        name="{split}_accuracy",
        title="{split} accuracy",
        meaning="share of right predictions",
        range=SHARE,
        better="higher",
        from_predictions=accuracy,
        shown="results",
        curve=True,
    ),
    Metric(
        name="late_{split}_accuracy",
        title="{split} accuracy, last 3 epochs",
        meaning="share of right predictions after an epoch, mean over the last 3, or all of fewer",
        range=SHARE,
        better="higher",
        from_record=late_accuracy,
        shown="results",
    ),
    Metric(
        name="training_loss",
        title="training loss",
        meaning="mean cross-entropy of the last epoch's batches, each before its step",
        shown="results",
        curve=True,
    ),
    Metric(
        name="training_accuracy",
        title="training accuracy",
        meaning="share of right predictions in the last epoch's batches, each before its step",
        range=SHARE,
        better="higher",
        shown="mean",
        curve=True,
    ),
    Metric(
        name="macro_f1",
        title="macro F1",
        meaning="F1, unweighted mean over classes",
        range=SHARE,
        better="higher",
        from_predictions=macro_f1,
        shown="mean",
    ),
    Metric(
        name="negative_log_likelihood",
        title="negative log-likelihood",
        meaning="minus the natural logarithm of the true class’s probability, mean over images",
        from_predictions=negative_log_likelihood,
    ),
    Metric(
        name="brier_score",
        title="Brier score",
        meaning="squared error of the probabilities, summed over classes, mean over images",
        range=(0.0, 2.0),
        from_predictions=brier_score,
    ),
    Metric(
        name="expected_calibration_error",
        title="expected calibration error",
        meaning="distance of confidence and accuracy, in 15 bins of equal width, by their images",
        range=SHARE,
        from_predictions=expected_calibration_error,
    ),
    Metric(
        name="parameter_count",
        title="parameters",
        meaning="number of trained parameters: weights, biases, those of the activation",
        digits=0,
        better="",
        from_record=lambda record: _known(record.run.parameter_count),
    ),
    Metric(
        name="microseconds_per_example",
        title="µs per image",
        meaning="time of the evaluation passes after each epoch, per image",
        digits=3,
        significant=True,
        from_record=microseconds_per_example,
    ),
    Metric(
        name="seconds_per_epoch",
        title="seconds per epoch",
        meaning="seconds of training per epoch, median over epochs",
        digits=3,
        significant=True,
        from_record=lambda record: _known(record.run.seconds_per_epoch),
        over_seeds="median",
        shown="results",
    ),
    Metric(
        name="cpu_seconds_per_epoch",
        title="CPU seconds per epoch",
        meaning="processor seconds of training per epoch, of all threads, median over epochs",
        digits=3,
        significant=True,
        from_record=lambda record: _known(record.run.cpu_seconds_per_epoch),
        over_seeds="median",
    ),
    Metric(
        name="training_seconds",
        title="training seconds",
        meaning="seconds of training, evaluation left out",
        digits=3,
        significant=True,
        from_record=lambda record: _known(record.run.training_seconds),
        over_seeds="",
        shown="",
    ),
    Metric(
        name="epochs_run",
        title="epochs",
        meaning="number of epochs; fewer than configured where the run diverged",
        digits=0,
        better="",
        from_record=lambda record: float(len(record.history)),
        over_seeds="",
        shown="",
    ),
)


# Those with a curve: first what training measures on the fly, as in the article (B10).
CURVES = sorted(
    (metric for metric in METRICS if metric.curve),
    key=lambda metric: not metric.name.startswith("training_"),
)


def scores(predictions: Predictions, split: str) -> dict[str, float | None]:
    """Name → value of all metrics of the predictions on a split; None where it is not finite."""
    found: dict[str, float | None] = {}
    for metric in METRICS:
        if metric.from_predictions:
            value = metric.from_predictions(predictions) if len(predictions.labels) else math.nan
            found[metric.named(split)] = value if math.isfinite(value) else None
    return found


def of_run(record: RunRecord) -> dict[str, float]:
    """Name → value of everything that is measured of a run, as it is tracked and tabulated.

    What the last epoch ends with, the scores of the predictions, and what is of the whole run. NaN
    where it is not finite; empty for a run that failed.
    """
    if not record.history:
        return {}
    found = dict(record.last)
    for name, value in record.evaluation.metrics.items():
        # Evaluation has seen to it that what both have is the same.
        found.setdefault(name, math.nan if value is None else value)
    for metric in METRICS:
        if metric.from_record:
            found[metric.named(record.run.scored_on)] = metric.from_record(record)
    return found


def documentation() -> Iterator[str]:
    """The metrics as lines of a Markdown table."""
    yield "| metric | of | what | better |"
    yield "|---|---|---|---|"
    for metric in METRICS:
        name = metric.named("<split>")
        yield f"| `{name}` | {metric.of} | {metric.meaning} | {metric.better or '–'} |"
