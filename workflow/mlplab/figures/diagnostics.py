"""matplotlib: what happens inside the networks while they train, from their diagnostics (A8)."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from mlplab.figures.canvas import new_figure, nothing

PANELS_IN_A_ROW = 3

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


def _shades(count: int) -> Any:
    """So many colours, from dark to light."""
    return mpl.colormaps["viridis"](np.linspace(0, 0.85, count))


def gradients(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Norm of each weight matrix's gradient, by layer: a panel per activation, a line per depth.

    Dotted before training, solid after the last epoch; as the table of diagnostics has them.
    """
    table = tables["diagnostics"]
    if table.empty:
        return nothing("No run has diagnostics: all of them failed, or are wrong.")
    depths = sorted(set(table["hidden_layers"]))
    colors = dict(zip(depths, _shades(len(depths)), strict=True))
    activations = list(table["activation"].unique())
    figure, panels = _panels(activations)
    for axes, activation in zip(panels, activations, strict=False):
        rows = table[table["activation"] == activation]
        moments = ((":", rows[(rows["epoch"] == 0) & ~rows["end"]]), ("-", rows[rows["end"]]))
        for style, moment in moments:
            for depth, norms in moment.groupby("hidden_layers"):
                x, y = norms["layer"], norms["gradient_norm"]
                axes.plot(x, y, style, color=colors[depth], marker="o", markersize=3)
        axes.set(title=activation, xlabel="layer", yscale="log")
        # Powers of ten in small superscripts could not be read on a telephone.
        axes.yaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("norm of the weights' gradient")
    handles = [
        *(Line2D([], [], color=color, label=f"{depth} hidden") for depth, color in colors.items()),
        Line2D([], [], color="#777777", linestyle=":", label="before training"),
        Line2D([], [], color="#777777", label="after training"),
    ]
    figure.legend(handles=handles, loc="outside right upper", frameon=False, fontsize=9)
    return figure


def units(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Shares of dead units and of saturated values by epoch, a line per hidden layer.

    They are of the deepest networks of each activation.
    """
    table = tables["diagnostics"]
    if table.empty:
        return nothing("No run has diagnostics: all of them failed, or are wrong.")
    colors = _shades(table["hidden_layers"].max())
    activations = list(table["activation"].unique())
    figure, panels = _panels(activations)
    for axes, activation in zip(panels, activations, strict=False):
        rows = table[(table["activation"] == activation) & ~table["end"]]
        depth = rows["hidden_layers"].max()
        hidden = rows[(rows["hidden_layers"] == depth) & (rows["layer"] <= depth)]
        for layer, shares in hidden.groupby("layer"):
            for quantity, style in (("dead", "-"), ("saturated", "--")):
                axes.plot(shares["epoch"], shares[quantity], style, color=colors[layer - 1])
        axes.set(title=activation, xlabel="epoch", ylim=(-0.03, 1.03))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("share")
    handles = [
        *(
            Line2D([], [], color=color, label=f"hidden layer {layer}")
            for layer, color in enumerate(colors, start=1)
        ),
        Line2D([], [], color="#777777", label="dead units"),
        Line2D([], [], color="#777777", linestyle="--", label="saturated values"),
    ]
    figure.legend(handles=handles, loc="outside right upper", frameon=False, fontsize=9)
    return figure
