"""Draw a cell's first six predictions and its confusion matrix, summed over its seeds."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow.parquet

from mlplab.datasets import store
from mlplab.figures import canvas, images
from mlplab.files import PathLike
from mlplab.study.documents import read_evaluation
from mlplab.study.record import beside

PREDICTIONS = 6


def plot_cell(
    data: PathLike,
    evaluations: Sequence[PathLike],
    scored_on: str,
    validation_size: int,
    outputs: Mapping[str, PathLike],
) -> None:
    """Write the figures of the runs with these evaluations to `outputs`, by name and format."""
    loaded = store.load(data)
    split = store.scored_split(loaded, scored_on, validation_size)
    first_seed = beside(evaluations[:1], "predictions").predictions[0]
    first = pyarrow.parquet.read_table(first_seed).slice(0, PREDICTIONS)
    labels = [loaded.class_names[label] for label in first["label"].to_pylist()]
    predicted = [loaded.class_names[label] for label in first["prediction"].to_pylist()]
    confusion = np.sum([read_evaluation(file).confusion for file in evaluations], axis=0)
    pixels = split.images[: len(labels)].numpy()
    cell = images.Cell(pixels, labels, predicted, confusion, loaded.class_names)
    canvas.draw(images, outputs, cell)
