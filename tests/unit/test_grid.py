"""From a configuration to runs: their order, their paths and what they share."""

from typing import Any

import pytest

from mlplab.config.resolve import resolve
from mlplab.study import grid

SETTINGS = {
    "hidden_sizes": [256],
    "weight_std": 0.01,
    "bias_init": "zeros",
    "epochs": 10,
    "batch_size": 256,
    "learning_rate": 0.1,
    "validation_size": 0,
}


def runs_of(**axes: list[Any]) -> dict[str, grid.Run]:
    return grid.runs(resolve({"study": "test", "grid": axes}))


def test_the_articles_study_has_a_run_for_every_combination_in_the_order_of_its_grid() -> None:
    assert list(runs_of()) == [
        f"{implementation}/{activation}/seed={seed}"
        for implementation in ("scratch", "concise")
        for activation in ("relu", "sigmoid", "tanh")
        for seed in (0, 1, 2)
    ]


def test_order_of_values_is_the_grids_own() -> None:
    paths = runs_of(implementation=["concise"], activation=["tanh", "relu"], seed=[5, 1])
    assert list(paths) == [
        "concise/tanh/seed=5",
        "concise/tanh/seed=1",
        "concise/relu/seed=5",
        "concise/relu/seed=1",
    ]


def test_a_run_knows_its_place_and_its_settings() -> None:
    run = runs_of()["scratch/tanh/seed=2"]
    assert (run.implementation, run.activation, run.seed) == ("scratch", "tanh", 2)
    assert run.settings == SETTINGS
    assert run.axes == ()
    assert run.point == ""
    assert run.cell == "scratch/tanh"
    assert run.group == "tanh"
    assert run.path == "scratch/tanh/seed=2"


def test_every_run_is_found_under_its_own_path() -> None:
    found = runs_of(learning_rate=[0.1, 0.5], hidden_sizes=[[8], [8, 4]])
    assert all(path == run.path for path, run in found.items())
    assert len(found) == 18 * 4


def test_a_further_axis_takes_the_place_of_the_single_value() -> None:
    found = runs_of(
        implementation=["scratch"], activation=["relu"], seed=[0], learning_rate=[0.1, 0.5, 1]
    )
    assert list(found) == [
        "scratch/relu/seed=0/learning_rate=0.1",
        "scratch/relu/seed=0/learning_rate=0.5",
        "scratch/relu/seed=0/learning_rate=1",
    ]
    assert [run.settings["learning_rate"] for run in found.values()] == [0.1, 0.5, 1]
    assert all(run.settings | {"learning_rate": 0.1} == SETTINGS for run in found.values())


def test_several_further_axes_are_sorted_by_name_and_join_cell_and_group() -> None:
    found = runs_of(
        implementation=["scratch"],
        activation=["relu"],
        seed=[0],
        weight_std=[0.1],
        bias_init=["framework"],
        hidden_sizes=[[128, 64]],
    )
    (run,) = found.values()
    assert run.axes == ("bias_init", "hidden_sizes", "weight_std")
    assert run.point == "bias_init=framework/hidden_sizes=128x64/weight_std=0.1"
    assert run.path == f"scratch/relu/seed=0/{run.point}"
    assert run.cell == f"scratch/relu/{run.point}"
    assert run.group == f"relu/{run.point}"
    assert run.settings["hidden_sizes"] == [128, 64]


def test_the_last_axis_turns_fastest() -> None:
    found = runs_of(
        implementation=["scratch"],
        activation=["relu"],
        seed=[0, 1],
        learning_rate=[0.1, 0.2],
        batch_size=[32, 64],
    )
    points = [
        (run.seed, run.settings["batch_size"], run.settings["learning_rate"])
        for run in found.values()
    ]
    assert points == [
        (seed, size, rate) for seed in (0, 1) for size in (32, 64) for rate in (0.1, 0.2)
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1, "0.1"), (10, "10"), ("zeros", "zeros"), ([256], "256"), ([256, 128], "256x128")],
)
def test_values_become_parts_of_a_path(value: Any, text: str) -> None:
    assert grid.slug(value) == text


def test_a_cell_gathers_seeds_and_a_group_gathers_implementations() -> None:
    found = runs_of(activation=["relu", "tanh"], learning_rate=[0.1, 0.5])
    cells, groups = grid.by_cell(found), grid.by_group(found)
    assert list(cells)[:2] == ["scratch/relu/learning_rate=0.1", "scratch/relu/learning_rate=0.5"]
    assert len(cells) == 8
    assert all([run.seed for run in runs] == [0, 1, 2] for runs in cells.values())
    assert set(groups) == {
        f"{activation}/learning_rate={rate}"
        for activation in ("relu", "tanh")
        for rate in (0.1, 0.5)
    }
    for runs in groups.values():
        assert [(run.implementation, run.seed) for run in runs] == [
            (implementation, seed)
            for implementation in ("scratch", "concise")
            for seed in (0, 1, 2)
        ]
    assert sum(map(len, cells.values())) == sum(map(len, groups.values())) == len(found)


def test_no_two_points_of_a_grid_share_a_path() -> None:
    values = [1, 10, 0.1, 0.01, 1e-05, 1e-06, 0.1000000001]
    sizes = [[1], [11], [1, 1], [1, 11], [11, 1], [111]]
    assert len(runs_of(learning_rate=values, hidden_sizes=sizes)) == 18 * 7 * 6


def test_the_configuration_is_left_as_it_was() -> None:
    config = resolve({"study": "test", "grid": {"hidden_sizes": [[4], [5]]}})
    before = repr(config)
    for run in grid.runs(config).values():
        run.settings["epochs"] = -1
    assert repr(config) == before


def test_runs_are_scored_on_the_test_set_unless_the_best_is_selected() -> None:
    config = resolve({"study": "test", "training": {"validation_size": 9}})
    assert grid.scored_split(config) == "test"
    assert grid.scored_split(config | {"selection": True}) == "validation"


def test_the_size_of_the_validation_split_may_be_an_axis() -> None:
    found = runs_of(
        implementation=["scratch"], activation=["relu"], seed=[0], validation_size=[0, 9]
    )
    assert list(found) == [
        "scratch/relu/seed=0/validation_size=0",
        "scratch/relu/seed=0/validation_size=9",
    ]
    assert [run.settings["validation_size"] for run in found.values()] == [0, 9]


def test_implementations_are_trained_in_turn_and_each_comes_first_as_often() -> None:
    runs = runs_of(activation=["relu", "tanh"], seed=[0, 1], epochs=[1, 2])
    order = [run.path for run in grid.interleaved(runs)]
    assert sorted(order) == sorted(runs)
    assert order[:4] == [
        "scratch/relu/seed=0/epochs=1",
        "concise/relu/seed=0/epochs=1",
        "concise/relu/seed=1/epochs=1",
        "scratch/relu/seed=1/epochs=1",
    ]
    assert order[4:8] == [path.replace("epochs=1", "epochs=2") for path in order[:4]]
