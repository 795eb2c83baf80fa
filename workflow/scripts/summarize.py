"""Summarise the runs over seeds and classes, and compare activations and implementations."""

from typing import TYPE_CHECKING

from job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    import pandas as pd

    from mlplab import comparisons, tables
    from mlplab.files import read_json
    from mlplab.record import beside, load_records

    source, params = snakemake.input, snakemake.params
    runs, axes = pd.read_parquet(source.runs), params.axes
    metric = f"{params.scored_on}_accuracy"
    images = read_json(source.manifest)["counts"]["test"]["images"]
    if params.scored_on == "validation":
        images = runs["validation_size"].tolist()
    files = beside(params.runs, "run", "history", "evaluation", "predictions")
    predictions = dict(zip(params.paths, files.predictions, strict=True))
    summaries = {
        "summary": tables.summary_table(runs, axes, params.scored_on),
        "per_class": tables.per_class_table(runs, load_records(params.paths, files)),
        "comparisons": comparisons.comparisons_table(runs, axes, params.margin, metric),
        "sampling": comparisons.sampling_table(runs, predictions, axes, metric),
        "intervals": comparisons.wilson_table(runs, images, axes, metric),
    }
    for name, table in summaries.items():
        tables.write(table, snakemake.output[f"{name}_csv"], snakemake.output[f"{name}_parquet"])
    print(summaries["summary"].to_string())
    print(summaries["comparisons"].to_string())
