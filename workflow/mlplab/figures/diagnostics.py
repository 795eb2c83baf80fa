"""matplotlib: what happens inside the networks while they train, from their diagnostics (A8)."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from mlplab.figures.canvas import new_figure, nothing

Run = Mapping[str, Any]
Rows = Sequence[Mapping[str, Any]]
PANELS_IN_A_ROW = 3


# The values of one run epoch by epoch, from epoch 0: quantity → what it is of (W1, H1 …) → values.
Series = Mapping[str, Mapping[str, Sequence[float]]]


def _series(rows: Rows) -> Series:
    found: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        found.setdefault(row["quantity"], {}).setdefault(row["of"], []).append(row["value"])
    return found


def _by_activation(runs: Sequence[Run], rows: Sequence[Rows]) -> dict[str, dict[int, list[Series]]]:
    """Activation → number of layers with weights → the runs; failed ones have no diagnostics."""
    found: dict[str, dict[int, list[Series]]] = {}
    for run, of_run in zip(runs, rows, strict=True):
        if of_run:
            series = _series(of_run)
            by_depth = found.setdefault(run["activation"], {})
            by_depth.setdefault(len(_norms(series, 0)), []).append(series)
    return found


def _norms(series: Series, epoch: int) -> list[float]:
    """Gradient norms of W1, W2 … in an epoch; the last one is -1."""
    norms = series["gradient_norm"]
    return [values[epoch] for of, values in norms.items() if of.startswith("W")]


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
    depths = sorted(set().union(*groups.values()))
    colors = mpl.colormaps["viridis"](np.linspace(0, 0.85, len(depths)))
    figure, panels = _panels(list(groups))
    for axes, (activation, by_depth) in zip(panels, groups.items(), strict=False):
        for depth, color in zip(depths, colors, strict=True):
            if depth not in by_depth:
                continue
            layers = np.arange(1, depth + 1)
            for style, epoch in ((":", 0), ("-", -1)):
                mean = _geometric_mean([_norms(series, epoch) for series in by_depth[depth]])
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
    deepest = max(map(max, groups.values())) - 1
    colors = mpl.colormaps["viridis"](np.linspace(0, 0.85, deepest))
    figure, panels = _panels(list(groups))
    for axes, (activation, by_depth) in zip(panels, groups.items(), strict=False):
        depth = max(by_depth)
        # As many epochs as all of them have; one that diverged ends early.
        epochs = range(min(len(s["gradient_norm"]["W1"]) for s in by_depth[depth]))
        for layer in range(1, depth):
            for quantity, style in (("dead", "-"), ("saturated", "--")):
                shares = [s[quantity][f"H{layer}"][: len(epochs)] for s in by_depth[depth]]
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
