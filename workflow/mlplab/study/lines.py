"""The chart of accuracy over epochs: which groups have a line, what it is called, its colour."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from mlplab.study import words
from mlplab.study.colors import COLORS, of_activation

# More lines than this cannot be told apart; those of the most accurate groups are drawn.
LINES_AT_MOST = 8


@dataclass(frozen=True)
class Line:
    """One group over epochs: `points` has epoch, mean, lowest and highest of `runs` seeds."""

    group: str
    name: str
    color: str
    runs: int
    points: pd.DataFrame


@dataclass(frozen=True)
class Lines:
    """The lines, best first; `implementation` trained them all, of so many groups."""

    implementation: str
    drawn: list[Line]
    groups: int


def lines(curves: pd.DataFrame, groups: pd.DataFrame, axes: Sequence[str], metric: str) -> Lines:
    """The lines of a metric from a curves_table and a groups_table.

    Of several activations each has one, at the settings with which it is the most accurate; of one
    activation, its most accurate settings have one each.
    """
    own = curves[curves["metric"] == metric]
    standing = next((name for name in groups["implementation"] if name), "")
    trained = list(own["implementation"].unique())
    implementation = standing if standing in trained else next(iter(trained), "")
    own = own[own["implementation"] == implementation]
    known = groups[groups["activation"].isin(own["activation"])]
    ranked = known.sort_values("mean", ascending=False, kind="stable", na_position="last")
    several = known["activation"].nunique() > 1
    chosen = ranked.drop_duplicates("activation") if several else ranked
    drawn: list[Line] = []
    for row in chosen.to_dict("records"):
        points = own[own["activation"] == row["activation"]]
        for axis in axes:
            points = points[points[axis] == row[axis]]
        if points.empty or len(drawn) == LINES_AT_MOST:
            continue
        settings = {axis: words.tabulated(axis, row[axis]) for axis in axes}
        color = of_activation(row["activation"]) if several or not axes else COLORS[len(drawn)]
        drawn.append(
            Line(
                row["group"],
                words.point(row["activation"], settings),
                color,
                int(points["runs"].iloc[0]),
                points[["epoch", "mean", "lowest", "highest"]],
            )
        )
    return Lines(implementation, drawn, len(groups))
