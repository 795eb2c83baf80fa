"""Draw the confusion matrix of one cell, summed over its seeds."""

from typing import TYPE_CHECKING

from job import hand_over, logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

hand_over()
with logged(snakemake):
    import numpy as np

    from mlplab import figures
    from mlplab.files import read_json

    class_names = read_json(snakemake.input.manifest)["class_names"]
    matrix = sum(np.array(read_json(file)["confusion"]) for file in snakemake.input.evaluation)
    figures.save(figures.confusion(matrix, class_names), snakemake.output.svg, snakemake.output.png)
