"""Draw the training curves of one activation."""

from typing import TYPE_CHECKING

from job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab import figures
    from mlplab.record import load_records

    records = load_records(snakemake.input.run, snakemake.input)
    by_implementation: dict = {}
    for record in records.values():
        by_implementation.setdefault(record.run["implementation"], []).append(record)
    figures.save(figures.curves(by_implementation), snakemake.output.svg, snakemake.output.png)
