"""Figures show what the article's figures show, and are saved whole."""

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from conftest import curves_of, epoch_row, failed_record, run_record
from mlplab import activations
from mlplab.analysis.groups import groups_table
from mlplab.analysis.images import Correct
from mlplab.analysis.summary import summary_table
from mlplab.figures import activations as activation_figures
from mlplab.figures import canvas, images, runs
from mlplab.study.colors import of_activation
from mlplab.study.record import RunRecord


def record(*rows: dict[str, float], **run: Any) -> RunRecord:
    return run_record(history=list(rows), **run)


def training(epochs: int, shift: float = 0.0) -> RunRecord:
    """A run whose accuracies lie between 0.3 and 0.9."""
    rows = [
        epoch_row(n, training_accuracy=0.5 + 0.02 * n + shift, test_accuracy=0.6 + 0.02 * n + shift)
        for n in range(1, epochs + 1)
    ]
    return record(*rows)


def lines(axes: Axes) -> dict[str, tuple[list[float], list[float]]]:
    return {
        str(line.get_label()): (list(line.get_xdata()), list(line.get_ydata()))  # type: ignore
        for line in axes.lines
    }


def both(name: str, arrays: dict[str, Any]) -> tuple[Figure, Figure]:
    """The figures of an activation and of its gradient."""
    draw = activation_figures
    return draw.function(name, arrays), draw.gradient(name, arrays)


@pytest.fixture(scope="module", params=activations.names())
def drawn(request: pytest.FixtureRequest) -> Iterator[tuple[str, Figure, Figure]]:
    values = activations.sampled(activations.load(request.param))
    arrays = {key: tensor.numpy() for key, tensor in values.items()}
    yield request.param, *both(request.param, arrays)


def test_activation_figures_have_the_articles_size_and_labels(
    drawn: tuple[str, Figure, Figure],
) -> None:
    name, function, gradient = drawn
    for figure in (function, gradient):
        assert isinstance(figure, Figure)
        assert figure.get_size_inches().tolist() == [5.0, 2.5]
        assert figure.axes[0].get_xlabel() == "x"
    assert function.axes[0].get_ylabel() == f"{name}(x)"
    assert gradient.axes[0].get_ylabel() == f"grad of {name}"


def test_activation_figures_draw_all_160_points(drawn: tuple[str, Figure, Figure]) -> None:
    name, function, gradient = drawn
    values = activations.sampled(activations.load(name))
    ((x, y),) = lines(function.axes[0]).values()
    assert x == values["x"].tolist()
    assert y == values["function"].tolist()
    drawn_lines = lines(gradient.axes[0])
    assert drawn_lines["autograd"] == (values["x"].tolist(), values["gradient"].tolist())
    assert drawn_lines["closed form"] == (values["x"].tolist(), values["derivative"].tolist())


def test_training_curves_have_the_articles_axes() -> None:
    figure = curves({"scratch": [training(10)], "concise": [training(10)]})
    assert isinstance(figure, Figure)
    assert len(figure.axes) == 2
    for axes, title in zip(figure.axes, ("scratch (1 seed)", "concise (1 seed)"), strict=True):
        assert axes.get_xlabel() == "epoch"
        assert axes.get_title() == title
        assert axes.get_xlim() == (1, 10)
        low, high = axes.get_ylim()
        assert 0.2 < low <= 0.3
        assert 0.9 <= high < 1.0
        assert list(lines(axes)) == ["training loss", "training accuracy", "test accuracy"]
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert len(legend.get_texts()) == 3


def test_training_curves_are_means_over_seeds_with_a_band_from_lowest_to_highest() -> None:
    figure = curves({"scratch": [training(3), training(3, shift=0.1)]})
    (axes,) = figure.axes
    assert axes.get_title() == "scratch (2 seeds)"
    x, y = lines(axes)["test accuracy"]
    assert x == [1, 2, 3]
    assert y == pytest.approx([0.67, 0.69, 0.71])
    band = axes.collections[2].get_paths()[0].vertices
    assert band[:, 1].min() == pytest.approx(0.62)
    assert band[:, 1].max() == pytest.approx(0.76)


