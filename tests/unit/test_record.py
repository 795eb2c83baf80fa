"""A run's record on disk says exactly what was measured."""

import gc
import math
import re
import sys
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from conftest import (
    bound,
    epoch_row,
    failed_record,
    run_record,
    without_digests,
    write_record,
)
from mlplab.errors import UserError
from mlplab.study.metrics import of_run
from mlplab.study.record import (
    NAMES,
    RunFiles,
    RunRecord,
    beside,
    collection_paused,
    load_records,
    read_rows,
    write_rows,
)
from mlplab.training.diagnostics import Diagnosis

FILES = ("history", "diagnostics", "parameters", "predictions", "run", "evaluation")


def validated(**run: Any) -> RunRecord:
    """The record of a run that was scored on validation images: the test set was not read."""
    record = run_record(scored_on="validation", **run)
    history = [
        {name.replace("test_", "validation_"): value for name, value in row.items()}
        for row in record.history
    ]
    return replace(record, history=history)


def test_floats_keep_all_their_digits(tmp_path: Path) -> None:
    values = [1 / 3, 0.1 + 0.2, 5e-324, sys.float_info.max, -0.0, math.nextafter(1, 2), 1e22]
    rows = [epoch_row(number, test_loss=value) for number, value in enumerate(values, start=1)]
    write_rows(tmp_path / "history.csv", rows)
    read = read_rows(tmp_path / "history.csv")
    assert read == rows
    assert math.copysign(1, read[4]["test_loss"]) == -1


def test_columns_keep_their_order_and_epoch_and_timestamp_are_whole(tmp_path: Path) -> None:
    write_rows(tmp_path / "history.csv", [epoch_row(1)])
    (row,) = read_rows(tmp_path / "history.csv")
    assert list(row) == list(epoch_row(1))
    assert {name for name, value in row.items() if type(value) is int} == {"epoch", "timestamp"}


def test_losses_that_are_not_finite_come_back(tmp_path: Path) -> None:
    rows = [epoch_row(1, training_loss=math.inf), epoch_row(2, training_loss=math.nan)]
    write_rows(tmp_path / "history.csv", rows)
    first, second = read_rows(tmp_path / "history.csv")
    assert first["training_loss"] == math.inf
    assert math.isnan(second["training_loss"])


def test_rows_that_do_not_fit_leave_the_old_history(tmp_path: Path) -> None:
    write_rows(tmp_path / "history.csv", [epoch_row(1)])
    with pytest.raises(ValueError, match="surprise"):
        write_rows(tmp_path / "history.csv", [epoch_row(1), epoch_row(2, surprise=1.0)])
    assert read_rows(tmp_path / "history.csv") == [epoch_row(1)]
    assert [path.name for path in tmp_path.iterdir()] == ["history.csv"]


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    record = run_record()
    assert without_digests(write_record(record, tmp_path).load()) == record


def test_files_are_taken_from_named_inputs(tmp_path: Path) -> None:
    names = FILES
    inputs = SimpleNamespace(**{name: [f"folder/{name}"] for name in names}, manifest="other")
    (files,) = RunFiles.each(inputs)
    assert files.history == Path("folder/history")
    assert files.all() == [Path("folder", name) for name in names]


@pytest.mark.parametrize("part", FILES)
def test_the_digest_of_a_record_changes_with_each_of_its_files(tmp_path: Path, part: str) -> None:
    files = write_record(run_record(), tmp_path)
    before = files.digest()
    assert files.digest() == before
    with getattr(files, part).open("a") as file:
        file.write("\n")
    assert files.digest() != before


def test_metrics_are_those_of_the_last_epoch_and_of_the_whole_run() -> None:
    record = run_record(history=[epoch_row(1), epoch_row(2)])
    expected = record.last | {
        "test_accuracy": 0.5,
        "negative_log_likelihood": 1.1 / 3,
        "macro_f1": 1 / 3,
        "brier_score": 0.25,
        "expected_calibration_error": 0.25,
        "parameter_count": 26.0,
        "microseconds_per_example": 0.012 * 1e6 / (2 * 4),
        "epochs_run": 2.0,
        "training_seconds": 0.6,
        "seconds_per_epoch": 0.2,
    }
    assert of_run(record).items() >= expected.items()


def test_a_metric_that_is_not_finite_is_nan() -> None:
    record = run_record(history=[epoch_row(1, test_loss=math.inf)])
    assert record.evaluation.metrics["negative_log_likelihood"] is None
    assert math.isnan(of_run(record)["negative_log_likelihood"])
    # What the history says is not lost.
    assert of_run(record)["test_loss"] == math.inf


def test_metrics_are_of_the_split_that_the_run_is_scored_on() -> None:
    metrics = of_run(validated())
    assert metrics["validation_accuracy"] == 0.5
    assert metrics["negative_log_likelihood"] == metrics["validation_loss"] == 1.1 / 4
    assert not [name for name in metrics if "test" in name]
    assert len(metrics) == len(of_run(run_record()))


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
    # Diagnostics are large, and read only where they are wanted.
    expected = {name: replace(run_record(name), diagnostics=[]) for name in names}
    assert {name: without_digests(record) for name, record in loaded.items()} == expected
    with pytest.raises(ValueError, match=r"shorter|longer"):
        load_records(names[:1], inputs)


def test_a_runs_files_are_found_beside_any_of_them(tmp_path: Path) -> None:
    names = ["scratch/tanh/seed=1", "concise/relu/seed=0"]
    written = [write_record(run_record(name), tmp_path / name) for name in names]
    evaluations = [str(files.evaluation) for files in written]
    assert RunFiles.each(beside(evaluations, *NAMES)) == written
    found = beside(evaluations, "run", "history")
    assert found.run == [files.run for files in written]
    assert not hasattr(found, "predictions")


