"""An activation and its gradient, drawn as in the article (A1 to A7)."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlplab.figures.canvas import COLORS, new_figure


def activation(
    name: str,
    x: NDArray[np.floating],
    function: NDArray[np.floating],
    gradient: NDArray[np.floating],
    derivative: NDArray[np.floating],
) -> tuple[Figure, Figure]:
    """The function and its gradient over x (article items A1 to A7), 5 × 2.5 inches each.

    The gradient is autograd's; the derivative in closed form is dotted over it.
    """
    function_figure, axes = new_figure()
    axes.plot(x, function, color=COLORS[0])
    axes.set(xlabel="x", ylabel=f"{name}(x)")
    axes.grid(alpha=0.3)

    gradient_figure, axes = new_figure()
    axes.plot(x, gradient, color=COLORS[0], linewidth=4, alpha=0.45, label="autograd")
    axes.plot(x, derivative, color=COLORS[1], linestyle=":", linewidth=2, label="closed form")
    axes.set(xlabel="x", ylabel=f"grad of {name}")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return function_figure, gradient_figure
