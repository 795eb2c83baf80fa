"""Draw an activation and its gradient."""

from typing import TYPE_CHECKING

from job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from pathlib import Path

    from mlplab import activations, figures
    from mlplab.plugins import PlugInError

    file = Path(snakemake.input.activation)
    try:
        sampled = activations.sampled(activations.load(file))
    except PlugInError as error:
        print(f"failed: {error}")
        function = gradient = figures.nothing(f"{file.stem} is broken; see the findings.")
    else:
        values = {key: tensor.numpy() for key, tensor in sampled.items()}
        function, gradient = figures.activation(file.stem, **values)
    figures.save(function, snakemake.output.function_svg, snakemake.output.function_png)
    figures.save(gradient, snakemake.output.gradient_svg, snakemake.output.gradient_png)
