"""How long an epoch of training takes, by implementation."""

import math

import pandas as pd


def speed_table(runs: pd.DataFrame) -> pd.DataFrame:
    """A row per implementation that trained: the median over its runs of seconds per epoch.

    `runs` is a runs_table; `ratio` is the time as a multiple of the first implementation's.
    """
    timed = runs.reindex(columns=["implementation", "seconds_per_epoch"]).dropna()
    by_implementation = timed.groupby("implementation", sort=False)["seconds_per_epoch"]
    table = by_implementation.agg(runs="count", seconds_per_epoch="median").reset_index()
    first = table["seconds_per_epoch"].iloc[0] if len(table) else math.nan
    return table.assign(ratio=table["seconds_per_epoch"] / (first or math.nan))
