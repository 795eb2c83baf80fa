"""The best combination: chosen on validation images alone, tested once."""

import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from safetensors.torch import save_file

from conftest import all_logits
from mlplab import activations, implementations
from mlplab.analysis import selection
from mlplab.analysis.means import Means
from mlplab.datasets.store import Dataset, held_out
from mlplab.errors import UserError
from mlplab.files import read_json, write_json
from mlplab.study.settings import Settings
from mlplab.training import testing
from mlplab.training.loop import train

every_implementation = pytest.mark.parametrize("implementation", implementations.names())


def runs_of(accuracies: dict[str, list[float]], **columns: Any) -> pd.DataFrame:
    """Runs by their cell, implementation/activation, with an accuracy for each seed."""
    found = []
    for cell, values in accuracies.items():
        implementation, activation = cell.split("/")
        for seed, accuracy in enumerate(values):
            found.append(
                {
                    "run": f"{cell}/seed={seed}",
                    "implementation": implementation,
                    "activation": activation,
                    "seed": seed,
                    "status": "finished",
                    "validation_accuracy": accuracy,
                    "macro_f1": 1 - accuracy,
                    "learning_rate": 0.1,
                }
            )
    return pd.DataFrame(found).assign(**columns)


RIGHT = ["scratch", "concise", "a", "b"]
GRID = {
    "scratch/relu": [0.80, 0.82, 0.84],
    "scratch/tanh": [0.70, 0.85, 0.99],
    "concise/relu": [0.79, 0.99, 0.69],
}


def test_the_highest_mean_wins_not_the_highest_run() -> None:
    runs, ranked = selection.winner(runs_of(GRID), [], RIGHT)
    assert runs["run"].tolist() == [f"scratch/tanh/seed={seed}" for seed in range(3)]
    cells = ranked[["implementation", "activation"]].agg("/".join, axis=1).tolist()
    assert cells == ["scratch/tanh", "concise/relu", "scratch/relu"]
    means = [sum(GRID[cell]) / 3 for cell in cells]
    assert ranked["mean"].tolist() == pytest.approx(means)
    assert means == sorted(means, reverse=True)
    assert ranked["count"].tolist() == [3, 3, 3]


def test_a_lucky_single_run_does_not_win() -> None:
    runs, _ = selection.winner(runs_of({"a/relu": [0.99, 0.1], "b/relu": [0.6, 0.6]}), [], RIGHT)
    assert set(runs["implementation"]) == {"b"}


@pytest.mark.parametrize("status", ["diverged", "failed"])
@pytest.mark.parametrize("through_parquet", [False, True])
def test_a_cell_with_a_run_that_did_not_finish_cannot_win(
    status: str, through_parquet: bool, tmp_path: Path
) -> None:
    table = runs_of(GRID)
    table.loc[table["run"] == "scratch/tanh/seed=0", "status"] = status
    if status == "failed":
        table.loc[table["status"] == status, "validation_accuracy"] = math.nan
    if through_parquet:
        table.to_parquet(tmp_path / "runs.parquet")
        table = pd.read_parquet(tmp_path / "runs.parquet")
    runs, ranked = selection.winner(table, [], RIGHT)
    # The next best has a mean of 0.8233.
    assert set(runs["run"]) == {f"concise/relu/seed={seed}" for seed in range(3)}
    assert len(ranked) == 2
    assert "tanh" not in ranked["activation"].tolist()


def test_without_a_sound_combination_there_is_no_best() -> None:
    table = runs_of({"a/relu": [0.9, 0.8], "b/relu": [0.7, 0.6]})
    table["status"] = ["finished", "diverged", "failed", "finished"]
    with pytest.raises(UserError, match="no combination of the grid has finished runs only"):
        selection.winner(table, [], RIGHT)


def test_of_equal_means_the_first_in_the_grid_wins() -> None:
    # More than a sort that is not stable happens to leave in order.
    names = [f"name_{number * 7 % 40}" for number in range(40)]
    table = runs_of(
        {f"{name}/relu": [0.5, 0.25 + number % 2 / 2] for number, name in enumerate(names)}
    )
    runs, ranked = selection.winner(table, [], names)
    assert set(runs["implementation"]) == {names[1]}
    assert ranked["implementation"].tolist() == names[1::2] + names[::2]


