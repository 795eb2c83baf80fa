"""Summarise the runs over seeds, and the scores over classes."""

from typing import TYPE_CHECKING

from job import hand_over, logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

hand_over()
with logged(snakemake):
    import pandas as pd

    from mlplab import tables
    from mlplab.record import load_records

    runs = pd.read_parquet(snakemake.input.runs)
    records = load_records(snakemake.params.paths, snakemake.input)
    summary = tables.summary_table(runs, snakemake.params.axes, snakemake.params.scored_on)
    tables.write(summary, snakemake.output.summary_csv, snakemake.output.summary_parquet)
    per_class = tables.per_class_table(runs, records)
    tables.write(per_class, snakemake.output.per_class_csv, snakemake.output.per_class_parquet)
    print(summary.to_string())
