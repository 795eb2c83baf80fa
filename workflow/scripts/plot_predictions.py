"""Draw the first six test images with their predictions."""

from typing import TYPE_CHECKING

from job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    import pyarrow.parquet

    from mlplab import figures
    from mlplab.datasets import store

    data = store.load(snakemake.input.data)
    first = pyarrow.parquet.read_table(snakemake.input.predictions[0]).slice(0, 6)
    labels = [data.class_names[label] for label in first["label"].to_pylist()]
    predicted = [data.class_names[label] for label in first["prediction"].to_pylist()]
    figure = figures.predictions(data.test.images[:6].numpy(), labels, predicted)
    figures.save(figure, snakemake.output.svg, snakemake.output.png)