def test_further_axes_make_combinations_of_their_own() -> None:
    low = runs_of({"a/relu": [0.9, 0.5]}, hidden_sizes="8", learning_rate=0.1)
    high = runs_of({"a/relu": [0.8, 0.8]}, hidden_sizes="8 4", learning_rate=0.5)
    other = runs_of({"a/relu": [0.8, 0.7]}, hidden_sizes="8 4", learning_rate=0.1)
    table = pd.concat([low, high, other], ignore_index=True)
    axes = ["hidden_sizes", "learning_rate"]
    runs, ranked = selection.winner(table, axes, RIGHT)
    assert runs.index.tolist() == [2, 3]
    assert ranked[axes].values.tolist()[0] == ["8 4", 0.5]
    assert len(ranked) == 3
    # Without the axes, all of it is one combination.
    assert len(selection.winner(table, [], RIGHT)[0]) == 6


def test_the_choice_does_not_look_at_the_test_set() -> None:
    blind, _ = selection.winner(runs_of(GRID), [], RIGHT)
    table = runs_of(GRID).assign(test_accuracy=lambda runs: 1 - runs["validation_accuracy"])
    seeing, _ = selection.winner(table, [], RIGHT)
    assert seeing["run"].tolist() == blind["run"].tolist()


SETTINGS = Settings((16,), weight_std=0.1, epochs=2, batch_size=64, validation_size=200)


@every_implementation
def test_the_winners_are_tested_from_their_stored_parameters(
    implementation: str,
    digits: Dataset,
    tmp_path: Path,
    matmul_precision: None,
) -> None:
    build, prelu = implementations.load(implementation), activations.load("prelu")
    runs = runs_of({f"{implementation}/prelu": [0.1, 0.2]})
    paths, expected = {}, []
    for run, seed in zip(runs["run"], (0, 1), strict=True):
        trained = train(build, prelu, digits, SETTINGS, seed)
        paths[run] = tmp_path / f"{seed}.safetensors"
        parameters = trained.network.parameters()
        save_file({name: value.contiguous() for name, value in parameters.items()}, paths[run])
        expected.append(trained.history[-1])
    tested = testing.test_runs(
        selection.rows(runs),
        paths,
        implementations.source(implementation),
        activations.source("prelu"),
        digits,
    )
    assert [row["run"] for row in tested] == runs["run"].tolist()
    assert [row["seed"] for row in tested] == [0, 1]
    assert [row["validation_accuracy"] for row in tested] == [0.1, 0.2]
    for row, last in zip(tested, expected, strict=True):
        assert row["test_accuracy"] == pytest.approx(last.test_accuracy, abs=1 / len(digits.test))
        assert row["test_loss"] == pytest.approx(last.test_loss, rel=1e-5)
    json.dumps(tested)


def test_tests_are_on_the_test_images(
    digits: Dataset, tmp_path: Path, matmul_precision: None
) -> None:
    build, relu = implementations.load("scratch"), activations.load("relu")
    trained = train(build, relu, digits, SETTINGS, 0, read_test=False)
    save_file(trained.network.parameters(), tmp_path / "0.safetensors")
    runs = runs_of({"scratch/relu": [0.5]})
    sources = implementations.source("scratch"), activations.source("relu")
    paths = {"scratch/relu/seed=0": tmp_path / "0.safetensors"}
    (row,) = testing.test_runs(selection.rows(runs), paths, *sources, digits)
    for split, same in ((digits.test, True), (held_out(digits.training, 200)[1], False)):
        correct = all_logits(trained.network, split).argmax(1) == split.labels
        assert (row["test_accuracy"] == correct.double().mean().item()) is same


def results(*accuracies: float) -> list[dict[str, Any]]:
    return [
        {"run": f"a/relu/seed={seed}", "seed": seed, "test_accuracy": accuracy}
        for seed, accuracy in enumerate(accuracies)
    ]


