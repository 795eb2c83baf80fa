"""How long an epoch of training takes, by implementation."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from mlplab.analysis.means import CONFIDENCE

TIMES = {"ratio": "seconds_per_epoch", "cpu_ratio": "cpu_seconds_per_epoch"}


def speed_table(runs: pd.DataFrame, axes: Sequence[str]) -> pd.DataFrame:
    """A row per implementation that trained: medians over its runs of the seconds of an epoch.

    `runs` is a runs_table, `axes` the further axes of its grid. The processor's time (`cpu_`) does
    not count what else a machine does. `ratio` is the median, over `pairs` of runs that have all
    else in common, of the time as a multiple of the first implementation's, with its range from
    `low` to `high`: the exact 95 % interval of a median, or all of it where pairs are too few.
    """
    columns = ["implementation", "activation", "seed", *axes, "training_seconds", *TIMES.values()]
    timed = runs.reindex(columns=columns).dropna(subset=["seconds_per_epoch"])
    rows = []
    alike = timed.set_index(["activation", "seed", *axes])
    first: pd.DataFrame | None = None
    for name, own in alike.groupby("implementation", sort=False):
        first = own if first is None else first
        row = {
            "implementation": name,
            "runs": len(own),
            "training_seconds": own["training_seconds"].sum(),
            **{column: own[column].median() for column in TIMES.values()},
            "pairs": int(own.index.isin(first.index).sum()),
        }
        for ratio, column in TIMES.items():
            multiples = (own[column] / first[column]).dropna().to_numpy()
            found = _median(multiples if own is not first else multiples[:0])
            row |= dict(zip([ratio, f"{ratio}_low", f"{ratio}_high"], found, strict=True))
        rows.append(row)
    return pd.DataFrame(rows, columns=SPEED)


SPEED = [
    *("implementation", "runs", "training_seconds", *TIMES.values(), "pairs"),
    *(f"{ratio}{end}" for ratio in TIMES for end in ("", "_low", "_high")),
]


def _median(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Median and its distribution-free interval, of order statistics; NaN for none."""
    ordered, n = np.sort(values), len(values)
    if not n:
        return math.nan, math.nan, math.nan
    # Each value lies below the median as a coin shows heads: so few of n are too rare to count.
    rare = np.searchsorted(special.bdtr(np.arange(n), n, 0.5), (1 - CONFIDENCE) / 2)
    beyond = max(int(rare) - 1, 0)
    return float(np.median(ordered)), float(ordered[beyond]), float(ordered[-1 - beyond])
