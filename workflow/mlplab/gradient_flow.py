"""matplotlib: what happens inside the networks while they train, from their diagnostics (A8)."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from mlplab.figures import new_figure, nothing

Run = Mapping[str, Any]
Rows = Sequence[Mapping[str, Any]]
PANELS_IN_A_ROW = 3


def _by_activation(runs: Sequence[Run], rows: Sequence[Rows]) -> dict[str, list[Rows]]:
    """The diagnostics of each activation's runs; failed runs have none."""
    found: dict[str, list[Rows]] = {}
    for run, of_run in zip(runs, rows, strict=True):
        if of_run:
            found.setdefault(run["activation"], []).append(of_run)
    return found


def _depth(rows: Rows) -> int:
    """Number of layers with weights."""
    return len({row["of"] for row in rows if row["of"].startswith("W")})


def _norms(rows: Rows, epoch: int) -> list[float]:
    """Gradient norms of W1, W2 … in an epoch."""
    return [
        row["value"]
        for row in rows
        if row["epoch"] == epoch
        and row["quantity"] == "gradient_norm"
        and row["of"].startswith("W")
    ]


def _geometric_mean(values: Sequence[Sequence[float]]) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.exp(np.log(np.array(values)).mean(axis=0))


def _panels(names: Sequence[str]) -> tuple[Figure, Any]:
    columns = min(PANELS_IN_A_ROW, len(names))
    rows = -(-len(names) // columns)
    figure, panels = new_figure(
        3.3 * columns + 1, 3.1 * rows, nrows=rows, ncols=columns, sharey=True, squeeze=False
    )
    for axes in panels.flat[len(names) :]:
        axes.axis("off")
    return figure, panels.flat


def gradients(runs: Sequence[Run], rows: Sequence[Rows]) -> Figure:
    """Norm of each weight matrix's gradient, by layer: a panel per activation, a line per depth.

    Dotted before training, solid after the last epoch; geometric means over runs.
    """
    groups = _by_activation(runs, rows)
    if not groups:
        return nothing("No run has diagnostics: all of them failed.")
    depths = sorted({_depth(of_run) for members in groups.values() for of_run in members})
    colors = mpl.colormaps["viridis"](np.linspace(0, 0.85, len(depths)))
    figure, panels = _panels(list(groups))
    for axes, (activation, members) in zip(panels, groups.items(), strict=False):
        for depth, color in zip(depths, colors, strict=True):
            of_depth = [of_run for of_run in members if _depth(of_run) == depth]
            layers = np.arange(1, depth + 1)
            for style, epoch in ((":", 0), ("-", -1)):
                norms = [
                    _norms(of_run, epoch if epoch == 0 else of_run[-1]["epoch"])
                    for of_run in of_depth
                ]
                if norms:
                    mean = _geometric_mean(norms)
                    axes.plot(layers, mean, style, color=color, marker="o", markersize=3)
        axes.set(title=activation, xlabel="layer", yscale="log")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("norm of the weights' gradient")
    handles = [
        *(
            Line2D([], [], color=color, label=f"{depth - 1} hidden")
            for depth, color in zip(depths, colors, strict=True)
        ),
        Line2D([], [], color="#777777", linestyle=":", label="before training"),
        Line2D([], [], color="#777777", label="after training"),
    ]
    figure.legend(handles=handles, loc="outside right upper", frameon=False, fontsize=8)
    return figure


def units(runs: Sequence[Run], rows: Sequence[Rows]) -> Figure:
    """Shares of dead units and of saturated values by epoch, a line per hidden layer.

    Means over the runs of the deepest networks of each activation.
    """
    groups = _by_activation(runs, rows)
    if not groups:
        return nothing("No run has diagnostics: all of them failed.")
    deepest = max(_depth(of_run) for members in groups.values() for of_run in members) - 1
    colors = mpl.colormaps["viridis"](np.linspace(0, 0.85, deepest))
    figure, panels = _panels(list(groups))
    for axes, (activation, members) in zip(panels, groups.items(), strict=False):
        depth = max(map(_depth, members))
        chosen = [of_run for of_run in members if _depth(of_run) == depth]
        epochs = range(min(of_run[-1]["epoch"] for of_run in chosen) + 1)
        for layer in range(1, depth):
            for quantity, style in (("dead", "-"), ("saturated", "--")):
                shares = [_shares(of_run, quantity, layer, len(epochs)) for of_run in chosen]
                axes.plot(epochs, np.mean(shares, axis=0), style, color=colors[layer - 1])
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
    figure.legend(handles=handles, loc="outside right upper", frameon=False, fontsize=8)
    return figure


def _shares(rows: Rows, quantity: str, layer: int, epochs: int) -> list[float]:
    """The share of a quantity in a hidden layer, epoch by epoch."""
    found = [
        row["value"] for row in rows if row["quantity"] == quantity and row["of"] == f"H{layer}"
    ]
    return found[:epochs]
