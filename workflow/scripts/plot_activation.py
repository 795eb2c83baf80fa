"""Draw an activation and its gradient."""

from typing import TYPE_CHECKING

from job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab import activations, figures

    name = snakemake.wildcards.activation
    values = {key: t.numpy() for key, t in activations.sampled(activations.load(name)).items()}
    function, gradient = figures.activation(name, **values)
    figures.save(function, snakemake.output.function_svg, snakemake.output.function_png)
    figures.save(gradient, snakemake.output.gradient_svg, snakemake.output.gradient_png)
