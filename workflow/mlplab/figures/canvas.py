"""What all figures share: style, size, and how they are written."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any, cast

import matplotlib as mpl
from matplotlib.figure import Figure

from mlplab.files import PathLike, replacing

STYLE = {
    # Text stays text, so that it can be read aloud, searched and coloured by the page.
    "svg.fonttype": "none",
    "svg.hashsalt": "mlplab",
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    # Images stay as sharp as they are, each by itself.
    "image.composite_image": False,
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "savefig.dpi": 150,
}
cast(Any, mpl.rcParams).update(STYLE)


def save(figure: Figure, *paths: PathLike) -> None:
    """Write a figure to each path, whole or not at all; the ending says the format."""
    for path in paths:
        form = str(path).rpartition(".")[2]
        transparent = form == "svg"
        with replacing(path) as temporary:
            metadata = {"Date": None} if form == "svg" else None
            figure.savefig(temporary, format=form, transparent=transparent, metadata=metadata)
        # The parts have their places now; to find them again would take as long as to draw. ("none"
        # would leave an engine in place that does nothing, for which every part is drawn twice.)
        with mpl.rc_context({"figure.constrained_layout.use": False}):
            figure.set_layout_engine(None)


def draw(module: ModuleType, outputs: Mapping[str, PathLike], *given: Any) -> None:
    """Write the figures of `outputs` as `<name>_<format>`; what draws each is given the same."""
    for name, paths in _paths(outputs).items():
        save(getattr(module, name)(*given), *paths)


def draw_nothing(outputs: Mapping[str, PathLike], reason: str) -> None:
    """Write figures that say why there is nothing to see."""
    for paths in _paths(outputs).values():
        save(nothing(reason), *paths)


def _paths(outputs: Mapping[str, PathLike]) -> dict[str, list[PathLike]]:
    """The files of each figure, by its name."""
    found: dict[str, list[PathLike]] = {}
    for key, path in outputs.items():
        found.setdefault(key.rpartition("_")[0], []).append(path)
    return found


def new_figure(width: float = 5, height: float = 2.5, **kwargs: Any) -> tuple[Figure, Any]:
    """A figure of a size in inches, with its axes."""
    figure = Figure(figsize=(width, height))
    return figure, figure.subplots(**kwargs)


def nothing(reason: str) -> Figure:
    """A figure in place of one for which there is nothing to draw."""
    figure, axes = new_figure()
    axes.axis("off")
    axes.text(0.5, 0.5, reason, ha="center", va="center", wrap=True, fontsize=9)
    return figure
