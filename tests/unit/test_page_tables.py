"""Tables that the page words: groups, classes, speed, diagnostics, counts of McNemar's test."""

import ast
import math
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from scipy import stats

from conftest import REPOSITORY
from mlplab.analysis.classes import classes_table
from mlplab.analysis.comparisons import comparisons_table
from mlplab.analysis.diagnostics import diagnostics_table, geometric_mean, networks_table
from mlplab.analysis.groups import groups_table
from mlplab.analysis.sampling import mcnemar_table
from mlplab.analysis.speed import speed_table

REPORT = REPOSITORY / "workflow/mlplab/report"
# What averages, ranks or tests, of pandas, numpy and statistics.
COMPUTES = {
    *("mean", "fmean", "geometric_mean", "harmonic_mean", "median", "quantile", "percentile"),
    *("std", "var", "sem", "stdev", "pstdev", "variance", "average", "agg", "aggregate"),
    *("nanmean", "nanmedian", "describe", "corr", "ttest_rel", "ttest_1samp", "wilcoxon"),
}


@pytest.mark.parametrize("file", sorted(REPORT.rglob("*.py")), ids=lambda file: file.stem)
def test_the_report_computes_no_statistic(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    called = {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert not called & COMPUTES
    modules = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not modules & {"statistics", "numpy", "scipy"}


def test_the_level_stands_once() -> None:
    """The page does not know the level: it comes with the tables."""
    for file in REPORT.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.Constant) and node.value == 0.05), file


def runs(values: dict[tuple[str, str], list[float]], **further: Any) -> pd.DataFrame:
    """(implementation, activation) → the accuracy of each seed; NaN fails."""
    rows = [
        {
            "run": f"{implementation}/{activation}/seed={seed}",
            "implementation": implementation,
            "activation": activation,
            "seed": seed,
            "status": "failed" if math.isnan(value) else "finished",
            "test_accuracy": value,
            **further,
        }
        for (implementation, activation), each in values.items()
        for seed, value in enumerate(each)
    ]
    return pd.DataFrame(rows)


def test_a_group_has_the_mean_over_implementations_and_then_over_seeds() -> None:
    table = groups_table(
        runs(
            {
                ("scratch", "relu"): [0.8, 0.9],
                ("concise", "relu"): [0.6, 0.9],
                ("scratch", "tanh"): [0.5, 0.7],
                ("concise", "tanh"): [0.5, 0.5],
            }
        ),
        [],
    ).set_index("group")
    relu, tanh = table.loc["relu"], table.loc["tanh"]
    assert relu["test_accuracy_mean"] == pytest.approx(0.8)
    assert (relu["test_accuracy_lowest"], relu["test_accuracy_highest"]) == (
        pytest.approx(0.7),
        pytest.approx(0.9),
    )
    assert relu["test_accuracy_behind"] == 0
    assert tanh["test_accuracy_behind"] == pytest.approx(0.25)
    assert table["seeds"].tolist() == [2, 2]


def test_a_group_with_a_failed_run_has_no_mean_unless_the_implementation_is_to_blame() -> None:
    one = {
        ("scratch", "relu"): [0.8, math.nan],
        ("scratch", "tanh"): [0.5, 0.7],
        ("broken", "relu"): [math.nan, math.nan],
        ("broken", "tanh"): [math.nan, math.nan],
    }
    table = groups_table(runs(one), []).set_index("group")
    assert table["test_accuracy_mean"].isna().tolist() == [True, False]
    assert table.loc["tanh", "test_accuracy_mean"] == pytest.approx(0.6)
    assert table["failed"].tolist() == [3, 2]
    nothing = groups_table(runs({("broken", "relu"): [math.nan]}), [])
    assert nothing["test_accuracy_mean"].isna().all() and len(nothing) == 1


def test_groups_are_told_by_the_further_axes() -> None:
    table = runs({("scratch", "relu"): [0.8]}, learning_rate=0.5)
    table["run"] += "/learning_rate=0.5"
    (row,) = groups_table(table, ["learning_rate"]).to_dict("records")
    assert (row["group"], row["learning_rate"]) == ("relu/learning_rate=0.5", 0.5)


def test_speed_is_a_median_and_a_multiple_of_the_first() -> None:
    table = runs({("scratch", "relu"): [0.5] * 3, ("concise", "relu"): [0.5] * 2})
    table["seconds_per_epoch"] = [1.0, 2.0, 9.0, 3.0, math.nan]
    speed = speed_table(table)
    assert speed["implementation"].tolist() == ["scratch", "concise"]
    assert speed["seconds_per_epoch"].tolist() == [2.0, 3.0]
    assert speed["ratio"].tolist() == [1.0, 1.5]
    assert speed["runs"].tolist() == [3, 1]
    assert speed_table(table.drop(columns="seconds_per_epoch")).empty


def test_classes_are_means_over_seeds_and_none_where_a_run_failed() -> None:
    rows = [
        {"implementation": name, "activation": "relu", "class": of, "f1": f1, "images": images}
        for name, images in (("scratch", 50), ("broken", 0))
        for of, scores in (("coat", (0.5, 0.7)), ("bag", (0.9, 0.9)))
        for f1 in scores
    ]
    table = classes_table(pd.DataFrame(rows), []).set_index(["implementation", "class"])["f1_mean"]
    assert table["scratch", "coat"] == pytest.approx(0.6)
    assert table["scratch", "bag"] == pytest.approx(0.9)
    assert table["broken"].isna().all()


