"""Draw the first six test images with their predictions."""

from typing import TYPE_CHECKING

from job import hand_over, logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

hand_over()
with logged(snakemake):
    import pyarrow.parquet

    from mlplab import figures
    from mlplab.datasets import store

    data = store.load(snakemake.input.data)
    params = snakemake.params
    split = store.scored_split(data, params.scored_on, params.validation_size)
    first = pyarrow.parquet.read_table(snakemake.input.predictions[0]).slice(0, 6)
    labels = [data.class_names[label] for label in first["label"].to_pylist()]
    predicted = [data.class_names[label] for label in first["prediction"].to_pylist()]
    if labels:
        figure = figures.predictions(split.images[: len(labels)].numpy(), labels, predicted)
    else:
        figure = figures.nothing("This run failed: it predicts nothing.")
    figures.save(figure, snakemake.output.svg, snakemake.output.png)
