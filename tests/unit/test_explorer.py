"""What the explorer shows: quantities, implementations that are one, and values as tables print."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from test_report import Study

from conftest import failed_record, run_record
from mlplab.analysis.axes import axes_table
from mlplab.analysis.twins import twins_table
from mlplab.report import explorer
from mlplab.report.tables import metrics_of, printed
from mlplab.study import grid, metrics
from mlplab.study.colors import of_activation, of_rank
from mlplab.study.record import RunRecord


def described(name: str, values: list[Any]) -> pd.DataFrame:
    """The rows of an axis that has these values."""
    runs = pd.DataFrame({name: values}).assign(implementation="scratch", activation="relu", seed=0)
    table = axes_table(runs, [name])
    return table[table["axis"] == name]


@pytest.mark.parametrize(
    ("name", "values", "quantity", "scale"),
    [
        ("learning_rate", [0.01, 0.03, 0.1, 0.3], "value", "log"),
        ("learning_rate", [0.1, 0.2, 0.3, 0.4], "value", "linear"),
        ("learning_rate", [1.0, 0.01], "value", "log"),
        ("learning_rate", [0.1, 0.5], "value", "linear"),
        ("learning_rate", [0.1], "value", "linear"),
        ("batch_size", [32, 64, 128, 256], "value", "log"),
        ("weight_std", [0.0, 0.01, 0.1], "value", "linear"),
        ("epochs", [5, 10, 15, 20], "value", "linear"),
        ("hidden_sizes", ["16", "64", "256"], "width", "log"),
        ("hidden_sizes", ["32", "32 32", "32 32 32"], "depth", "linear"),
        ("hidden_sizes", ["32", "64 32"], "", ""),
        ("bias_init", ["zeros", "framework"], "", ""),
    ],
)
def test_an_axis_is_a_quantity_on_a_scale(
    name: str, values: list[Any], quantity: str, scale: str
) -> None:
    rows = described(name, values)
    assert rows["value"].tolist() == list(map(str, values))
    assert set(rows["quantity"]) == {quantity} and set(rows["scale"]) == {scale}
    numbers = {
        "value": [float(value) for value in values] if quantity == "value" else [],
        "width": [16.0, 64.0, 256.0],
        "depth": [1.0, 2.0, 3.0],
    }
    if quantity:
        assert rows["number"].tolist() == numbers[quantity]
    else:
        assert rows["number"].isna().all()


def test_who_trains_what_and_from_which_seed_is_no_quantity() -> None:
    table = axes_table(pd.DataFrame({name: [1, 2] for name in grid.IDENTITY}), [])
    assert set(table["quantity"]) == {""} and table["axis"].tolist()[::2] == list(grid.IDENTITY)


def trained(implementation: str, seed: int = 0, **changed: float) -> RunRecord:
    """A run of three epochs; what is `changed` is so in the last."""
    record = run_record(f"{implementation}/relu/seed={seed}")
    row = {"training_loss": 0.5, "training_accuracy": 0.8, "test_accuracy": 0.7}
    history = [{**record.history[0], **row, "epoch": epoch} for epoch in (1, 2, 3)]
    history[-1].update(changed)
    return replace(record, history=history)


def twins(*records: RunRecord, wrong: str = "", margin: float = 0.005) -> dict[str, Any]:
    """Implementation → the one that it equals, and how far it is from it."""
    names = dict.fromkeys(record.run.implementation for record in records)
    agreed = pd.DataFrame(
        [(name, "scratch", "differs" if name == wrong else "agrees", "") for name in names],
        columns=["implementation", "reference", "verdict", "activations"],
    )
    table = twins_table(records, agreed, [], "test", margin)
    assert table["activation"].eq("relu").all()
    return {
        row.implementation: (row.same_as, pytest.approx(row.difference))
        for row in table.itertuples()
    }


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({}, True),
        ({"training_loss": 0.5 * (1 + 0.9e-3)}, True),
        ({"training_loss": 0.5 * (1 + 1.2e-3)}, False),
        ({"test_accuracy": 0.7049}, True),
        ({"training_accuracy": 0.7949}, False),
        ({"training_loss": math.nan}, False),
    ],
)
def test_implementations_are_one_where_every_epoch_is_equal_but_for_rounding(
    changed: dict[str, float], same: bool
) -> None:
    found = twins(trained("scratch"), trained("concise", **changed))
    usual = {"training_loss": 0.5, "training_accuracy": 0.8, "test_accuracy": 0.7}
    difference = max([abs(value - usual[name]) for name, value in changed.items()], default=0.0)
    assert found == {
        "scratch": ("scratch", 0.0),
        "concise": ("scratch", difference) if same else ("concise", 0.0),
    }


def test_one_seed_that_differs_keeps_implementations_apart() -> None:
    own = [trained("scratch"), trained("scratch", 1), trained("concise")]
    assert twins(*own, trained("concise", 1))["concise"] == ("scratch", 0.0)
    assert twins(*own, trained("concise", 1, test_accuracy=0.9))["concise"] == ("concise", 0.0)
    assert twins(*own)["concise"] == ("concise", 0.0)


def test_who_is_wrong_diverged_or_failed_equals_nobody_without_reason() -> None:
    pair = [trained("scratch"), trained("manual")]
    assert twins(*pair, wrong="manual")["manual"] == ("manual", 0.0)
    assert twins(*pair, wrong="scratch")["manual"] == ("manual", 0.0)
    failed = [failed_record("scratch/relu/seed=0"), failed_record("manual/relu/seed=0")]
    assert twins(*failed)["manual"] == ("manual", 0.0)
    assert twins(*pair, failed_record("scratch/relu/seed=1"), failed_record("manual/relu/seed=1"))[
        "manual"
    ] == ("scratch", 0.0)
    # Both end in the same way.
    diverged = [trained(name, training_loss=math.inf) for name in ("scratch", "manual")]
    assert twins(*diverged)["manual"] == ("scratch", 0.0)


def test_the_third_is_compared_with_each_that_stands_for_itself() -> None:
    others = [trained(name, test_accuracy=0.8) for name in ("manual", "numpy")]
    found = twins(trained("scratch"), *others)
    assert found["numpy"] == ("manual", 0.0)


def uneven(run: grid.Run) -> float:
    """Accuracies of 700 images, with more digits than are printed."""
    return int(np.random.default_rng(list(run.path.encode())).integers(350, 650)) / 700


def unsteady(run: grid.Run) -> float:
    """A loss with more digits than are printed; at the highest learning rate two diverge."""
    return math.nan if run.settings["learning_rate"] == 1.0 and run.seed in (1, 2) else 0.31234567


def made_up(folder: Path, **axes: list[Any]) -> Study:
    """Learning rates and widths, with runs that diverged, and failed."""
    return Study(
        folder,
        uneven,
        loss=unsteady,
        error=lambda run: "broke" if run.activation == "tanh" and run.seed == 2 else "",
        config={"training": {"epochs": 2}},
        images=700,
        **{
            "activation": ["relu", "tanh"],
            "learning_rate": [0.01, 0.1, 1.0],
            "hidden_sizes": [[16], [64]],
            **axes,
        },
    )


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """The same with three seeds."""
    return made_up(tmp_path)


def test_every_value_is_printed_as_that_of_its_table(study: Study) -> None:
    data = study.data()
    made = explorer.blocks(data, study.records, study.split)
    runs, cells, curves = made["runs"]["runs"], made["runs"]["cells"], made["curves"]
    known = metrics_of(data["runs"], study.split)

    def same(name: str, shown: list[Any], values: list[float]) -> None:
        told = [printed(known[name], math.nan if value is None else value) for value in shown]
        assert told == [printed(known[name], value) for value in values]

    assert set(runs["values"]) == set(known)
    for name in known:
        same(name, runs["values"][name], data["runs"][name].tolist())
    for name, over in explorer.COSTS.items():
        same(name, cells["costs"][name], data["summary"][f"{name}_{over}"].tolist())
    for axis in made["runs"]["axes"]:
        for table, places in ((data["runs"], runs), (data["summary"], cells)):
            if axis["name"] in table:
                values = [axis["values"][place] for place in places[axis["name"]]]
                assert values == list(map(str, table[axis["name"]]))
    keys = ["implementation", "activation", *study.axes]
    listed = list(data["summary"][keys].itertuples(index=False, name=None))
    told = {of: rows for of, rows in data["curves"].groupby([*keys, "metric"])}
    assert len(told) == 3 * len(listed)
    for place, cell in enumerate(listed):
        for name in curves["cells"]:
            for part in explorer.BAND:
                same(name, curves["cells"][name][part][place], told[(*cell, name)][part].tolist())
    for place, record in enumerate(study.records.values()):
        for metric in metrics.CURVES:
            name = metric.named(study.split)
            same(name, curves["runs"][name][place], [row[name] for row in record.history])
    assert cells["diverged"] == data["summary"]["diverged"].tolist() and max(cells["diverged"]) == 2
    assert cells["failed"] == data["summary"]["failed"].tolist() and max(cells["failed"]) == 1
    assert runs["status"] == data["runs"]["status"].tolist()
    assert [runs["cell"].count(cell) for cell in range(len(listed))] == cells["n"]
    same_as = data["twins"].set_index(keys)["same_as"]
    firsts = [listed[twin][0] for twin in cells["twin"]]
    assert firsts == [same_as[cell] for cell in listed]


def test_values_are_short_and_no_printed_digit_is_lost() -> None:
    loss = next(metric for metric in metrics.METRICS if metric.name == "training_loss")
    seconds = next(metric for metric in metrics.METRICS if metric.name == "seconds_per_epoch")
    assert explorer.compact(0.41234567890123, loss) == 0.412345679
    assert explorer.compact(1.0, loss) == 1 and isinstance(explorer.compact(1.0, loss), int)
    assert explorer.compact(1234567.891234, loss) == 1234567.891234
    assert explorer.compact(math.nan, loss) is None and explorer.compact(None, loss) is None
    assert explorer.compact(-math.inf, loss) is None
    random = np.random.default_rng(0)
    for value in (10 ** random.uniform(-8, 8, 2000)).tolist():
        for metric in (loss, seconds):
            assert printed(metric, explorer.compact(value, metric)) == printed(metric, value)


def test_a_large_page_leaves_out_curves_of_runs_then_epochs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = made_up(tmp_path, seed=list(range(8)), implementation=["scratch"])
    data = study.data()

    def curves(most: int) -> dict[str, Any]:
        monkeypatch.setattr(explorer, "VALUES_AT_MOST", most)
        made: dict[str, Any] = explorer.blocks(data, study.records, study.split)["curves"]
        return made

    # Two epochs of three metrics: their mean, lowest and highest, and of each run.
    means, runs = 3 * 3 * 2 * len(data["summary"]), 3 * int(data["runs"]["epochs_run"].sum())
    assert runs > means
    whole = curves(runs)
    assert whole["step"] == 1 and len(whole["runs"]) == 3
    few = curves(runs - 1)
    assert few == {**whole, "runs": {}} == curves(means)
    least = curves(means - 1)
    before, after = (each["cells"]["test_accuracy"]["mean"] for each in (whole, least))
    assert least["step"] == 2 and after == [curve[1::2] for curve in before]


def test_axes_have_words_and_colours(study: Study) -> None:
    made = explorer.blocks(study.data(), study.records, study.split)["runs"]
    axes = {axis["name"]: axis for axis in made["axes"]}
    width, rate = axes["hidden_sizes"], axes["learning_rate"]
    assert width["title"] == "units of the hidden layer"
    assert width["labels"] == ["16 units", "64 units"]
    assert width["numbers"] == [16, 64] and rate["scale"] == "log"
    assert rate["phrases"][0] == "learning rate 0.01" and rate["labels"] == rate["printed"]
    assert axes["seed"]["phrases"] == ["seed 0", "seed 1", "seed 2"]
    assert axes["activation"]["colors"] == [of_activation("relu"), of_activation("tanh")]
    assert axes["activation"]["numbers"] is None and axes["activation"]["phrases"][0] == "relu"
    assert rate["colors"] == [of_rank(place, 3) for place in range(3)]
    depth = explorer._axis(described("hidden_sizes", ["32", "32 32"]))
    assert depth["labels"] == ["1 layer of 32", "2 layers of 32"]
    assert depth["printed"] == depth["labels"] and depth["title"] == "hidden layers"


def test_colours_of_ordered_values_go_from_dark_to_bright() -> None:
    def brightness(color: str) -> int:
        return sum(int(color[place : place + 2], 16) for place in (1, 3, 5))

    colors = [of_rank(place, 9) for place in range(9)]
    assert [brightness(color) for color in colors] == sorted(map(brightness, colors))
    assert len(set(colors)) == 9 and of_rank(0, 1) == colors[0]
