"""Figures of gradients and units draw what the diagnostics say."""

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mlplab.analysis.diagnostics import diagnostics_table
from mlplab.figures import canvas
from mlplab.figures import diagnostics as gradient_flow

Rows = list[dict[str, Any]]


def diagnostics(hidden: int, epochs: int = 2, scale: float = 1.0) -> Rows:
    """Diagnostics of a run: norms are scale · layer · 10^epoch, shares grow with both."""
    rows: Rows = []
    for epoch in range(epochs + 1):
        for layer in range(1, hidden + 2):
            norm = scale * layer * 10**epoch
            rows += [
                {"epoch": epoch, "quantity": "gradient_norm", "of": f"W{layer}", "value": norm},
                {"epoch": epoch, "quantity": "gradient_norm", "of": f"b{layer}", "value": 9e9},
                {"epoch": epoch, "quantity": "weight_norm", "of": f"W{layer}", "value": 2.0},
            ]
        for layer in range(1, hidden + 1):
            for quantity, value in (
                ("dead", scale * (0.1 * layer + 0.01 * epoch)),
                ("saturated", scale * (0.5 + 0.1 * layer + 0.01 * epoch)),
                ("activation_std", 9e9),
            ):
                rows.append(
                    {"epoch": epoch, "quantity": quantity, "of": f"H{layer}", "value": value}
                )
    return rows


def run(activation: str) -> dict[str, Any]:
    return {"activation": activation}


def gradients(runs: list[dict[str, Any]], rows: list[Rows]) -> Figure:
    return gradient_flow.gradients({"diagnostics": table(runs, rows)})


def units(runs: list[dict[str, Any]], rows: list[Rows]) -> Figure:
    return gradient_flow.units({"diagnostics": table(runs, rows)})


def table(runs: list[dict[str, Any]], rows: list[Rows]) -> pd.DataFrame:
    names = [each["activation"] for each in runs]
    return diagnostics_table(zip(names, [0.1] * len(names), rows, strict=True))


def points(line: Line2D) -> tuple[list[float], list[float]]:
    return list(line.get_xdata()), list(line.get_ydata())  # type: ignore[arg-type]


def drawn(axes: Axes, style: str) -> list[tuple[list[float], list[float]]]:
    return [points(line) for line in axes.lines if line.get_linestyle() == style]


def legend(figure: Figure) -> dict[str, str]:
    """Label → colour of the figure's only legend."""
    (found,) = figure.legends
    handles = zip(found.get_texts(), found.legend_handles, strict=True)
    return {text.get_text(): to_hex(line.get_color()) for text, line in handles}  # type: ignore


def panels(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.axes if axes.axison]


def test_norms_of_weights_are_drawn_by_layer_before_and_after_training() -> None:
    figure = gradients([run("relu")], [diagnostics(hidden=2)])
    (axes,) = panels(figure)
    assert axes.get_title() == "relu"
    assert axes.get_xlabel() == "layer"
    assert axes.get_yscale() == "log"
    assert axes.get_ylabel() == "norm of the weights' gradient"
    ((x, y),) = drawn(axes, ":")
    assert (x, y) == ([1, 2, 3], pytest.approx([1, 2, 3]))
    ((x, y),) = drawn(axes, "-")
    assert (x, y) == ([1, 2, 3], pytest.approx([100, 200, 300]))
    assert list(legend(figure)) == ["2 hidden", "before training", "after training"]


def test_there_is_a_panel_per_activation_and_a_line_per_depth() -> None:
    names = ["tanh", "relu", "tanh", "sigmoid", "mish"]
    rows = [diagnostics(hidden) for hidden in (1, 2, 4, 2, 12)]
    figure = gradients([run(name) for name in names], rows)
    assert [axes.get_title() for axes in panels(figure)] == ["tanh", "relu", "sigmoid", "mish"]
    lengths = [[len(x) for x, _ in drawn(axes, "-")] for axes in panels(figure)]
    assert lengths == [[2, 5], [3], [3], [13]]
    # A depth has one colour, whatever the panel.
    colors = legend(figure)
    depths = ["1 hidden", "2 hidden", "4 hidden", "12 hidden"]
    assert list(colors)[:4] == depths
    assert len({colors[depth] for depth in depths}) == 4
    for axes in panels(figure):
        for line in axes.lines:
            depth = len(points(line)[0]) - 1
            assert to_hex(line.get_color()) == colors[f"{depth} hidden"]


def test_norms_of_several_runs_have_their_geometric_mean() -> None:
    rows = [diagnostics(1, scale=scale) for scale in (1.0, 100.0)]
    (axes,) = panels(gradients([run("relu")] * 2, rows))
    assert drawn(axes, ":") == [([1, 2], pytest.approx([10, 20]))]