def test_accuracies_outside_the_articles_range_stay_in_sight() -> None:
    low_and_high = record(
        epoch_row(1, training_accuracy=0.1, test_accuracy=0.1),
        epoch_row(2, training_accuracy=1.0, test_accuracy=0.99),
    )
    low, high = curves({"scratch": [low_and_high]}).axes[0].get_ylim()
    assert low <= 0.1
    assert high >= 1.0


def test_a_loss_out_of_all_bounds_does_not_hide_the_accuracies() -> None:
    diverging = record(epoch_row(1, training_loss=1e30), epoch_row(2, training_loss=2.3))
    low, high = curves({"scratch": [diverging]}).axes[0].get_ylim()
    assert 0.2 < low <= 0.3
    assert 0.9 <= high < 1.1


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_runs_that_diverged_after_different_times_are_drawn(tmp_path: Path, loss: float) -> None:
    diverged = record(
        epoch_row(1), epoch_row(2, training_loss=loss, test_loss=loss), status="diverged"
    )
    alone = record(epoch_row(1, training_loss=loss, test_loss=loss), status="diverged")
    figure = curves(
        {"scratch": [training(5), diverged], "concise": [alone], "third": [training(5)]}
    )
    canvas.save(figure, tmp_path / "curves.svg", tmp_path / "curves.png")
    assert [axes.get_title() for axes in figure.axes] == [
        "scratch (2 seeds)",
        "concise (1 seed)",
        "third (1 seed)",
    ]
    assert figure.axes[2].get_xlim() == (1, 5)
    assert len(lines(figure.axes[2])["test accuracy"][0]) == 5
    assert all(math.isfinite(limit) for axes in figure.axes for limit in axes.get_ylim())


def test_a_single_epoch_is_drawn(tmp_path: Path) -> None:
    figure = curves({"scratch": [training(1)]})
    low, high = figure.axes[0].get_xlim()
    assert low < 1 < high
    canvas.save(figure, tmp_path / "curves.png")


def test_predictions_are_six_images_in_a_row_with_the_true_class_above_the_predicted() -> None:
    pixels = np.arange(6 * 4 * 3).reshape(6, 4, 3)
    true = ["ankle boot", "pullover", "trouser", "trouser", "shirt", "coat"]
    guessed = ["ankle boot", "pullover", "trouser", "dress", "shirt", "bag"]
    figure = images.predictions(cell(true, guessed, pixels=pixels))
    assert isinstance(figure, Figure)
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.texts] == list(map("{}\n{}".format, true, guessed))
    for image, expected in zip(axes.images, pixels, strict=True):
        assert np.array_equal(image.get_array(), expected)  # type: ignore[arg-type]
    places = np.array([image.get_extent() for image in axes.images])
    assert (np.diff(places[:, 0]) > 1).all(), "from left to right"
    assert len(set(places[:, 3])) == 1, "in one row"
    for place, text in zip(places, axes.texts, strict=True):
        x, y = text.get_position()
        assert x == place[:2].mean() and y < place[3] < place[2], "above its image"
    right = [to_hex(text.get_color()) == "#000000" for text in axes.texts]
    assert right == [a == b for a, b in zip(true, guessed, strict=True)]


def test_images_fill_rows_and_leave_the_last_one_short() -> None:
    figure = images.samples(np.zeros((17, 4, 3)), list("abcdefghijklmnopq"))
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.texts] == list("abcdefghijklmnopq")
    rows = [image.get_extent()[3] for image in axes.images]
    assert [rows.count(top) for top in sorted(set(rows))] == [9, 8]
    assert not axes.axison
    assert all(
        e[0] >= 0 and e[1] <= axes.get_xlim()[1] for e in (i.get_extent() for i in axes.images)
    )


