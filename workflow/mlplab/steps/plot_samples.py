"""Draw the first images of the training set."""

from mlplab.datasets import store
from mlplab.figures import canvas, images
from mlplab.files import PathLike

SAMPLES = 18


def plot_samples(data: PathLike, svg: PathLike, png: PathLike) -> None:
    """Write the figure in both formats."""
    loaded = store.load(data)
    labels = loaded.training.labels[:SAMPLES].tolist()
    titles = [loaded.class_names[label] for label in labels]
    figure = images.images(loaded.training.images[:SAMPLES].numpy(), titles, columns=9)
    canvas.save(figure, svg, png)
