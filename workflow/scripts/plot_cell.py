"""Draw a cell's first six predictions and its confusion matrix, summed over its seeds."""

from typing import TYPE_CHECKING

from job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    import numpy as np
    import pyarrow.parquet

    from mlplab import figures
    from mlplab.datasets import store
    from mlplab.files import read_json
    from mlplab.record import beside

    source, output, params = snakemake.input, snakemake.output, snakemake.params
    data = store.load(source.data)
    split = store.scored_split(data, params.scored_on, params.validation_size)
    first_seed = beside(source.evaluation[:1], "predictions").predictions[0]
    first = pyarrow.parquet.read_table(first_seed).slice(0, 6)
    labels = [data.class_names[label] for label in first["label"].to_pylist()]
    predicted = [data.class_names[label] for label in first["prediction"].to_pylist()]
    if labels:
        predictions = figures.predictions(split.images[: len(labels)].numpy(), labels, predicted)
    else:
        predictions = figures.nothing("This run failed: it predicts nothing.")
    matrix = sum(np.array(read_json(file)["confusion"]) for file in source.evaluation)
    figures.save(predictions, output.predictions_svg, output.predictions_png)
    confusion = figures.confusion(matrix, data.class_names)
    figures.save(confusion, output.confusion_svg, output.confusion_png)
