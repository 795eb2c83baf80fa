"""Scores of each class over the seeds of a cell."""

from collections.abc import Sequence

import pandas as pd

from mlplab.analysis.tables import CELL


def classes_table(per_class: pd.DataFrame, axes: Sequence[str]) -> pd.DataFrame:
    """A row per cell and class: the mean over seeds of its F1, from the table of every run's.

    NaN where a run failed, which was scored on no image.
    """
    scored = per_class.groupby([*CELL, *axes, "class"], sort=False)
    means = scored["f1"].mean().where(scored["images"].min() > 0)
    return means.rename("f1_mean").reset_index()
