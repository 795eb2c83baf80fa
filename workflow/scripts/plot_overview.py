"""Draw test accuracy and seconds per epoch of every run."""

from typing import TYPE_CHECKING

from job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from functools import partial

    import pandas as pd

    from mlplab import figures

    runs = pd.read_parquet(snakemake.input.runs)
    split = snakemake.params.scored_on
    runs["group"] = runs["run"].map(snakemake.params.groups)
    for name, column, draw in (
        ("accuracy", f"{split}_accuracy", partial(figures.accuracy, split=split)),
        ("seconds", "seconds_per_epoch", figures.seconds),
    ):
        if column not in runs:
            # All runs failed.
            runs[column] = float("nan")
        values = {
            implementation: {
                group: rows[column].tolist() for group, rows in series.groupby("group", sort=False)
            }
            for implementation, series in runs.groupby("implementation", sort=False)
        }
        figures.save(draw(values), snakemake.output[f"{name}_svg"], snakemake.output[f"{name}_png"])
