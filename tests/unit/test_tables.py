"""Tables of a study: over seeds, over classes, and never against the records."""

import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from conftest import bound, epoch_row, failed_record, run_record
from mlplab.analysis import tables
from mlplab.analysis.means import Means
from mlplab.analysis.runs import contradictions, runs_table
from mlplab.analysis.summary import per_class_table, summary_table
from mlplab.errors import UserError
from mlplab.study.metrics import of_run
from mlplab.study.record import RunRecord

Tracked = dict[str, dict[str, Any]]

LAST = ("training_loss", "training_accuracy", "test_loss", "test_accuracy")


def tracked_as_recorded(records: dict[str, RunRecord]) -> Tracked:
    """What MLflow holds of runs that were sent unharmed."""
    return {
        path: {
            "run_id": f"id of {path}",
            "status": record.run.status,
            "parameters": {
                **{
                    key: getattr(record.run, key)
                    for key in ("implementation", "activation", "seed")
                },
                **record.run.settings,
            },
            "metrics": {
                name: value
                for name, value in (
                    (record.history[-1] if record.history else {}) | of_run(record)
                ).items()
                if name not in ("epoch", "timestamp")
            },
        }
        for path, record in records.items()
    }


def records_of(*paths: str, **run: Any) -> dict[str, RunRecord]:
    return {path: run_record(path, **run) for path in paths}


def runs_frame(accuracies: list[float], **columns: Any) -> pd.DataFrame:
    """A table of runs of one cell with these test accuracies."""
    rows = [
        {
            "run": f"scratch/relu/seed={seed}",
            "implementation": "scratch",
            "activation": "relu",
            "seed": seed,
            "status": "finished",
            "test_accuracy": accuracy,
            "training_loss": 1 - accuracy,
            "training_accuracy": accuracy,
            "macro_f1": accuracy,
            "seconds_per_epoch": 1.0 + seed**2,
            "sanity": "met",
        }
        for seed, accuracy in enumerate(accuracies)
    ]
    return pd.DataFrame(rows).assign(**columns)


def test_a_row_per_run_with_settings_and_metrics() -> None:
    records = records_of("scratch/relu/seed=0", "scratch/relu/seed=1")
    table = runs_table(tracked_as_recorded(records), records)
    assert len(table) == 2
    row = table.iloc[1].to_dict()
    assert row["run"] == "scratch/relu/seed=1"
    assert (row["implementation"], row["activation"], row["seed"]) == ("scratch", "relu", 1)
    assert row["hidden_sizes"] == "8 4"
    assert (row["bias_init"], row["learning_rate"]) == ("zeros", 1)
    assert row["status"] == "finished"
    assert row["sanity"] == "met"
    assert row["mlflow_run_id"] == "id of scratch/relu/seed=1"
    for name in LAST:
        assert row[name] == epoch_row(3)[name]
    assert row["macro_f1"] == 1 / 3
    assert row["epochs_run"] == 3
    assert table["epochs_run"].dtype == np.int64


def test_rows_are_in_the_order_of_the_study_whatever_mlflows() -> None:
    paths = ["scratch/tanh/seed=10", "scratch/tanh/seed=9", "concise/relu/seed=0"]
    records = records_of(*paths)
    tracked = dict(reversed(tracked_as_recorded(records).items()))
    table = runs_table(tracked, records)
    assert table["run"].tolist() == paths
    assert table.index.tolist() == [0, 1, 2]


def test_a_missed_bound_is_missed() -> None:
    sanity = {"training_loss": bound(True), "test_accuracy": bound(False)}
    records = records_of("scratch/relu/seed=0", sanity=sanity)
    assert runs_table(tracked_as_recorded(records), records)["sanity"].tolist() == ["missed"]


