"""matplotlib: what happens inside the networks while they train, from their diagnostics (A8)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from mlplab.figures.canvas import new_figure, nothing
from mlplab.study.colors import of_activation

PANELS_IN_A_ROW = 3
# Of histograms.
LAYERS_AT_MOST = 6
NO_DIAGNOSTICS = "No run has diagnostics: all of them failed, or are wrong."

FIGURES = {
    "gradients": {
        "rule": "plot_diagnostics",
        "section": "Inside the networks",
        "table": "diagnostics",
        "items": "A8",
        "shows": "Norm of the gradient of each layer’s weights before and after training, a panel "
        "for each activation.",
        "caption": "The norm of each layer’s gradient, dotted before training and solid after it, "
        "a line for each depth: a line that falls towards layer 1 is a gradient that vanishes on "
        "its way back.",
    },
    "updates": {
        "rule": "plot_diagnostics",
        "section": "Inside the networks",
        "shows": "Ratio of update to weight of each layer by epoch, a panel for each activation.",
        "caption": "How far a step would move the weights of a layer, as a multiple of their own "
        "size: the learning rate times the norm of their gradient on the images looked at, over "
        "the norm of the weights, by epoch. About 0.001 is usual; far less, and a layer hardly "
        "learns; far more, and it jumps.",
    },
    "units": {
        "rule": "plot_diagnostics",
        "section": "Inside the networks",
        "table": "diagnostics",
        "items": "A8",
        "shows": "Share of dead units and of saturated values of each hidden layer by epoch, a "
        "panel for each activation.",
        "caption": "Solid: units that have no slope on any of the images looked at, at most 256; "
        "others may move them. The table has those that no image of the training set moves. "
        "Dashed: values where the slope is below 5 % of its greatest; for ReLU that is its whole "
        "flat side, for sigmoid and tanh both ends.",
    },
    "histograms": {
        "rule": "plot_diagnostics",
        "section": "Inside the networks",
        "shows": "Histograms of the values of each hidden layer, before and after training, a row "
        "for each network and a panel for each layer.",
        "caption": "What the units of each hidden layer answer to the images looked at, at most "
        "256: dotted before training, filled after it. Bins are equal and cover all values; each "
        "histogram has a height of 1. Of more than six layers, six are drawn; the table has the "
        "counts of all.",
    },
}


def _panels(names: Sequence[str]) -> tuple[Figure, Any]:
    columns = min(PANELS_IN_A_ROW, len(names))
    rows = -(-len(names) // columns)
    figure, panels = new_figure(
        3.3 * columns + 1, 3.1 * rows, nrows=rows, ncols=columns, sharey=True, squeeze=False
    )
    for axes in panels.flat[len(names) :]:
        axes.axis("off")
    return figure, panels.flat


def _by_activation(
    table: pd.DataFrame,
    lines: Callable[[Axes, pd.DataFrame], None],
    handles: Sequence[Line2D],
    xlabel: str,
    ylabel: str,
    **settings: Any,
) -> Figure:
    """A panel for each activation, with what `lines` draws of its rows, and a legend."""
    activations = list(table["activation"].unique())
    figure, panels = _panels(activations)
    for axes, activation in zip(panels, activations, strict=False):
        lines(axes, table[table["activation"] == activation])
        axes.set(title=activation, xlabel=xlabel, **settings)
        if axes.get_yscale() == "log":
            # Powers of ten in small superscripts could not be read on a telephone.
            axes.yaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel(ylabel)
    figure.legend(handles=handles, loc="outside right upper", frameon=False, fontsize=9)
    return figure


def _shades(numbers: Sequence[int]) -> dict[Any, Any]:
    """A colour for each, from dark to light."""
    return dict(
        zip(numbers, mpl.colormaps["viridis"](np.linspace(0, 0.85, len(numbers))), strict=True)
    )


def _colored(colors: Mapping[Any, Any], label: str) -> list[Line2D]:
    """What a legend says of lines in these colours: the label with the number of each in it."""
    return [
        Line2D([], [], color=color, label=label.format(number)) for number, color in colors.items()
    ]


def _grey(style: Literal["-", "--", ":"], label: str) -> Line2D:
    """What a legend says of lines in this style, whatever their colour."""
    return Line2D([], [], color="#777777", linestyle=style, label=label)


def _deepest(rows: pd.DataFrame) -> pd.DataFrame:
    """Every epoch of those networks that have the most hidden layers."""
    return rows[(rows["hidden_layers"] == rows["hidden_layers"].max()) & ~rows["end"]]


def gradients(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Norm of each weight matrix's gradient, by layer: a panel per activation, a line per depth.

    Dotted before training, solid after the last epoch; as the table of diagnostics has them.
    """
    table = tables["diagnostics"]
    if table.empty:
        return nothing(NO_DIAGNOSTICS)
    colors = _shades(sorted(set(table["hidden_layers"])))

    def lines(axes: Axes, rows: pd.DataFrame) -> None:
        moments = ((":", rows[(rows["epoch"] == 0) & ~rows["end"]]), ("-", rows[rows["end"]]))
        for style, moment in moments:
            for depth, norms in moment.groupby("hidden_layers"):
                x, y = norms["layer"], norms["gradient_norm"]
                axes.plot(x, y, style, color=colors[depth], marker="o", markersize=3)

    handles = [
        *_colored(colors, "{} hidden"),
        _grey(":", "before training"),
        _grey("-", "after training"),
    ]
    ylabel = "norm of the weights' gradient"
    return _by_activation(table, lines, handles, "layer", ylabel, yscale="log")


