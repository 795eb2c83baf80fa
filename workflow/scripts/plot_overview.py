"""Draw test accuracy and seconds per epoch of every run."""

from typing import TYPE_CHECKING

from job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    import pandas as pd

    from mlplab import figures

    runs = pd.read_parquet(snakemake.input.runs)
    runs["group"] = runs["run"].map(snakemake.params.groups)
    for name, column, draw in (
        ("accuracy", "test_accuracy", figures.accuracy),
        ("seconds", "seconds_per_epoch", figures.seconds),
    ):
        values = {
            implementation: {
                group: rows[column].tolist() for group, rows in series.groupby("group", sort=False)
            }
            for implementation, series in runs.groupby("implementation", sort=False)
        }
        figures.save(draw(values), snakemake.output[f"{name}_svg"], snakemake.output[f"{name}_png"])
