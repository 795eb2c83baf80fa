"""Draw the training curves of one activation."""

from typing import TYPE_CHECKING

from job import hand_over, logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

hand_over()
with logged(snakemake):
    from mlplab import figures
    from mlplab.record import load_records

    records = load_records(snakemake.input.run, snakemake.input)
    by_implementation: dict = {}
    for record in records.values():
        by_implementation.setdefault(record.run["implementation"], []).append(record)
    figure = figures.curves(by_implementation, snakemake.params.scored_on)
    figures.save(figure, snakemake.output.svg, snakemake.output.png)