def updates(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Ratio of update to weight by epoch: a panel per activation, a line per layer.

    It is of the deepest networks of each activation.
    """
    table = tables["diagnostics"]
    if table.empty:
        return nothing(NO_DIAGNOSTICS)
    colors = _shades(range(1, table["hidden_layers"].max() + 2))

    def lines(axes: Axes, rows: pd.DataFrame) -> None:
        for layer, ratios in _deepest(rows).groupby("layer"):
            x, y = ratios["epoch"], ratios["update_ratio"]
            axes.plot(x, y, color=colors[layer], marker="o", markersize=3)
        axes.axhline(1e-3, color="#777777", linestyle=":")

    handles = [*_colored(colors, "layer {}"), _grey(":", "0.001")]
    return _by_activation(table, lines, handles, "epoch", "update ÷ weight", yscale="log")


def units(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Shares of dead units and of saturated values by epoch, a line per hidden layer.

    They are of the deepest networks of each activation.
    """
    table = tables["diagnostics"]
    if table.empty:
        return nothing(NO_DIAGNOSTICS)
    colors = _shades(range(1, table["hidden_layers"].max() + 1))

    def lines(axes: Axes, rows: pd.DataFrame) -> None:
        deepest = _deepest(rows)
        hidden = deepest[deepest["layer"] <= deepest["hidden_layers"]]
        for layer, shares in hidden.groupby("layer"):
            for quantity, style in (("dead", "-"), ("saturated", "--")):
                axes.plot(shares["epoch"], shares[quantity], style, color=colors[layer])

    handles = [
        *_colored(colors, "hidden layer {}"),
        _grey("-", "dead units"),
        _grey("--", "saturated values"),
    ]
    return _by_activation(table, lines, handles, "epoch", "share", ylim=(-0.03, 1.03))


def _some(layers: int) -> list[int]:
    """The numbers of so many layers; of many the first, the last, and some between them."""
    count = min(layers, LAYERS_AT_MOST)
    return [round(number) for number in np.linspace(1, layers, count)]


def histograms(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Values of the hidden layers before and after training: a row per network."""
    table = tables["histograms"]
    if table.empty:
        return nothing("There is no network to look at: none that is right has finished.")
    runs, layers = list(table["run"].unique()), _some(int(table["layer"].max()))
    figure, panels = new_figure(
        2.2 * len(layers) + 1.8,
        1.7 * len(runs) + 0.5,
        nrows=len(runs),
        ncols=len(layers),
        squeeze=False,
    )
    for row, run in zip(panels, runs, strict=True):
        own = table[table["run"] == run]
        activation = run.split("/")[1]
        for layer, axes in zip(layers, row, strict=True):
            of_layer = own[own["layer"] == layer]
            axes.set(yticks=[])
            if of_layer.empty:
                axes.axis("off")
            for epoch, counts in of_layer.groupby("epoch"):
                edges = [*counts["low"], counts["high"].iloc[-1]]
                heights = counts["count"] / counts["count"].max()
                after = bool(epoch)
                axes.stairs(
                    heights,
                    edges,
                    fill=after,
                    alpha=0.6 if after else 1,
                    color=of_activation(activation) if after else "#777777",
                    linestyle="-" if after else ":",
                )
            if run == runs[0]:
                axes.set_title(f"hidden layer {layer}", fontsize=9)
        row[0].set_ylabel(activation)
    handles = [
        _grey(":", "before training"),
        Line2D([], [], color="#777777", linewidth=6, alpha=0.6, label="after training"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    return figure