@pytest.mark.parametrize("metric", [*LAST, "negative_log_likelihood", "macro_f1", "epochs_run"])
def test_a_metric_that_contradicts_the_record_is_named_with_run_and_both_values(
    metric: str,
) -> None:
    path = "scratch/relu/seed=0"
    records = records_of(path, "scratch/relu/seed=1")
    tracked = tracked_as_recorded(records)
    recorded = tracked[path]["metrics"][metric]
    changed = math.nextafter(recorded, math.inf)
    tracked[path]["metrics"][metric] = changed
    with pytest.raises(UserError) as refused:
        runs_table(tracked, records)
    message = str(refused.value)
    assert f"{path}: {metric} is {changed!r} in MLflow, {recorded!r} on disk" in message
    assert "seed=1" not in message
    assert "--forcerun start_study" in message


def test_a_metric_that_mlflow_lacks_is_a_contradiction() -> None:
    records = records_of("scratch/relu/seed=0")
    tracked = tracked_as_recorded(records)
    del tracked["scratch/relu/seed=0"]["metrics"]["macro_f1"]
    with pytest.raises(UserError, match="macro_f1 is None in MLflow"):
        runs_table(tracked, records)


@pytest.mark.parametrize(
    ("name", "value"), [("learning_rate", 0.5), ("hidden_sizes", [8]), ("bias_init", None)]
)
def test_a_setting_that_contradicts_the_record_is_named(name: str, value: Any) -> None:
    path = "scratch/relu/seed=0"
    records = records_of(path)
    tracked = tracked_as_recorded(records)
    tracked[path]["parameters"][name] = value
    (line,) = contradictions(path, tracked[path], records[path])
    recorded = records[path].run.settings[name]
    assert line == f"{path}: {name} is {value!r} in MLflow, {recorded!r} on disk"


def test_of_many_contradictions_ten_are_shown_and_the_rest_counted() -> None:
    records = records_of(*(f"scratch/relu/seed={seed}" for seed in range(13)))
    tracked = tracked_as_recorded(records)
    for run in tracked.values():
        run["metrics"]["test_loss"] = 9.0
    with pytest.raises(UserError) as refused:
        runs_table(tracked, records)
    assert str(refused.value).count("test_loss is 9.0") == 10
    assert "and 3 more" in str(refused.value)


@pytest.mark.parametrize(
    ("recorded", "tracked_value"),
    [
        (math.nan, math.nan),
        (math.inf, math.inf),
        (math.inf, sys.float_info.max),
        (-math.inf, -sys.float_info.max),
    ],
)
def test_runs_that_diverged_pass_as_mlflow_keeps_them(
    recorded: float, tracked_value: float
) -> None:
    path = "scratch/relu/seed=0"
    history = [epoch_row(1, training_loss=recorded, test_loss=recorded)]
    records = records_of(path, history=history, status="diverged")
    tracked = tracked_as_recorded(records)
    for metric in ("training_loss", "test_loss"):
        tracked[path]["metrics"][metric] = tracked_value
    assert contradictions(path, tracked[path], records[path]) == []
    assert runs_table(tracked, records)["status"].tolist() == ["diverged"]


def test_a_finite_loss_in_mlflow_contradicts_a_nan_on_disk() -> None:
    path = "scratch/relu/seed=0"
    records = records_of(path, history=[epoch_row(1, test_loss=math.nan)])
    tracked = tracked_as_recorded(records)
    tracked[path]["metrics"]["test_loss"] = 0.3
    (line,) = contradictions(path, tracked[path], records[path])
    assert "test_loss is 0.3 in MLflow, nan on disk" in line


def test_an_infinite_loss_is_not_published_as_a_huge_finite_one() -> None:
    path = "scratch/relu/seed=0"
    records = records_of(path, history=[epoch_row(1, training_loss=math.inf)], status="diverged")
    tracked = tracked_as_recorded(records)
    tracked[path]["metrics"]["training_loss"] = sys.float_info.max
    table = runs_table(tracked, records)
    assert not math.isfinite(table["training_loss"][0])


