"""Draw the first images of the training set."""

from typing import TYPE_CHECKING

from job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab import figures
    from mlplab.datasets import store

    data = store.load(snakemake.input.data)
    labels = data.training.labels[:18].tolist()
    titles = [data.class_names[label] for label in labels]
    figure = figures.images(data.training.images[:18].numpy(), titles, columns=9)
    figures.save(figure, snakemake.output.svg, snakemake.output.png)
