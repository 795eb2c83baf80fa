"""Draw what happens inside the networks while they train."""

from typing import TYPE_CHECKING

from job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab import figures, gradient_flow
    from mlplab.files import read_json
    from mlplab.record import beside, read_rows

    runs = [read_json(file) for file in snakemake.input.run]
    files = beside(snakemake.input.run, "diagnostics")
    rows = [read_rows(file) for file in files.diagnostics]
    drawn = {
        "gradients": gradient_flow.gradients(runs, rows),
        "units": gradient_flow.units(runs, rows),
    }
    for name, figure in drawn.items():
        figures.save(figure, snakemake.output[f"{name}_svg"], snakemake.output[f"{name}_png"])