def test_summary_of_three_seeds_by_hand() -> None:
    (row,) = summary_table(runs_frame([0.8, 0.9, 0.85]), []).to_dict("records")
    assert (row["implementation"], row["activation"], row["n"]) == ("scratch", "relu", 3)
    assert row["test_accuracy_mean"] == pytest.approx(0.85)
    assert row["test_accuracy_std"] == pytest.approx(0.05)
    # t for 2 degrees of freedom and 97.5 % is 4.30265, widened by 1.1; s/√3 times that is 0.1366.
    assert row["test_accuracy_low"] == pytest.approx(0.85 - 1.1 * 4.302653 * 0.05 / math.sqrt(3))
    assert row["test_accuracy_high"] == pytest.approx(0.85 + 1.1 * 4.302653 * 0.05 / math.sqrt(3))
    assert row["training_loss_mean"] == pytest.approx(0.15)
    assert row["training_accuracy_mean"] == pytest.approx(0.85)
    assert row["macro_f1_mean"] == pytest.approx(0.85)
    assert row["seconds_per_epoch_median"] == 2.0
    assert row["sanity_met"] == 3
    assert row["diverged"] == row["failed"] == 0


@pytest.mark.parametrize("count", [3, 10, 50])
def test_intervals_are_those_of_means(count: int) -> None:
    values = np.random.default_rng(count).normal(0.8, 0.05, count)
    (row,) = summary_table(runs_frame(values.tolist()), []).to_dict("records")
    for metric, sample in (("test_accuracy", values), ("training_loss", 1 - values)):
        (low,), (high,) = Means.of([sample]).interval()
        assert row[f"{metric}_low"] == pytest.approx(max(low, 0))
        assert row[f"{metric}_high"] == pytest.approx(min(high, 1 if "accuracy" in metric else 9))
        assert row[f"{metric}_std"] == pytest.approx(np.std(sample, ddof=1))


def test_no_interval_holds_what_cannot_be() -> None:
    (row,) = summary_table(runs_frame([0.5, 0.95, 0.99]), []).to_dict("records")
    assert row["test_accuracy_high"] == 1.0 and row["training_loss_low"] == 0.0
    assert row["training_loss_high"] > 0.5


@pytest.mark.parametrize("accuracies", [[0.8, 0.8], [0.8, 0.9], [0.8, 0.8, 0.8]])
def test_where_seeds_say_nothing_of_the_spread_there_is_no_interval(
    accuracies: list[float],
) -> None:
    (row,) = summary_table(runs_frame(accuracies), []).to_dict("records")
    assert math.isnan(row["test_accuracy_low"]) and math.isnan(row["test_accuracy_high"])
    assert row["test_accuracy_mean"] == pytest.approx(np.mean(accuracies))


def test_a_single_seed_has_a_mean_but_no_interval() -> None:
    (row,) = summary_table(runs_frame([0.8]), []).to_dict("records")
    assert row["n"] == 1
    assert row["test_accuracy_mean"] == 0.8
    for end in ("std", "low", "high"):
        assert math.isnan(row[f"test_accuracy_{end}"])


def test_a_loss_that_is_nan_has_neither_mean_nor_interval() -> None:
    frame = runs_frame([0.8, 0.9, 0.85])
    frame.loc[1, "training_loss"] = math.nan
    (row,) = summary_table(frame, []).to_dict("records")
    assert all(math.isnan(row[f"training_loss_{end}"]) for end in ("mean", "low", "high"))


def test_missed_bounds_and_diverged_runs_are_counted() -> None:
    frame = runs_frame(
        [0.8, 0.1, 0.9],
        sanity=["met", "missed", "met"],
        status=["finished", "diverged", "finished"],
    )
    (row,) = summary_table(frame, []).to_dict("records")
    assert (row["n"], row["sanity_met"], row["diverged"]) == (3, 2, 1)


def test_cells_keep_the_order_of_the_study() -> None:
    tanh = runs_frame([0.7, 0.8], activation="tanh")
    relu = runs_frame([0.9, 0.8])
    concise = runs_frame([0.6], implementation="concise")
    summary = summary_table(pd.concat([tanh, relu, concise]), [])
    cells = summary[["implementation", "activation", "n"]].values.tolist()
    assert cells == [["scratch", "tanh", 2], ["scratch", "relu", 2], ["concise", "relu", 1]]


