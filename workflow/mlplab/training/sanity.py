"""The article's own check at the end of a run (B11)."""

import math
from typing import Any

from mlplab.training.loop import Epoch

# B11, the article's sanity check at the end of a run: metric → lowest value exclusive, highest.
# Where the test set is kept for the winner of a selection, the validation split stands in for it.
SANITY_BOUNDS: dict[str, tuple[float, float]] = {
    "training_loss": (-math.inf, 0.5),
    "training_accuracy": (0.7, 1.0),
    "validation_accuracy": (0.7, 1.0),
    "test_accuracy": (0.7, 1.0),
}


def sanity(last: Epoch) -> dict[str, dict[str, Any]]:
    """The article's bounds (B11) on the last epoch: metric → value, bounds, met or missed."""
    checks: dict[str, dict[str, Any]] = {}
    measured = last.as_dict()
    if "test_accuracy" in measured:
        measured.pop("validation_accuracy", None)
    for metric, (low, high) in SANITY_BOUNDS.items():
        if metric not in measured:
            continue
        value = measured[metric]
        # The loss must be below its bound; an accuracy may be as high as 1.
        met = value < high if metric.endswith("loss") else low < value <= high
        checks[metric] = {
            "value": value if math.isfinite(value) else None,
            "above": low if math.isfinite(low) else None,
            "below": high,
            "met": met,
        }
    return checks