def diagnosed(*norms: tuple[float, float], dead: float = 0.0) -> list[dict[str, Any]]:
    """Diagnostics with these norms of W1 and W2, epoch by epoch."""
    return [
        {"epoch": epoch, "quantity": quantity, "of": of, "value": value}
        for epoch, (first, last) in enumerate(norms)
        for quantity, of, value in (
            ("gradient_norm", "W1", first),
            ("gradient_norm", "b1", 9e9),
            ("gradient_norm", "W2", last),
            ("dead", "H1", dead * epoch),
            ("saturated", "H1", 0.5),
        )
    ]


def test_diagnostics_are_means_by_layer_and_epoch() -> None:
    table = diagnostics_table(
        [
            ("relu", diagnosed((1, 4), (2, 2), dead=0.2)),
            ("relu", diagnosed((4, 1), (8, 2), (32, 2), dead=0.4)),
            ("relu", []),
        ]
    )
    assert set(table["runs"]) == {2} and set(table["hidden_layers"]) == {1}
    first = table[table["layer"] == 1]
    expected = stats.gmean([1, 4]), stats.gmean([2, 8]), stats.gmean([2, 32])
    assert first["gradient_norm"].tolist() == pytest.approx(expected)
    # An epoch that not all runs reached has no row; the last of each has.
    assert first["epoch"].tolist() == [0, 1, 2] and first["end"].tolist() == [False, False, True]
    assert first["dead"].tolist() == pytest.approx([0, 0.3, 0.5])
    assert table[table["layer"] == 2][["dead", "saturated"]].isna().all(axis=None)


def test_networks_are_ratios_of_the_first_to_the_last_layer() -> None:
    table = diagnostics_table(
        [
            ("relu", diagnosed((1, 4), (2, 8), dead=0.2)),
            ("relu", diagnosed((4, 4), (8, 2))),
            ("tanh", diagnosed((math.nan, 1), (0, 1))),
        ]
    )
    relu, tanh = networks_table(table).to_dict("records")
    assert relu["gradient_ratio_before"] == pytest.approx(0.5)
    assert relu["gradient_ratio_after"] == pytest.approx(1.0)
    assert relu["dead_at_end"] == pytest.approx(0.1) and relu["saturated_at_end"] == 0.5
    assert math.isnan(tanh["gradient_ratio_before"]) and tanh["gradient_ratio_after"] == 0


def test_a_geometric_mean_is_scipys() -> None:
    assert geometric_mean([1, 2, 5]) == pytest.approx(stats.gmean([1, 2, 5]))
    assert geometric_mean([0, 2]) == 0 and math.isnan(geometric_mean([]))


def test_without_runs_the_tables_are_empty() -> None:
    empty = diagnostics_table([("relu", [])])
    assert empty.empty and networks_table(empty).empty
    assert {"gradient_norm", "end"} <= set(empty)


def test_mcnemars_counts_are_of_each_pair_and_of_all() -> None:
    tests = pd.DataFrame(
        [
            {"kind": "activation", "within": within, "first": "relu", "second": "tanh",
             "seed": seed, "only_first": n, "only_second": 1, "p_mcnemar": p}
            for within, seed, n, p in (
                ("scratch", 0, 5, 0.01), ("scratch", 1, 7, 0.5), ("concise", 0, 1, 0.049),
            )
        ]
    )  # fmt: skip
    total, scratch, concise = mcnemar_table(tests, []).to_dict("records")
    assert (total["first"], total["seeds"], total["told_apart"]) == ("", 3, 2)
    assert total["only_first_median"] == 5 and total["alpha"] == 0.05
    assert (scratch["within"], scratch["told_apart"], scratch["only_first_median"]) == (
        "scratch", 1, 6,
    )  # fmt: skip
    assert (concise["within"], concise["told_apart"]) == ("concise", 1)


@pytest.mark.parametrize(
    ("seeds", "step", "verdict"),
    [(1, 0.0, "too few seeds"), (5, 0.01, "too few seeds"), (6, 0.01, "told apart")],
)
def test_the_verdict_on_a_pair(seeds: int, step: float, verdict: str) -> None:
    ahead = [0.8 + step + 0.001 * seed for seed in range(seeds)]
    table = runs({("scratch", "relu"): ahead, ("scratch", "tanh"): [0.8] * seeds})
    (row,) = comparisons_table(table, [], 0.005).to_dict("records")
    assert row["verdict"] == verdict
    assert row["seeds_needed"] == 6 and row["alpha"] == 0.05
    assert bool(re.search("is ahead", row["conclusion"])) == (verdict == "told apart")


def test_a_pair_without_a_seed_and_one_that_wavers_have_their_verdicts() -> None:
    wavering = [0.8 + (0.01 if seed % 2 else -0.01) for seed in range(8)]
    table = runs({("scratch", "relu"): wavering, ("scratch", "tanh"): [0.8] * 8})
    (row,) = comparisons_table(table, [], 0.005).to_dict("records")
    assert row["verdict"] == "not told apart"
    table.loc[table["activation"] == "tanh", "status"] = "failed"
    (row,) = comparisons_table(table, [], 0.005).to_dict("records")
    assert row["verdict"] == "no pair"