def test_the_confusion_matrix_shows_shares_of_each_true_class() -> None:
    figure = images.confusion(
        cell(confusion=np.array([[3, 1, 0], [0, 0, 0], [0, 0, 8]]), class_names=["a", "b", "c"])
    )
    (axes,) = figure.axes
    assert axes.get_ylabel() == "true class"
    assert axes.get_xlabel() == "predicted class"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b", "c"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    shares = np.asarray(axes.images[0].get_array())
    assert shares.tolist() == [[0.75, 0.25, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    texts = {(text.get_position(), text.get_text()) for text in axes.texts}
    assert texts == {((0, 0), "75"), ((1, 0), "25"), ((2, 2), "100")}


def curves(records: Mapping[str, Sequence[RunRecord]], split: str = "test") -> Figure:
    """The figure of the runs of each implementation."""
    return runs.curves(*curves_of(records, split))


Values = Mapping[str, Mapping[str, Sequence[float]]]


def tables(values: Values, split: str) -> dict[str, pd.DataFrame]:
    """Tables of runs with these accuracies, which are their seconds too; without one, they fail."""
    rows = [
        {
            "run": f"{implementation}/{group}/seed={seed}",
            "implementation": implementation,
            "activation": group,
            "seed": seed,
            "status": "failed" if math.isnan(value) else "finished",
            "sanity": "met",
            f"{split}_accuracy": value,
            "seconds_per_epoch": value,
        }
        for implementation, groups in values.items()
        for group, each in groups.items()
        for seed, value in enumerate(each)
    ]
    table = pd.DataFrame(rows)
    late, correct = f"late_{split}_accuracy", Correct()
    for run in table["run"]:
        correct.add(run, np.zeros(9, int), np.zeros(9, int))
    table[late] = table[f"{split}_accuracy"]
    standing = next(iter(table.loc[table["status"] == "finished", "implementation"]), "")
    groups = groups_table(table, correct, [], late, standing)
    return {"runs": table, "summary": summary_table(table, [], split), "groups": groups}


def accuracy(values: Values, split: str = "test") -> Figure:
    return runs.accuracy(tables(values, split), split)


def seconds(values: Values) -> Figure:
    return runs.seconds(tables(values, "test"), "test")


def cell(true: Sequence[str] = (), guessed: Sequence[str] = (), **values: Any) -> images.Cell:
    """What a cell predicts, of no image where none is given."""
    usual = {"pixels": np.zeros((0, 4, 4)), "confusion": np.eye(1), "class_names": ["a"]}
    return images.Cell(labels=true, predicted=guessed, **{**usual, **values})


VALUES = {
    "scratch": {"relu": [0.8, 0.9], "tanh": [0.7, 0.75]},
    "concise": {"relu": [0.85, 0.95], "tanh": [0.6, 0.65]},
}


def test_accuracy_shows_a_dot_per_run_and_a_bar_per_mean() -> None:
    figure = accuracy(VALUES)
    assert isinstance(figure, Figure)
    (axes,) = figure.axes
    assert axes.get_xlabel() == "test accuracy"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["relu", "tanh"]
    dots: list[Any] = [
        value for line in axes.lines if line.get_marker() in "os" for value in line.get_xdata()
    ]
    assert sorted(dots) == sorted(
        value for series in VALUES.values() for values in series.values() for value in values
    )
    means: list[Any] = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "|"]
    assert sorted(means) == pytest.approx([0.625, 0.725, 0.85, 0.9])
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["scratch", "concise"]


def test_an_activation_is_a_colour_and_an_implementation_a_mark() -> None:
    (axes,) = accuracy(VALUES).axes
    dots = [line for line in axes.lines if line.get_marker() in "os"]
    assert len({line.get_ydata()[0] for line in dots}) == 4  # type: ignore[index]
    looks = [(to_hex(line.get_color()), line.get_marker()) for line in dots]
    pairs = itertools.product("os", (of_activation("relu"), of_activation("tanh")))
    assert looks == [(color, mark) for mark, color in pairs]
    for line in dots:
        assert len(set(line.get_ydata())) == 1  # type: ignore[arg-type]


def test_seconds_start_at_zero_and_have_no_means() -> None:
    (axes,) = seconds(VALUES).axes
    assert axes.get_xlabel() == "seconds per epoch"
    assert axes.get_xlim()[0] == 0
    assert {line.get_marker() for line in axes.lines} == {"o", "s"}


def test_a_series_that_lacks_a_group_keeps_the_others_in_their_place() -> None:
    (axes,) = accuracy({"scratch": {"relu": [0.8]}, "concise": {"tanh": [0.9]}}).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["relu", "tanh"]
    positions = {
        line.get_xdata()[0]: line.get_ydata()[0]  # type: ignore[index]
        for line in axes.lines
        if line.get_marker() in "os"
    }
    assert positions[0.8] == pytest.approx(0, abs=0.3)
    assert positions[0.9] == pytest.approx(1, abs=0.3)


def over_epochs() -> dict[str, pd.DataFrame]:
    """Tables of which tanh is better from scratch, and whose curves rise by 0.1 an epoch."""
    found = tables(VALUES | {"scratch": {"relu": [0.7, 0.8], "tanh": [0.8, 0.9]}}, "test")
    rows = [
        (implementation, activation, "test_accuracy", epoch, 2, mean, mean - 0.05, mean + 0.02)
        for implementation, start in (("scratch", 0.5), ("concise", 0.1))
        for activation, shift in (("relu", 0.0), ("tanh", 0.1))
        for epoch, mean in enumerate((start + shift, start + shift + 0.1), start=1)
    ]
    point = ["metric", "epoch", "runs", "mean", "lowest", "highest"]
    columns = ["implementation", "activation", *point]
    return found | {"curves": pd.DataFrame(rows, columns=columns)}


def test_accuracy_over_epochs_is_a_line_and_a_band_for_each_activation() -> None:
    (axes,) = runs.epochs(over_epochs(), "test").axes
    # Of the one that stands for all, the best first.
    assert lines(axes) == {"tanh": ([1, 2], [0.6, 0.7]), "relu": ([1, 2], [0.5, 0.6])}
    assert [line.get_color() for line in axes.lines] == [
        of_activation("tanh"), of_activation("relu"),
    ]  # fmt: skip
    band = axes.collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == pytest.approx((0.55, 0.72))


def test_groups_are_called_by_words() -> None:
    found = over_epochs()
    groups = found["groups"].assign(group=lambda table: table["group"] + "/hidden_sizes=8x8")
    groups.insert(2, "hidden_sizes", "8 8")
    runs_table = found["runs"].assign(run=lambda table: table["run"] + "/hidden_sizes=8x8")
    (axes,) = runs.accuracy(found | {"groups": groups, "runs": runs_table}, "test").axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["relu with 2 layers of 8", "tanh with 2 layers of 8"]


def all_figures() -> dict[str, Figure]:
    x = np.arange(-8, 8, 0.1)
    function, gradient = both("relu", dict.fromkeys(("x", "function", "gradient", "derivative"), x))
    return {
        "function": function,
        "gradient": gradient,
        "curves": curves({"scratch": [training(3)]}),
        "predictions": images.predictions(
            cell(list("abcdef"), list("abcdeg"), pixels=np.zeros((6, 4, 4)))
        ),
        "confusion": images.confusion(
            cell(confusion=np.eye(10, dtype=int), class_names=[f"class {n}" for n in range(10)])
        ),
        "accuracy": accuracy(VALUES),
        "epochs": runs.epochs(over_epochs(), "test"),
        "seconds": seconds(VALUES),
        "nothing": canvas.nothing("All runs failed."),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", all_figures())
def test_figures_are_saved_as_svg_with_readable_text_and_as_png(name: str, tmp_path: Path) -> None:
    svg, png = tmp_path / "new" / "figure.svg", tmp_path / "new" / "figure.png"
    canvas.save(all_figures()[name], svg, png)
    text = svg.read_text(encoding="utf-8")
    assert "<svg" in text
    assert re.search(r"<text[^>]*>[^<]+</text>", text)
    assert "<dc:date>" not in text
    assert png.read_bytes().startswith(b"\x89PNG\r\n")
    assert sorted(path.name for path in svg.parent.iterdir()) == ["figure.png", "figure.svg"]


def test_the_same_figure_gives_the_same_svg(tmp_path: Path) -> None:
    for number in range(2):
        canvas.save(accuracy(VALUES), tmp_path / f"{number}.svg")
    assert (tmp_path / "0.svg").read_bytes() == (tmp_path / "1.svg").read_bytes()


def test_a_figure_that_cannot_be_drawn_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "figure.png"
    target.write_bytes(b"old")
    figure = accuracy(VALUES)
    # Drawing fails for real: a formula that matplotlib cannot parse.
    figure.axes[0].set_title(r"$\frac{1$")
    with pytest.raises(ValueError, match=r"(?i)parse|expected"):
        canvas.save(figure, target)
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["figure.png"]


def test_figures_do_without_pyplot() -> None:
    # It keeps every figure alive and may want a screen.
    assert "pyplot" not in Path(runs.__file__).read_text(encoding="utf-8")


def validated(epochs: int) -> RunRecord:
    """A run that did not read the test set."""
    rows = [
        {name.replace("test_", "validation_"): value for name, value in row.items()}
        for row in training(epochs).history
    ]
    return replace(run_record(scored_on="validation"), history=rows)


def test_the_first_group_is_above_the_others() -> None:
    (axes,) = accuracy(VALUES).axes
    bottom, top = axes.get_ylim()
    assert top < 0 < 1 < bottom


def test_training_curves_are_of_the_split_that_runs_are_scored_on() -> None:
    (axes,) = curves({"scratch": [validated(3)]}, "validation").axes
    assert list(lines(axes)) == ["training loss", "training accuracy", "validation accuracy"]
    assert lines(axes)["validation accuracy"][1] == pytest.approx([0.62, 0.64, 0.66])


def test_accuracy_says_the_split_that_it_is_of() -> None:
    (axes,) = accuracy(VALUES, "validation").axes
    assert axes.get_xlabel() == "validation accuracy"


@pytest.mark.filterwarnings("error")
def test_failed_runs_have_no_curve(tmp_path: Path) -> None:
    broken = failed_record("mine/relu/seed=0")
    figure = curves(
        {"mine": [broken, broken], "scratch": [training(4), broken], "third": [training(3)]}
    )
    canvas.save(figure, tmp_path / "curves.svg", tmp_path / "curves.png")
    mine, scratch, third = figure.axes
    assert mine.get_title() == "mine (all runs failed)"
    assert scratch.get_title() == "scratch (1 seed)"
    assert lines(mine) == {}
    assert lines(scratch)["test accuracy"][0] == [1, 2, 3, 4]
    assert third.get_xlim() == (1, 4)
    # What the lines are is said where there are any, once.
    assert [axes.get_legend() is not None for axes in figure.axes] == [False, True, False]


@pytest.mark.filterwarnings("error")
def test_curves_of_failed_runs_alone_are_empty(tmp_path: Path) -> None:
    broken = failed_record("mine/relu/seed=0")
    figure = curves({"mine": [broken], "other": [broken]})
    canvas.save(figure, tmp_path / "curves.svg")
    titles = ["mine (all runs failed)", "other (all runs failed)"]
    assert [axes.get_title() for axes in figure.axes] == titles
    assert not any(axes.lines or axes.get_legend() for axes in figure.axes)


def test_a_run_that_did_not_finish_has_no_dot_and_its_cell_no_mean(tmp_path: Path) -> None:
    values = {"scratch": {"relu": [0.8, math.nan], "tanh": [0.7, 0.8]}}
    figure = accuracy(values)
    canvas.save(figure, tmp_path / "accuracy.svg")
    means = [line.get_xdata()[0] for line in figure.axes[0].lines if line.get_marker() == "|"]  # type: ignore
    assert len(means) == 2
    assert math.isnan(means[0])
    assert means[1] == pytest.approx(0.75)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("draw", [accuracy, seconds])
def test_overviews_of_failed_runs_alone_are_drawn(tmp_path: Path, draw: Any) -> None:
    figure = draw({"mine": {"relu": [math.nan, math.nan]}})
    canvas.save(figure, tmp_path / "overview.svg", tmp_path / "overview.png")
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["relu"]


def many(count: int) -> dict[str, dict[str, list[float]]]:
    """Groups whose means fall from the first in the alphabet, in another order."""
    falling = {f"group {n:02}": [0.9 - 0.01 * n, 0.92 - 0.01 * n] for n in range(count)}
    return {"scratch": dict(reversed(falling.items())), "concise": dict(falling)}


def test_of_more_groups_than_fit_the_best_are_drawn_best_first() -> None:
    values = many(runs.GROUPS_AT_MOST + 7)
    # A run that did not finish leaves its group without a mean: it is not among the best.
    for number in (0, 12, 20):
        values["scratch"][f"group {number:02}"][0] = math.nan
    figure = accuracy(values)
    (axes,) = figure.axes
    numbers = [n for n in range(runs.GROUPS_AT_MOST + 3) if n not in (0, 12, 20)]
    best = [f"group {n:02}" for n in numbers]
    assert len(best) == runs.GROUPS_AT_MOST
    assert [label.get_text() for label in axes.get_yticklabels()] == best
    assert axes.get_title() == f"the {len(best)} most accurate of {len(best) + 7} combinations"
    dots = [line for line in axes.lines if line.get_marker() in "os"]
    assert len(dots) == 2 * len(best)
    for line in dots:
        row = round(line.get_ydata()[0])  # type: ignore[index]
        assert line.get_xdata()[0] == pytest.approx(0.9 - 0.01 * numbers[row])  # type: ignore[index]


def test_as_many_groups_as_fit_are_all_drawn_in_their_order() -> None:
    values = many(runs.GROUPS_AT_MOST)
    (axes,) = accuracy(values).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == list(values["scratch"])
    assert axes.get_title() == ""
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["scratch", "concise"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("draw", "label"),
    [(accuracy, "test accuracy"), (seconds, "seconds per epoch")],
)
def test_of_more_runs_than_dots_can_show_the_spread_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, draw: Any, label: str
) -> None:
    relu = [0.1, 0.5, 0.2, 0.4, 0.3]
    values = {"scratch": {"relu": relu, "tanh": [math.nan, 0.7]}, "numpy": {"relu": [math.nan]}}
    monkeypatch.setattr(runs, "DOTS_AT_MOST", 7)
    figure = draw(values)
    canvas.save(figure, tmp_path / "overview.svg")
    (axes,) = figure.axes
    spreads = [line for line in axes.lines if line.get_marker() != "|"]
    assert not [line for line in spreads if line.get_marker() == "o"]
    ends = [(round(line.get_ydata()[0]), *line.get_xdata()) for line in spreads]
    # The range and the middle half of each row, of the runs that have a value.
    assert ends == [
        (0, *map(pytest.approx, (0.1, 0.5))),
        (0, *map(pytest.approx, (0.2, 0.4))),
        (1, 0.7, 0.7),
        (1, 0.7, 0.7),
    ]
    assert axes.get_xlabel() == label
    monkeypatch.setattr(runs, "DOTS_AT_MOST", 8)
    assert [line for line in draw(values).axes[0].lines if line.get_marker() == "o"]


def test_a_figure_is_laid_out_once_for_all_its_formats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    laid_out: list[Figure] = []
    original = ConstrainedLayoutEngine.execute

    def counted(engine: ConstrainedLayoutEngine, figure: Figure) -> Any:
        laid_out.append(figure)
        return original(engine, figure)

    monkeypatch.setattr(ConstrainedLayoutEngine, "execute", counted)
    figure = accuracy(VALUES)
    canvas.save(figure, tmp_path / "0.svg", tmp_path / "0.png")
    assert laid_out == [figure]
    # Nothing reaches over the edge of the second one.
    width, height = figure.get_size_inches()
    box = figure.get_tightbbox()
    assert 0 <= box.x0 < box.x1 <= width
    assert 0 <= box.y0 < box.y1 <= height


def test_a_figure_of_nothing_says_why() -> None:
    (axes,) = canvas.nothing("This run failed: it predicts nothing.").axes
    assert [text.get_text() for text in axes.texts] == ["This run failed: it predicts nothing."]
    assert not axes.axison


@pytest.mark.filterwarnings("error")
def test_the_confusion_of_failed_runs_is_empty(tmp_path: Path) -> None:
    figure = images.confusion(
        cell(confusion=np.zeros((3, 3), dtype=int), class_names=["a", "b", "c"])
    )
    canvas.save(figure, tmp_path / "confusion.svg")
    assert not figure.axes[0].texts
