"""What a run predicts of the split that it is scored on, and what is counted in it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Predictions:
    """What a run says of the examples that it is scored on: `labels` n, `logits` n × c, any dtype.

    Of a run that failed n is 0.
    """

    labels: NDArray[np.integer]
    logits: NDArray[np.floating]

    @cached_property
    def classes(self) -> NDArray[np.int64]:
        """The class with the greatest logit of each example, n."""
        return self.logits.argmax(axis=1) if len(self.logits) else np.empty(0, np.int64)

    @cached_property
    def log_probabilities(self) -> Values:
        """Natural logarithms of the softmax, n × c, computed in float64."""
        logits = self.logits.astype(np.float64)
        # A run that diverged has logits that are not finite.
        with np.errstate(invalid="ignore"):
            shifted = logits - logits.max(axis=1, keepdims=True)
            return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))

    @cached_property
    def probabilities(self) -> Values:
        """The softmax, n × c."""
        return np.exp(self.log_probabilities)

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """Counts, c × c: row the true class, column the predicted one."""
        return confusion_matrix(self.labels, self.classes, self.logits.shape[1])


def confusion_matrix(
    labels: NDArray[np.integer], predictions: NDArray[np.integer], classes: int
) -> NDArray[np.int64]:
    """Counts, c × c: row the true class, column the predicted one."""
    cells = labels.astype(np.int64) * classes + predictions
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def ratio(numerator: NDArray[np.int64], denominator: NDArray[np.int64]) -> Values:
    """Elementwise quotient, 0 where nothing is counted (scikit-learn's convention as well)."""
    return numerator / np.maximum(denominator, 1)


def f1_scores(confusion: NDArray[np.int64]) -> Values:
    """F1 of each class, c: the harmonic mean of its precision and recall."""
    return ratio(2 * confusion.diagonal(), confusion.sum(axis=0) + confusion.sum(axis=1))
