"""Scores of each class over the seeds of a cell, and which are taken for which."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlplab.analysis.images import Correct
from mlplab.analysis.means import Means
from mlplab.analysis.statistics import wilson_interval
from mlplab.analysis.tables import CELL
from mlplab.study import grid
from mlplab.study.record import RunRecord


def classes_table(per_class: pd.DataFrame, axes: Sequence[str]) -> pd.DataFrame:
    """A row per cell and class: the mean over seeds of its F1, from the table of every run's.

    NaN where a run failed, which was scored on no image.
    """
    scored = per_class.groupby([*CELL, *axes, "class"], sort=False)
    means = scored["f1"].mean().where(scored["images"].min() > 0)
    return means.rename("f1_mean").reset_index()


ACCURACIES = [
    *("group", "class", "implementation", "seeds", "images", "accuracy", "low", "high"),
    *("lowest", "highest", "interval"),
]


def class_accuracies_table(
    runs: pd.DataFrame, correct: Correct, standing: str, class_names: Sequence[str]
) -> pd.DataFrame:
    """A row per group and class: accuracy on its images, mean over seeds, with its 95 % interval.

    Of the runs of the implementation `standing` for all that agree, in groups all of whose runs
    finished. `interval` says what it is over: "seeds and images", as for a mean of all classes, or
    "images" alone (Wilson) where there is one seed, or all are equal; "" for two that differ.
    """
    own = runs[runs["implementation"] == standing]
    rows = []
    for group, members in own.groupby(own["run"].map(grid.group_of), sort=False):
        if not members["status"].eq("finished").all():
            continue
        names = members["run"].tolist()
        shares = correct.by_class(names, len(class_names))
        values: list[Any] = [each.right / each.images if each.images else [] for each in shares]
        errors = zip(*(each.error for each in shares), strict=True)
        means = Means.of(values, *errors)
        for name, each, own_values, mean, low, high in zip(
            class_names, shares, values, means.mean, *means.interval(0, 1), strict=True
        ):
            over = "" if math.isnan(low) else "seeds and images"
            if each.images and each.right.min() == each.right.max():
                alone = wilson_interval(int(each.right[0]), each.images)
                low, high, over = alone.low, alone.high, "images"
            ends = (min(own_values), max(own_values)) if each.images else (math.nan, math.nan)
            identity = (group, name, standing, len(names), each.images)
            rows.append((*identity, mean, low, high, *ends, over))
    return pd.DataFrame(rows, columns=ACCURACIES)


CONFUSED = ["cell", "true", "predicted", "amount", "images"]


def confusions_table(records: Iterable[RunRecord], class_names: Sequence[str]) -> pd.DataFrame:
    """A row per cell and pair of classes that are confused, over all of its runs.

    `amount` of the `images` of class `true` were taken for `predicted`; the most frequent first.
    """
    cells: dict[str, NDArray[np.int64]] = {}
    for record in records:
        cell = grid.cell_of(record.run.run)
        counts = np.array(record.evaluation.confusion, dtype=np.int64)
        cells[cell] = cells[cell] + counts if cell in cells else counts
    rows = []
    for cell, sums in cells.items():
        wrong = sums - np.diag(sums.diagonal())
        for index in np.argsort(-wrong, axis=None, kind="stable")[: np.count_nonzero(wrong)]:
            true, predicted = divmod(int(index), len(sums))
            names = class_names[true], class_names[predicted]
            rows.append((cell, *names, int(sums[true, predicted]), int(sums[true].sum())))
    return pd.DataFrame(rows, columns=CONFUSED)
