"""Compare activations and implementations over seeds."""

from typing import TYPE_CHECKING

from job import hand_over, logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

hand_over()
with logged(snakemake):
    import pandas as pd

    from mlplab import comparisons, tables
    from mlplab.files import read_json

    params, axes = snakemake.params, snakemake.params.axes
    runs = pd.read_parquet(snakemake.input.runs)
    metric = f"{params.scored_on}_accuracy"
    images = read_json(snakemake.input.manifest)["counts"]["test"]["images"]
    if params.scored_on == "validation":
        images = runs["validation_size"].tolist()
    predictions = dict(zip(params.paths, snakemake.input.predictions, strict=True))
    compared = {
        "comparisons": comparisons.comparisons_table(runs, axes, params.margin, metric),
        "sampling": comparisons.sampling_table(runs, predictions, axes, metric),
        "intervals": comparisons.wilson_table(runs, images, axes, metric),
    }
    for name, table in compared.items():
        tables.write(table, snakemake.output[f"{name}_csv"], snakemake.output[f"{name}_parquet"])
    print(compared["comparisons"].to_string())
