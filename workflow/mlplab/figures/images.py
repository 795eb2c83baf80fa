"""Images of the data set: samples, predictions, and which classes are taken for which."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlplab.figures.canvas import new_figure, nothing
from mlplab.study.colors import COLORS

FIGURES = {
    "samples": {
        "rule": "plot_samples",
        "section": "What was run",
        "items": "B2",
        "shows": "The first images of the training set, each below the name of its class.",
        "caption": "The first images of the training set with their classes: what the network has "
        "to tell apart.",
    },
    "predictions": {
        "rule": "plot_cell",
        "per": "cell",
        "section": "Predictions",
        "items": "B12",
        "shows": "The first six {split} images, with the true class above the one that {of} "
        "predicts, seed {seed}.",
        "caption": "The first six {split} images for seed {seed}, the true class above the "
        "predicted one; wrong ones are coloured.",
    },
    "confusion": {
        "rule": "plot_cell",
        "per": "cell",
        "section": "Predictions",
        "table": "confusions",
        "shows": "Confusion matrix of {of} on {split} images, summed over seeds: rows are true "
        "classes, columns predicted ones.",
        "caption": "Per cent of each true class (row) predicted as each class (column), summed "
        "over seeds; off the diagonal are the errors.",
    },
}


# From one image to the next, and the place for a title above each, in widths of an image.
ACROSS, DOWN, ABOVE = 1.12, 1.5, 0.4


class Cell(NamedTuple):
    """What a cell predicts: some images of its first run, n × height × width, and all confusions.

    `confusion` is c × c: row the true class, column the predicted one.
    """

    pixels: NDArray[np.integer]
    labels: Sequence[str]
    predicted: Sequence[str]
    confusion: NDArray[np.integer]
    class_names: Sequence[str]


def samples(pixels: NDArray[np.integer], labels: Sequence[str]) -> Figure:
    """B2: images n × height × width in rows, each below its class."""
    return _images(pixels, labels, columns=9)


def _images(
    pixels: NDArray[np.integer], titles: Sequence[str], columns: int, colors: Sequence[str] = ()
) -> Figure:
    """Images n × height × width in rows, each below its title."""
    rows = -(-len(pixels) // columns)
    # Axes of their own for each would take most of the time to draw them.
    figure, axes = new_figure(1.3 * columns, 1.75 * rows)
    axes.axis("off")
    for index, (image, title) in enumerate(zip(pixels, titles, strict=True)):
        row, column = divmod(index, columns)
        left, top = column * ACROSS, row * DOWN
        bottom = top + image.shape[0] / image.shape[1]
        axes.imshow(image, cmap="gray_r", extent=(left, left + 1, bottom, top))
        color = colors[index] if colors else "black"
        place = {"ha": "center", "va": "bottom", "fontsize": 9, "color": color}
        axes.text(left + 0.5, top - 0.04, title, **place)
    axes.set(xlim=(0, columns * ACROSS), ylim=(rows * DOWN - ABOVE, -ABOVE))
    return figure


def predictions(cell: Cell) -> Figure:
    """B12: test images in a row, each titled with the true class above the predicted one."""
    if not cell.labels:
        return nothing("This run failed: it predicts nothing.")
    pairs = list(zip(cell.labels, cell.predicted, strict=True))
    titles = [f"{true}\n{guess}" for true, guess in pairs]
    # Wrong predictions stand out by colour; the words say the same.
    colors = ["black" if true == guess else COLORS[1] for true, guess in pairs]
    return _images(cell.pixels, titles, columns=len(titles), colors=colors)


def confusion(cell: Cell) -> Figure:
    """The confusion matrix, in per cent of each row."""
    matrix, class_names = cell.confusion, cell.class_names
    classes = len(class_names)
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = 2 + 0.42 * classes
    figure, axes = new_figure(side, side)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="predicted class", ylabel="true class")
    slanted: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    short = max(map(len, class_names)) <= 2
    axes.set_xticks(range(classes), class_names, **({} if short else slanted))
    axes.set_yticks(range(classes), class_names)
    for spine in axes.spines.values():
        spine.set_visible(False)
    for row, column in np.argwhere(share >= 0.005):
        value = share[row, column]
        axes.text(
            column,
            row,
            f"{100 * value:.0f}",
            ha="center",
            va="center",
            fontsize=9,
            color="white" if value > 0.5 else "#222222",
            # Within the axes, so that it takes no place of its own.
            in_layout=False,
        )
    return figure
