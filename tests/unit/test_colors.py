"""An activation has one colour, in figures and in MLflow."""

import re

import numpy as np
from matplotlib.colors import to_hex

from mlplab import activations
from mlplab.figures import activations as figures
from mlplab.study import colors


def test_the_librarys_own_activations_have_colours_of_their_own() -> None:
    found = [colors.of_activation(name) for name in activations.names()]
    assert len(set(found)) == len(found)
    assert all(re.fullmatch("#[0-9a-f]{6}", color) for color in found)


def test_any_other_has_one_as_well_the_same_every_time() -> None:
    assert colors.of_activation("mine") == colors.of_activation("mine") in colors.COLORS


def test_figures_draw_it_in_its_colour() -> None:
    x = np.arange(3.0)
    sampled = {"x": x, "function": x, "gradient": x, "derivative": x}
    for figure in (figures.function("tanh", sampled), figures.gradient("tanh", sampled)):
        first = figure.axes[0].lines[0]
        assert to_hex(first.get_color()) == colors.of_activation("tanh")  # type: ignore[arg-type]