def test_a_missing_file_of_a_run_is_named_with_the_way_to_mend_it(tmp_path: Path) -> None:
    files = write_record(run_record(), tmp_path)
    files.history.unlink()
    assert beside([files.evaluation], "run").run == [files.run]
    with pytest.raises(UserError) as refused:
        beside([files.evaluation], "run", "history")
    assert str(refused.value).startswith(f"{files.history} is missing")
    assert str(refused.value).endswith(f"--forcerun {files.run}")


def test_diagnostics_are_read_where_they_are_wanted(tmp_path: Path) -> None:
    names = ["scratch/tanh/seed=1", "concise/relu/seed=0"]
    short = [epoch_row(1)]
    records = {names[0]: run_record(names[0]), names[1]: run_record(names[1], short)}
    written = [write_record(record, tmp_path / name) for name, record in records.items()]
    inputs = SimpleNamespace(
        **{name: [getattr(files, name) for files in written] for name in FILES}
    )
    loaded = load_records(names, inputs)
    assert {name: without_digests(record) for name, record in loaded.items()} == records
    assert len(records[names[0]].diagnostics) != len(records[names[1]].diagnostics)
    inputs.diagnostics.pop()
    with pytest.raises(ValueError, match=r"shorter|longer"):
        load_records(names, inputs)


def test_diagnoses_come_back_as_they_were_measured(tmp_path: Path) -> None:
    rows = [
        asdict(Diagnosis(epoch, quantity, of, value))
        for epoch in (0, 1)
        for quantity, of, value in (
            ("gradient_norm", "alpha1", 1 / 3),
            ("dead", "H1", 0.0),
            ("activation_std", "H12", 5e-324),
        )
    ]
    write_rows(tmp_path / "diagnostics.csv", rows)
    read = read_rows(tmp_path / "diagnostics.csv")
    assert read == rows
    assert list(read[0]) == ["epoch", "quantity", "of", "value"]
    assert [type(value) for value in read[0].values()] == [int, str, str, float]


@pytest.mark.parametrize("row", ["1,0.5,0.5", "1", "", "1,O.5", "1.5,0.5", '1,"0.5', "1,\xff"])
def test_a_damaged_row_is_refused_with_its_line(tmp_path: Path, row: str) -> None:
    file = tmp_path / "history.csv"
    file.write_bytes(f"epoch,training_loss\n1,0.5\n{row}\n".encode("latin-1"))
    with pytest.raises(UserError) as refused:
        read_rows(file)
    assert re.match(rf"{re.escape(str(file))}:\d+: no table of numbers", str(refused.value))
    assert str(refused.value).endswith(f"--forcerun {tmp_path / 'run.json'}")


@pytest.mark.parametrize("part", FILES)
def test_a_changed_byte_of_a_record_is_found_and_its_file_named(tmp_path: Path, part: str) -> None:
    files = write_record(run_record(), tmp_path)
    files.check()
    path = getattr(files, part)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(UserError) as refused:
            files.check()
        assert str(refused.value).startswith(f"{path}: ")
        mended = files.evaluation if part == "evaluation" else files.run
        assert str(refused.value).endswith(f"--forcerun {mended}")
    path.write_bytes(whole)
    files.check()


def test_texts_of_many_rows_are_kept_once(tmp_path: Path) -> None:
    rows = [
        asdict(Diagnosis(epoch, "gradient_norm", of, 0.5))
        for epoch in (0, 1)
        for of in ("W1", "b1")
    ]
    texts = set()
    for name in ("one.csv", "other.csv"):
        write_rows(tmp_path / name, rows)
        texts |= {id(row[key]) for row in read_rows(tmp_path / name) for key in ("quantity", "of")}
    assert len(texts) == 3


def test_the_search_for_garbage_goes_on_after_a_pause() -> None:
    assert gc.isenabled()
    with pytest.raises(KeyError), collection_paused():
        assert not gc.isenabled()
        with collection_paused():
            pass
        # One within another does not end it.
        assert not gc.isenabled()
        raise KeyError
    assert gc.isenabled()


def test_no_rows_come_back_as_no_rows(tmp_path: Path) -> None:
    write_rows(tmp_path / "history.csv", [])
    assert (tmp_path / "history.csv").read_bytes() == b""
    assert read_rows(tmp_path / "history.csv") == []
    # It takes the place of an earlier training's history, whole.
    write_rows(tmp_path / "history.csv", [epoch_row(1)])
    write_rows(tmp_path / "history.csv", [])
    assert read_rows(tmp_path / "history.csv") == []


def test_the_last_epoch_is_told_by_its_losses_and_accuracies_alone() -> None:
    record = run_record(history=[epoch_row(1), epoch_row(2)])
    row = epoch_row(2)
    names = ("training_loss", "training_accuracy", "test_loss", "test_accuracy")
    assert record.last == {name: row[name] for name in names}
    assert list(validated().last) == [name.replace("test", "validation") for name in names]


def test_a_failed_run_has_a_record_without_metrics(tmp_path: Path) -> None:
    record = failed_record()
    assert without_digests(write_record(record, tmp_path).load()) == record
    assert record.last == {}
    assert of_run(record) == {}
    assert record.sanity == "missed"


@pytest.mark.parametrize(
    ("met", "verdict"),
    [([True, True], "met"), ([True, False], "missed"), ([False], "missed"), ([], "missed")],
)
def test_the_sanity_check_is_met_where_every_bound_is(met: list[bool], verdict: str) -> None:
    checks = {f"metric {index}": bound(value) for index, value in enumerate(met)}
    assert run_record(sanity=checks).sanity == verdict