def test_further_axes_make_cells_of_their_own() -> None:
    frame = pd.concat(
        [
            runs_frame([0.7, 0.8], hidden_sizes=sizes, learning_rate=rate)
            for sizes in ("8", "8 4")
            for rate in (0.1, 0.5)
        ]
    )
    axes = ["hidden_sizes", "learning_rate"]
    summary = summary_table(frame, axes)
    assert summary.columns[:5].tolist() == ["implementation", "activation", *axes, "n"]
    assert summary[axes].values.tolist() == [["8", 0.1], ["8", 0.5], ["8 4", 0.1], ["8 4", 0.5]]
    assert summary["n"].tolist() == [2] * 4


def test_scores_per_class_have_a_row_per_run_and_class() -> None:
    path = "scratch/relu/seed=7/hidden_sizes=8x4"
    records = records_of(path, axes=["hidden_sizes"]) | records_of("concise/tanh/seed=0")
    frame = pd.DataFrame({"run": list(records)})
    table = per_class_table(frame, records)
    assert table["class"].tolist() == ["cat", "dog"] * 2
    assert table.iloc[0].to_dict() == {
        "run": path,
        "implementation": "scratch",
        "activation": "relu",
        "seed": 7,
        "hidden_sizes": "8 4",
        "class": "cat",
        "precision": 0.5,
        "recall": 1.0,
        "f1": 2 / 3,
        "images": 2,
    }


def test_csv_and_parquet_hold_the_same(tmp_path: Path) -> None:
    records = records_of("scratch/relu/seed=0", "scratch/tanh/seed=1")
    runs = runs_table(tracked_as_recorded(records), records)
    for name, table in (
        ("runs", runs),
        ("summary", summary_table(runs, [])),
        ("per_class", per_class_table(runs, records)),
    ):
        csv, parquet = tmp_path / f"{name}.csv", tmp_path / f"{name}.parquet"
        tables.write(table, csv, parquet)
        from_csv = pd.read_csv(csv)
        from_parquet = pd.read_parquet(parquet)
        pd.testing.assert_frame_equal(from_parquet, table)
        pd.testing.assert_frame_equal(from_csv, from_parquet, check_exact=True)
    assert len(list(tmp_path.iterdir())) == 6


def test_a_table_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    csv, parquet = tmp_path / "a.csv", tmp_path / "a.parquet"
    tables.write(pd.DataFrame({"a": [1]}), csv, parquet)
    before = csv.read_bytes(), parquet.read_bytes()
    with pytest.raises(Exception, match=r"(?i)convert|mixed|expected|object"):
        tables.write(pd.DataFrame({"a": [1, {"b"}]}), tmp_path / "b.csv", parquet)
    assert (csv.read_bytes(), parquet.read_bytes()) == before
    assert not list(tmp_path.glob(".*.part"))


MEANS = ("test_accuracy_mean", "training_loss_mean", "training_accuracy_mean", "macro_f1_mean")


@pytest.mark.parametrize("status", ["diverged", "failed"])
def test_a_cell_with_a_run_that_did_not_finish_has_no_mean(status: str) -> None:
    # The accuracy of a run that diverged is a number, as good as any to take a mean of.
    unsound = runs_frame([0.8, 0.1, 0.9], status=["finished", status, "finished"])
    sound = runs_frame([0.8, 0.1, 0.9], activation="tanh")
    row, other = summary_table(pd.concat([unsound, sound]), []).to_dict("records")
    for metric in MEANS:
        assert math.isnan(row[metric])
        assert math.isfinite(other[metric])
    for metric in ("test_accuracy", "training_loss"):
        assert all(math.isnan(row[f"{metric}_{end}"]) for end in ("std", "low", "high"))
        assert all(math.isfinite(other[f"{metric}_{end}"]) for end in ("std", "low", "high"))
    assert row["n"] == 3
    assert row[status] == 1
    assert row["diverged"] + row["failed"] == 1
    assert other["diverged"] == other["failed"] == 0
    # Time was spent all the same.
    assert row["seconds_per_epoch_median"] == 2.0


def test_diverged_and_failed_runs_are_counted_apart() -> None:
    frame = runs_frame(
        [0.8, 0.1, 0.9, 0.2], status=["failed", "diverged", "failed", "finished"], sanity="missed"
    )
    (row,) = summary_table(frame, []).to_dict("records")
    assert (row["n"], row["sanity_met"], row["diverged"], row["failed"]) == (4, 0, 1, 2)


