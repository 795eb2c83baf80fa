"""Draw the training curves of one activation."""

from typing import TYPE_CHECKING

from job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab import figures
    from mlplab.record import beside, load_records

    files = beside(snakemake.input.evaluation, "run", "history", "evaluation")
    records = load_records(snakemake.input.evaluation, files)
    by_implementation: dict = {}
    for record in records.values():
        by_implementation.setdefault(record.run["implementation"], []).append(record)
    figure = figures.curves(by_implementation, snakemake.params.scored_on)
    figures.save(figure, snakemake.output.svg, snakemake.output.png)