def test_the_summary_says_what_was_chosen_among_what(tmp_path: Path) -> None:
    table = pd.concat(
        [
            runs_of({"a/relu": [0.8, 0.9], "b/relu": [0.7, 0.9]}, learning_rate=rate, sizes="8 4")
            for rate in (0.1, 0.5)
        ]
    )
    axes = ["learning_rate", "sizes"]
    _, ranked = selection.winner(table, axes, RIGHT)
    summary = selection.summary(ranked, results(0.6, 0.8), axes)
    assert summary == {
        "criterion": "validation_accuracy",
        "combinations": 4,
        "implementation": "a",
        "activation": "relu",
        "point": {"learning_rate": "0.1", "sizes": "8 4"},
        "validation_accuracy_mean": pytest.approx(0.85),
        "runner_up_mean": pytest.approx(0.85),
        "test_accuracy_mean": pytest.approx(0.7),
        # Two seeds give no interval.
        "test_accuracy_low": None,
        "test_accuracy_high": None,
        "runs": results(0.6, 0.8),
    }
    write_json(tmp_path / "selection.json", summary)
    assert read_json(tmp_path / "selection.json")["combinations"] == 4


def test_a_single_combination_with_a_single_seed_has_neither_runner_up_nor_interval() -> None:
    _, ranked = selection.winner(runs_of({"a/relu": [0.8]}), [], RIGHT)
    summary = selection.summary(ranked, results(0.6), [])
    assert summary["combinations"] == 1
    assert summary["runner_up_mean"] is None
    assert summary["test_accuracy_low"] is summary["test_accuracy_high"] is None
    assert summary["test_accuracy_mean"] == 0.6
    assert summary["point"] == {}


def test_three_seeds_give_the_winner_an_interval() -> None:
    _, ranked = selection.winner(runs_of({"a/relu": [0.8, 0.7, 0.9]}), [], RIGHT)
    summary = selection.summary(ranked, results(0.6, 0.7, 0.62), [])
    (low,), (high,) = Means.of([[0.6, 0.7, 0.62]]).interval(0, 1)
    assert (summary["test_accuracy_low"], summary["test_accuracy_high"]) == (low, high)


def test_a_wrong_implementation_cannot_win() -> None:
    runs, ranked = selection.winner(runs_of(GRID), [], ["concise"])
    assert set(runs["implementation"]) == {"concise"} and len(ranked) == 1
    with pytest.raises(UserError, match="agrees with the reference"):
        selection.winner(runs_of(GRID), [], [])


def test_combinations_that_cannot_win_are_not_counted() -> None:
    table = runs_of(GRID)
    table.loc[0, "status"] = "failed"
    _, ranked = selection.winner(table, [], RIGHT)
    assert selection.summary(ranked, results(0.5), [])["combinations"] == 2


def test_every_reading_of_the_test_set_is_counted(tmp_path: Path) -> None:
    def found(activation: str) -> dict[str, Any]:
        _, ranked = selection.winner(runs_of({f"a/{activation}": [0.8]}), [], RIGHT)
        return selection.summary(ranked, results(0.6), [])

    log = [
        selection.reading(found(name), datetime(2026, 1, 2, tzinfo=UTC))
        for name in ("relu", "tanh", "relu")
    ]
    assert log[0] == {
        "time": "2026-01-02T00:00:00+00:00",
        "implementation": "a",
        "activation": "relu",
        "point": {},
        "combinations": 1,
        "test_accuracy_mean": 0.6,
    }
    assert selection.counted(log[:1]) == {"readings": 1, "winners_read": 1}
    assert selection.counted([log[0], log[2]]) == {"readings": 2, "winners_read": 1}
    assert selection.counted(log) == {"readings": 3, "winners_read": 2}


def test_the_champion_is_the_winners_best_run_by_validation() -> None:
    runs = pd.DataFrame({"run": ["a", "b", "c"], "seed": [0, 1, 2], "brier_score": [0.1, 0.2, 0.3]})
    tested = [
        {"run": "a", "validation_accuracy": 0.8, "test_accuracy": 0.9},
        {"run": "b", "validation_accuracy": 0.9, "test_accuracy": 0.5},
        {"run": "c", "validation_accuracy": 0.9, "test_accuracy": 0.7},
    ]
    row, interval = selection.champion({"runs": tested}, runs, 10)
    # The first of two equals, and never by the test set.
    assert (row["run"], row["brier_score"], row["test_accuracy"]) == ("b", 0.2, 0.5)
    # Wilson's interval of 5 of 10, by R's prop.test(5, 10, correct = FALSE).
    assert interval.low == pytest.approx(0.2365931, abs=1e-7)
    assert interval.high == pytest.approx(0.7634069, abs=1e-7)
