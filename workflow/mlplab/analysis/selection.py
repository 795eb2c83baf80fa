"""The best combination of a grid: chosen on validation images, then read on the test set."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from mlplab.analysis import statistics
from mlplab.analysis.means import Means
from mlplab.analysis.tables import CELL
from mlplab.errors import UserError

CRITERION = "validation_accuracy"


def winner(
    runs: pd.DataFrame, axes: Sequence[str], right: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The runs of the cell with the highest mean validation accuracy, and all cells in order.

    A cell with a run that diverged or failed cannot win, nor one of an implementation that is not
    `right`. Raises UserError where none is left.
    """
    keys = [*CELL, *axes]
    finished = runs.groupby(keys)["status"].transform(lambda status: (status == "finished").all())
    sound = finished & runs["implementation"].isin(right)
    if not sound.any():
        raise UserError(
            "selection: no combination of the grid has finished runs only, of an implementation "
            "that agrees with the reference, so there is no best one; see tables/agreement.csv and "
            "the logs, and mend the grid"
        )
    ranked = (
        runs[sound]
        .groupby(keys, sort=False)[CRITERION]
        .agg(["mean", "count"])
        .sort_values("mean", ascending=False, kind="stable")
        .reset_index()
    )
    best = ranked.loc[0, keys]
    return runs[(runs[keys] == best).all(axis=1)], ranked


def rows(runs: pd.DataFrame) -> list[dict[str, Any]]:
    """What is told of each run that is to be tested: run, seed and validation accuracy."""
    chosen = runs[["run", "seed", CRITERION]].to_dict("records")
    return [{str(key): value for key, value in row.items()} for row in chosen]


def champion(
    selected: Mapping[str, Any], runs: pd.DataFrame, images: int
) -> tuple[dict[str, Any], statistics.Interval]:
    """The run of the winning cell that is kept: its row of the table of runs, and an interval.

    It is the one with the highest validation accuracy, the first where several have it. The row has
    its `test_accuracy` too, of which the interval is that of Wilson for so many test images.
    """
    best = max(selected["runs"], key=lambda run: run[CRITERION])
    row = runs[runs["run"] == best["run"]].iloc[0].to_dict()
    correct = round(best["test_accuracy"] * images)
    tested = {"test_accuracy": best["test_accuracy"]}
    return {**row, **tested}, statistics.wilson_interval(correct, images)


def summary(
    ranked: pd.DataFrame, tested: Sequence[Mapping[str, Any]], axes: Sequence[str]
) -> dict[str, Any]:
    """What was selected among what, and what the test set says of it."""
    accuracies = pd.Series([row["test_accuracy"] for row in tested])
    means = Means.of([accuracies])
    ((low,), (high,)) = means.interval(0, 1)
    best = ranked.iloc[0]
    return {
        "criterion": CRITERION,
        "combinations": len(ranked),
        **{key: best[key] for key in CELL},
        "point": {axis: str(best[axis]) for axis in axes},
        "validation_accuracy_mean": float(best["mean"]),
        "runner_up_mean": float(ranked.iloc[1]["mean"]) if len(ranked) > 1 else None,
        "test_accuracy_mean": float(accuracies.mean()),
        "test_accuracy_low": None if pd.isna(low) else float(low),
        "test_accuracy_high": None if pd.isna(high) else float(high),
        "runs": list(tested),
    }


def reading(found: Mapping[str, Any], when: datetime) -> dict[str, Any]:
    """An entry of the log of readings of the test set, from what was selected and tested."""
    names = (*CELL, "point", "combinations", "test_accuracy_mean")
    return {"time": when.isoformat(timespec="seconds"), **{name: found[name] for name in names}}


def counted(log: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How often the test set was read for a winner, this time included, and for how many."""
    winners = [[entry[name] for name in (*CELL, "point")] for entry in log]
    different = [winner for index, winner in enumerate(winners) if winner not in winners[:index]]
    return {"readings": len(log), "winners_read": len(different)}
