"""Draw accuracy on the scored split and seconds per epoch of every run."""

from collections.abc import Mapping

import pandas as pd

from mlplab.figures import canvas
from mlplab.figures.runs import accuracy, seconds
from mlplab.files import PathLike


def plot_overview(
    table: PathLike, groups: Mapping[str, str], scored_on: str, outputs: Mapping[str, PathLike]
) -> None:
    """Write `accuracy_svg`, `accuracy_png`, `seconds_svg` and `seconds_png`.

    `table` is that of all runs; `groups` maps a run's path to its group.
    """
    runs = pd.read_parquet(table)
    runs["group"] = runs["run"].map(groups)

    def values(column: str) -> dict[str, dict[str, list[float]]]:
        # The column is missing where all runs failed.
        named = runs.assign(value=runs.get(column, float("nan")))
        return {
            str(implementation): {
                str(group): rows["value"].tolist()
                for group, rows in series.groupby("group", sort=False)
            }
            for implementation, series in named.groupby("implementation", sort=False)
        }

    drawn = {
        "accuracy": accuracy(values(f"{scored_on}_accuracy"), scored_on),
        "seconds": seconds(values("seconds_per_epoch")),
    }
    canvas.save_forms(drawn, outputs)
