"""A run's record on disk says exactly what was measured."""

import math
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from conftest import epoch_row, run_record, write_record
from mlplab.record import RunFiles, load_records, read_history, write_history


def test_floats_keep_all_their_digits(tmp_path: Path) -> None:
    values = [1 / 3, 0.1 + 0.2, 5e-324, sys.float_info.max, -0.0, math.nextafter(1, 2), 1e22]
    rows = [epoch_row(number, test_loss=value) for number, value in enumerate(values, start=1)]
    write_history(tmp_path / "history.csv", rows)
    read = read_history(tmp_path / "history.csv")
    assert read == rows
    assert math.copysign(1, read[4]["test_loss"]) == -1


def test_columns_keep_their_order_and_epoch_and_timestamp_are_whole(tmp_path: Path) -> None:
    write_history(tmp_path / "history.csv", [epoch_row(1)])
    (row,) = read_history(tmp_path / "history.csv")
    assert list(row) == list(epoch_row(1))
    assert {name for name, value in row.items() if type(value) is int} == {"epoch", "timestamp"}


def test_losses_that_are_not_finite_come_back(tmp_path: Path) -> None:
    rows = [epoch_row(1, training_loss=math.inf), epoch_row(2, training_loss=math.nan)]
    write_history(tmp_path / "history.csv", rows)
    first, second = read_history(tmp_path / "history.csv")
    assert first["training_loss"] == math.inf
    assert math.isnan(second["training_loss"])


def test_rows_that_do_not_fit_leave_the_old_history(tmp_path: Path) -> None:
    write_history(tmp_path / "history.csv", [epoch_row(1)])
    with pytest.raises(ValueError, match="surprise"):
        write_history(tmp_path / "history.csv", [epoch_row(1), epoch_row(2, surprise=1.0)])
    assert read_history(tmp_path / "history.csv") == [epoch_row(1)]
    assert [path.name for path in tmp_path.iterdir()] == ["history.csv"]


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    record = run_record()
    assert write_record(record, tmp_path).load() == record


def test_files_are_taken_from_named_inputs(tmp_path: Path) -> None:
    names = ("history", "parameters", "predictions", "run", "evaluation")
    inputs = SimpleNamespace(**{name: f"folder/{name}" for name in names}, manifest="other")
    files = RunFiles.of(inputs)
    assert files.history == Path("folder/history")
    assert files.all() == [Path("folder", name) for name in names]


@pytest.mark.parametrize("part", ["history", "parameters", "predictions", "run", "evaluation"])
def test_the_digest_of_a_record_changes_with_each_of_its_files(tmp_path: Path, part: str) -> None:
    files = write_record(run_record(), tmp_path)
    before = files.digest()
    assert files.digest() == before
    with getattr(files, part).open("a") as file:
        file.write("\n")
    assert files.digest() != before


def test_final_metrics_are_those_of_the_whole_run() -> None:
    record = run_record(history=[epoch_row(1), epoch_row(2)])
    assert record.final_metrics() == {
        "final_test_accuracy": 0.5,
        "final_test_loss": 1.1 / 3,
        "macro_f1": 1 / 3,
        "epochs_run": 2.0,
        "training_seconds": 0.6,
        "seconds_per_epoch": 0.2,
    }


def test_a_final_loss_that_is_not_finite_is_nan() -> None:
    record = run_record(history=[epoch_row(1, test_loss=math.inf)])
    assert record.evaluation["test_loss"] is None
    assert math.isnan(record.final_metrics()["final_test_loss"])


def test_several_records_are_loaded_by_name_in_order(tmp_path: Path) -> None:
    names = ["scratch/tanh/seed=1", "concise/relu/seed=0"]
    written = [write_record(run_record(name), tmp_path / name) for name in names]
    inputs = SimpleNamespace(
        run=[files.run for files in written],
        history=[files.history for files in written],
        evaluation=[files.evaluation for files in written],
    )
    loaded = load_records(names, inputs)
    assert list(loaded) == names
    assert all(record == run_record(name) for name, record in loaded.items())
    with pytest.raises(ValueError, match=r"shorter|longer"):
        load_records(names[:1], inputs)
