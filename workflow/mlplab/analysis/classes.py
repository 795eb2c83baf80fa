"""Scores of each class over the seeds of a cell, and which are taken for which."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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