def test_after_training_is_the_last_epoch_of_each_run() -> None:
    # A run that diverged in its first epoch ends there.
    rows = [diagnostics(1, epochs=1), diagnostics(1, epochs=3)]
    (axes,) = panels(gradients([run("relu")] * 2, rows))
    assert drawn(axes, "-") == [([1, 2], pytest.approx([100, 200]))]


def test_shares_are_drawn_by_epoch_with_a_line_per_hidden_layer() -> None:
    figure = units([run("relu")], [diagnostics(hidden=2, epochs=3)])
    (axes,) = panels(figure)
    assert axes.get_title() == "relu"
    assert axes.get_xlabel() == "epoch"
    assert axes.get_ylabel() == "share"
    low, high = axes.get_ylim()
    assert low < 0 < 1 < high
    epochs = [0, 1, 2, 3]
    assert drawn(axes, "-") == [
        (epochs, pytest.approx([0.1, 0.11, 0.12, 0.13])),
        (epochs, pytest.approx([0.2, 0.21, 0.22, 0.23])),
    ]
    assert drawn(axes, "--") == [
        (epochs, pytest.approx([0.6, 0.61, 0.62, 0.63])),
        (epochs, pytest.approx([0.7, 0.71, 0.72, 0.73])),
    ]
    colors = legend(figure)
    assert list(colors) == ["hidden layer 1", "hidden layer 2", "dead units", "saturated values"]
    layers = [colors["hidden layer 1"]] * 2 + [colors["hidden layer 2"]] * 2
    assert [to_hex(line.get_color()) for line in axes.lines] == layers


def test_shares_are_means_over_the_runs_of_the_deepest_networks() -> None:
    rows = [diagnostics(1, scale=0.1), diagnostics(2), diagnostics(2, scale=0.5), diagnostics(3)]
    names = ["relu", "relu", "relu", "tanh"]
    figure = units([run(name) for name in names], rows)
    relu, tanh = panels(figure)
    assert len(drawn(relu, "-")) == 2
    assert len(drawn(tanh, "-")) == 3
    assert drawn(relu, "-")[0][1] == pytest.approx([0.075, 0.0825, 0.09])


def test_shares_of_runs_that_ended_after_different_times_stop_with_the_first() -> None:
    rows = [diagnostics(1, epochs=1), diagnostics(1, epochs=4)]
    (axes,) = panels(units([run("relu")] * 2, rows))
    assert drawn(axes, "-") == [([0, 1], pytest.approx([0.1, 0.11]))]


DRAW = [gradients, units]


@pytest.mark.parametrize("draw", DRAW)
def test_failed_runs_are_left_out(draw: Any) -> None:
    runs = [run("mine"), run("relu"), run("relu")]
    figure = draw(runs, [[], diagnostics(1), []])
    alone = draw([run("relu")], [diagnostics(1)])
    assert [axes.get_title() for axes in panels(figure)] == ["relu"]
    lines = [points(line) for line in panels(alone)[0].lines]
    assert [points(line) for line in panels(figure)[0].lines] == lines


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("draw", DRAW)
@pytest.mark.parametrize("count", [0, 2])
def test_without_diagnostics_the_figure_says_so(draw: Any, count: int, tmp_path: Path) -> None:
    figure = draw([run("mine")] * count, [[]] * count)
    canvas.save(figure, tmp_path / "figure.svg")
    (text,) = figure.axes[0].texts
    assert "failed" in text.get_text()


@pytest.mark.filterwarnings("error", "ignore:Data has no positive values")
@pytest.mark.parametrize("draw", DRAW)
@pytest.mark.parametrize("value", [0.0, math.nan, math.inf])
@pytest.mark.parametrize("others", [0, 1])
def test_what_cannot_be_drawn_to_scale_does_not_stop_the_figure(
    draw: Any, value: float, others: int, tmp_path: Path
) -> None:
    rows = [{**row, "value": value} for row in diagnostics(2)]
    runs = [run("relu"), *[run("tanh")] * others]
    figure = draw(runs, [rows, *[diagnostics(2)] * others])
    canvas.save(figure, tmp_path / "figure.svg")
    assert len(panels(figure)) == len(runs)


@pytest.mark.parametrize("draw", DRAW)
def test_panels_come_in_rows_of_three(draw: Any, tmp_path: Path) -> None:
    runs = [run(f"activation {number}") for number in range(4)]
    figure = draw(runs, [diagnostics(1)] * 4)
    grid = figure.axes[0].get_gridspec()
    assert (grid.nrows, grid.ncols) == (2, 3)
    assert len(panels(figure)) == 4
    canvas.save(figure, tmp_path / "figure.svg")
    text = (tmp_path / "figure.svg").read_text(encoding="utf-8")
    assert "activation 3" in text
