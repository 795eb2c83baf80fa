"""Draw the first images of the training set."""

from collections.abc import Mapping

from mlplab.datasets import store
from mlplab.figures import canvas, images
from mlplab.files import PathLike

SAMPLES = 18


def plot_samples(data: PathLike, outputs: Mapping[str, PathLike]) -> None:
    """Write the figures of the data set to `outputs`, by name and format."""
    loaded = store.load(data)
    first = loaded.training[:SAMPLES]
    labels = [loaded.class_names[label] for label in first.labels.tolist()]
    canvas.draw(images, outputs, first.images.numpy(), labels)