def test_the_summary_is_of_the_split_that_runs_are_scored_on() -> None:
    frame = runs_frame([0.8, 0.9]).rename(columns={"test_accuracy": "validation_accuracy"})
    (row,) = summary_table(frame, [], "validation").to_dict("records")
    assert row["validation_accuracy_mean"] == pytest.approx(0.85)
    assert not [name for name in row if "test" in name]
    both = frame.assign(test_accuracy=0.1)
    (row,) = summary_table(both, [], "validation").to_dict("records")
    assert row["validation_accuracy_mean"] == pytest.approx(0.85)


def test_runs_that_are_scored_on_validation_have_its_columns() -> None:
    path = "scratch/relu/seed=0"
    record = run_record(path, scored_on="validation")
    history = [
        {name.replace("test_", "validation_"): value for name, value in row.items()}
        for row in record.history
    ]
    records = {path: replace(record, history=history)}
    table = runs_table(tracked_as_recorded(records), records)
    assert not [name for name in table if "test" in name]
    assert table["validation_accuracy"].tolist() == [0.5]
    assert not [name for name in table if str(name).startswith("final")]
    tracked = tracked_as_recorded(records)
    tracked[path]["metrics"]["validation_loss"] = 7.0
    with pytest.raises(UserError, match=r"validation_loss is 7\.0 in MLflow"):
        runs_table(tracked, records)


def test_a_failed_run_has_a_row_without_metrics() -> None:
    sound, broken = "scratch/relu/seed=0", "mine/relu/seed=0"
    records = {sound: run_record(sound), broken: failed_record(broken)}
    table = runs_table(tracked_as_recorded(records), records).set_index("run")
    assert table["status"].to_dict() == {sound: "finished", broken: "failed"}
    assert table["sanity"].to_dict() == {sound: "met", broken: "missed"}
    assert table["epochs_run"].to_dict() == {sound: 3, broken: 0}
    assert table["epochs_run"].dtype == np.int64
    metrics = ["seconds_per_epoch", "macro_f1", "negative_log_likelihood", *LAST]
    assert table.loc[broken, metrics].isna().all()
    assert table.loc[sound, metrics].notna().all()
    assert table.loc[broken, "hidden_sizes"] == "8 4"


def test_a_setting_of_a_failed_run_is_held_against_mlflow_as_well() -> None:
    path = "mine/relu/seed=0"
    records = {path: failed_record(path)}
    tracked = tracked_as_recorded(records)
    tracked[path]["parameters"]["learning_rate"] = 9
    with pytest.raises(UserError, match="learning_rate is 9 in MLflow"):
        runs_table(tracked, records)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("sound", [True, False], ids=["one of two failed", "all failed"])
def test_tables_with_failed_runs_are_written_and_read_back(tmp_path: Path, sound: bool) -> None:
    records = {"mine/relu/seed=0": failed_record("mine/relu/seed=0")}
    if sound:
        records["scratch/relu/seed=0"] = run_record()
    runs = runs_table(tracked_as_recorded(records), records)
    tables.write(runs, tmp_path / "runs.csv", tmp_path / "runs.parquet")
    read = pd.read_parquet(tmp_path / "runs.parquet")
    assert read["run"].tolist() == list(records)

    summary = summary_table(read, [])
    tables.write(summary, tmp_path / "summary.csv", tmp_path / "summary.parquet")
    summary = pd.read_parquet(tmp_path / "summary.parquet")
    assert summary["failed"].tolist() == [1, 0][: len(records)]
    assert summary["n"].tolist() == [1] * len(records)
    assert summary["test_accuracy_mean"].isna().tolist() == [True, False][: len(records)]
    assert summary["seconds_per_epoch_median"].isna().tolist() == [True, False][: len(records)]

    classes = per_class_table(read, records)
    tables.write(classes, tmp_path / "classes.csv", tmp_path / "classes.parquet")
    assert classes["images"].tolist() == [0, 0, 2, 2][: 2 * len(records)]
