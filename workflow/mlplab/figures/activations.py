"""An activation and its gradient, drawn as in the article (A1 to A7)."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlplab.figures.canvas import new_figure
from mlplab.study import colors

FIGURES = {
    "function": {
        "rule": "plot_activation",
        "per": "activation",
        "file": "activations/{activation}",
        "section": "Activations",
        "shows": "The activation {of} over x from −8 to 8.",
        "caption": "{of}(x): what a hidden unit passes on.",
    },
    "gradient": {
        "rule": "plot_activation",
        "per": "activation",
        "file": "activations/{activation}.gradient",
        "section": "Activations",
        "shows": "The gradient of {of} over x from −8 to 8.",
        "caption": "Its gradient: learning slows down where this is near zero.",
    },
}

# x, and over it the function, its gradient from autograd and its derivative in closed form.
Sampled = Mapping[str, NDArray[np.floating]]


def function(name: str, sampled: Sampled) -> Figure:
    """The function over x, 5 × 2.5 inches."""
    figure, axes = new_figure()
    axes.plot(sampled["x"], sampled["function"], color=colors.of_activation(name))
    axes.set(xlabel="x", ylabel=f"{name}(x)")
    axes.grid(alpha=0.3)
    return figure


def gradient(name: str, sampled: Sampled) -> Figure:
    """The gradient over x, 5 × 2.5 inches: autograd's, and dotted over it the closed form's."""
    figure, axes = new_figure()
    x, found, expected = (sampled[key] for key in ("x", "gradient", "derivative"))
    color = colors.of_activation(name)
    axes.plot(x, found, color=color, linewidth=4, alpha=0.45, label="autograd")
    axes.plot(x, expected, color="black", linestyle=":", linewidth=2, label="closed form")
    axes.set(xlabel="x", ylabel=f"grad of {name}")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure
