"""Tables that the page words: groups, classes, speed, diagnostics, counts of McNemar's test."""

import ast
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from conftest import REPOSITORY, epoch_row, failed_record, run_record
from mlplab.analysis.agreement import agreement_table, standing
from mlplab.analysis.classes import classes_table, confusions_table
from mlplab.analysis.curves import curves_table
from mlplab.analysis.diagnostics import diagnostics_table, geometric_mean, networks_table
from mlplab.analysis.groups import groups_table
from mlplab.analysis.images import Correct
from mlplab.analysis.means import Means
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


METRIC = "late_test_accuracy"


def ranked(table: pd.DataFrame, *axes: str, standing: str = "scratch") -> pd.DataFrame:
    """The table of groups of runs that get the same images right, by group."""
    correct = Correct()
    for run in table["run"]:
        correct.add(run, np.arange(40) % 4, np.zeros(40, int))
    late = table.rename(columns={"test_accuracy": METRIC})
    return groups_table(late, correct, axes, METRIC, standing).set_index("group")


def test_a_group_has_the_mean_over_seeds_of_the_implementation_that_stands_for_all() -> None:
    table = ranked(
        runs(
            {
                ("scratch", "relu"): [0.8, 0.9, 0.82],
                ("concise", "relu"): [0.6, 0.9, 0.1],
                ("scratch", "tanh"): [0.5, 0.7, 0.6],
                ("concise", "tanh"): [0.5, 0.5, 0.5],
            }
        )
    )
    relu, tanh = table.loc["relu"], table.loc["tanh"]
    assert relu["mean"] == pytest.approx(0.84)
    assert (relu["lowest"], relu["highest"]) == (0.8, 0.9)
    assert (relu["verdict"], relu["behind"]) == ("best", 0)
    differences = np.array([0.3, 0.2, 0.22])
    means = Means.of([differences])
    assert tanh["behind"] == pytest.approx(differences.mean())
    assert (tanh["behind_low"], tanh["behind_high"]) == pytest.approx(
        tuple(bound[0] for bound in means.interval(-1, 1))
    )
    assert tanh["p"] == pytest.approx(means.p_other(0.0)[0])
    assert (tanh["ahead"], tanh["ahead_share"], tanh["implementation"]) == (3, 1, "scratch")
    assert table["seeds"].tolist() == [3, 3] and table["images"].tolist() == [40, 40]


def test_p_of_a_rank_is_corrected_for_all_pairs_of_groups() -> None:
    spread = np.array([0.0, 0.01, -0.01, 0.004])
    table = ranked(
        runs(
            {
                ("scratch", name): (0.8 + n * spread + n / 50).tolist()
                for n, name in enumerate("abcd")
            }
        )
    )
    others = table[table["verdict"] != "best"]
    assert len(others) == 3
    assert others["p_corrected"].tolist() == pytest.approx(np.minimum(1, 6 * others["p"]).tolist())


def test_a_tie_goes_to_neither() -> None:
    table = ranked(runs({("scratch", "b"): [0.5, 0.6, 0.7], ("scratch", "a"): [0.7, 0.6, 0.5]}))
    assert table["behind"].tolist() == [0, 0]
    assert table["verdict"].to_dict() == {"a": "best", "b": "not told apart"}
    same = ranked(runs({("scratch", name): [0.5, 0.6, 0.7] for name in "ab"}))
    assert same["verdict"].to_dict() == {"a": "best", "b": "identical"}
    two = ranked(runs({("scratch", name): [0.5, 0.6] for name in "ab"}))
    assert two["verdict"].to_dict() == {"a": "best", "b": "too few seeds"}


def test_a_group_with_a_failed_run_has_no_mean() -> None:
    one = {
        ("scratch", "relu"): [0.8, math.nan],
        ("scratch", "tanh"): [0.5, 0.7],
        ("broken", "relu"): [math.nan, math.nan],
        ("broken", "tanh"): [math.nan, math.nan],
    }
    table = ranked(runs(one))
    assert table["mean"].isna().tolist() == [True, False]
    assert table["verdict"].tolist() == ["", "best"]
    assert table.loc["tanh", "mean"] == pytest.approx(0.6)
    assert table["failed"].tolist() == [3, 2]
    nothing = ranked(runs({("broken", "relu"): [math.nan]}), standing="")
    assert nothing["mean"].isna().all() and len(nothing) == 1


def test_groups_are_told_by_the_further_axes() -> None:
    table = runs({("scratch", "relu"): [0.8]}, learning_rate=0.5)
    table["run"] += "/learning_rate=0.5"
    (row,) = ranked(table, "learning_rate").reset_index().to_dict("records")
    assert (row["group"], row["learning_rate"]) == ("relu/learning_rate=0.5", 0.5)


def verdicts(**each: dict[str, str]) -> pd.DataFrame:
    """A table of parity: implementation → activation → verdict."""
    return pd.DataFrame(
        [
            {"implementation": name, "reference": "concise", "activation": a, "verdict": verdict}
            for name, row in each.items()
            for a, verdict in row.items()
        ]
    )


def test_who_differs_with_one_activation_does_not_agree() -> None:
    table = agreement_table(
        verdicts(
            mine={"relu": "agrees", "tanh": "differs"},
            broken={"relu": "fails", "tanh": "differs"},
            concise={"relu": "agrees", "tanh": "agrees"},
            scratch={"relu": "agrees", "tanh": "agrees"},
        )
    )
    assert table["verdict"].tolist() == ["differs", "fails", "agrees", "agrees"]
    assert table["activations"].tolist() == ["tanh", "relu tanh", "", ""]
    finished = runs({(name, "relu"): [0.5] for name in ("mine", "scratch", "concise")})
    assert standing(finished, table) == "concise"
    assert standing(finished[finished["implementation"] == "mine"], table) == ""


def test_with_what_the_reference_fails_nobody_is_blamed() -> None:
    table = agreement_table(
        verdicts(
            concise={"relu": "agrees", "odd": "fails"}, scratch={"relu": "agrees", "odd": "fails"}
        )
    )
    assert table["verdict"].tolist() == ["agrees", "agrees"]


def timed(**seconds: list[float]) -> pd.DataFrame:
    """Runs of one activation with these seconds, of the clock twice those of the processor."""
    table = runs({(name, "relu"): [0.5] * len(each) for name, each in seconds.items()})
    table["cpu_seconds_per_epoch"] = [value for each in seconds.values() for value in each]
    return table.assign(seconds_per_epoch=2 * table["cpu_seconds_per_epoch"], training_seconds=10.0)


def test_speed_is_a_median_and_a_multiple_of_the_first_over_pairs() -> None:
    speed = speed_table(timed(scratch=[1, 2, 9], concise=[3, 5], broken=[math.nan]), [])
    scratch, concise = speed.to_dict("records")
    assert (scratch["seconds_per_epoch"], scratch["cpu_seconds_per_epoch"]) == (4, 2)
    assert (scratch["runs"], concise["runs"], concise["pairs"]) == (3, 2, 2)
    assert math.isnan(scratch["ratio"]) and scratch["training_seconds"] == 30
    # Paired by seed: 3/1 and 5/2, of which two all is the range.
    for ratio in ("ratio", "cpu_ratio"):
        found = [concise[f"{ratio}{end}"] for end in ("", "_low", "_high")]
        assert found == [2.75, 2.5, 3.0]
    none = runs({("scratch", "relu"): [0.5]}).assign(seconds_per_epoch=math.nan)
    assert speed_table(none, []).empty


def test_the_range_of_a_ratio_is_the_exact_interval_of_a_median() -> None:
    multiples = [0.9, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 3.0]
    row = speed_table(timed(scratch=[1.0] * 9, concise=multiples), []).iloc[1]
    # Of 9 values, 2 of 512 times 1 + 9 lie beyond the second from either end: 96.1 %.
    assert (row["cpu_ratio"], row["cpu_ratio_low"], row["cpu_ratio_high"]) == (1.4, 1.1, 1.7)


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


def test_confusions_are_summed_over_seeds_the_most_frequent_first() -> None:
    one, other = run_record("scratch/relu/seed=0"), run_record("scratch/relu/seed=1")
    counts = {"confusion": [[5, 3, 0], [1, 7, 2], [0, 0, 9]]}
    one = replace(one, evaluation=replace(one.evaluation, **counts))
    counts = {"confusion": [[8, 0, 0], [0, 4, 4], [0, 0, 9]]}
    other = replace(other, evaluation=replace(other.evaluation, **counts))
    perfect = replace(one, run=replace(one.run, run="concise/relu/seed=0/epochs=3"))
    right = {"confusion": [[5, 0, 0], [0, 7, 0], [0, 0, 9]]}
    perfect = replace(perfect, evaluation=replace(perfect.evaluation, **right))
    table = confusions_table([one, other, perfect], ["cat", "dog", "cow"])
    assert table.values.tolist() == [
        ["scratch/relu", "dog", "cow", 6, 18],
        ["scratch/relu", "cat", "dog", 3, 16],
        ["scratch/relu", "dog", "cat", 1, 18],
    ]


def test_curves_are_means_and_ranges_of_a_cell_epoch_by_epoch() -> None:
    losses = {0: [0.5, 0.4, 0.3], 1: [0.7, 0.2]}
    records = [
        run_record(
            f"scratch/relu/seed={seed}",
            [epoch_row(n, training_loss=loss) for n, loss in enumerate(each, start=1)],
        )
        for seed, each in losses.items()
    ]
    table = curves_table([*records, failed_record("broken/relu/seed=0")], [], "test")
    assert set(table["implementation"]) == {"scratch"}
    loss = table[table["metric"] == "training_loss"]
    # As far as all runs reached.
    assert loss["epoch"].tolist() == [1, 2] and set(loss["runs"]) == {2}
    assert loss["mean"].tolist() == pytest.approx([0.6, 0.3])
    assert loss[["lowest", "highest"]].values.tolist() == [[0.5, 0.7], [0.2, 0.4]]
    assert list(table["metric"].unique()) == ["training_loss", "training_accuracy", "test_accuracy"]


def diagnosed(*norms: tuple[float, float], dead: float = 0.0) -> list[dict[str, Any]]:
    """Diagnostics with these norms of W1 and W2, epoch by epoch."""
    return [
        {"epoch": epoch, "quantity": quantity, "of": of, "value": value}
        for epoch, (first, last) in enumerate(norms)
        for quantity, of, value in (
            ("gradient_norm", "W1", first),
            ("gradient_norm", "b1", 9e9),
            ("gradient_norm", "W2", last),
            ("weight_norm", "W1", 4.0),
            ("weight_norm", "W2", 0.0),
            ("dead", "H1", dead * epoch),
            ("saturated", "H1", 0.5),
        )
    ] + [
        # At the end, and half as many.
        {
            "epoch": len(norms) - 1,
            "quantity": "dead_throughout",
            "of": "H1",
            "value": dead * (len(norms) - 1) / 2,
        }
    ]


def test_diagnostics_are_means_by_layer_and_epoch() -> None:
    table = diagnostics_table(
        [
            ("relu", 0.1, diagnosed((1, 4), (2, 2), dead=0.2)),
            ("relu", 0.3, diagnosed((4, 1), (8, 2), (32, 2), dead=0.4)),
            ("relu", 0.1, []),
        ]
    )
    assert set(table["runs"]) == {2} and set(table["hidden_layers"]) == {1}
    first = table[table["layer"] == 1]
    expected = stats.gmean([1, 4]), stats.gmean([2, 8]), stats.gmean([2, 32])
    assert first["gradient_norm"].tolist() == pytest.approx(expected)
    # An epoch that not all runs reached has no row; the last of each has.
    assert first["epoch"].tolist() == [0, 1, 2] and first["end"].tolist() == [False, False, True]
    assert first["dead"].tolist() == pytest.approx([0, 0.3, 0.5])
    assert first["dead_throughout"].tolist() == pytest.approx(
        [math.nan, math.nan, 0.25], nan_ok=True
    )
    assert table[table["layer"] == 2][["dead", "saturated"]].isna().all(axis=None)


def test_networks_are_ratios_of_the_first_to_the_last_layer() -> None:
    table = diagnostics_table(
        [
            ("relu", 0.1, diagnosed((1, 4), (2, 8), dead=0.2)),
            ("relu", 0.1, diagnosed((4, 4), (8, 2))),
            ("tanh", 0.1, diagnosed((math.nan, 1), (0, 1))),
        ]
    )
    relu, tanh = networks_table(table).to_dict("records")
    assert relu["gradient_ratio_before"] == pytest.approx(0.5)
    assert relu["gradient_ratio_after"] == pytest.approx(1.0)
    assert relu["dead_at_end"] == pytest.approx(0.05) and relu["saturated_at_end"] == 0.5
    assert math.isnan(tanh["gradient_ratio_before"]) and tanh["gradient_ratio_after"] == 0


def test_a_geometric_mean_is_scipys() -> None:
    assert geometric_mean([1, 2, 5]) == pytest.approx(stats.gmean([1, 2, 5]))
    assert geometric_mean([0, 2]) == 0 and math.isnan(geometric_mean([]))


def test_without_runs_the_tables_are_empty() -> None:
    empty = diagnostics_table([("relu", 0.1, [])])
    assert empty.empty and networks_table(empty).empty
    assert {"gradient_norm", "end"} <= set(empty)
