"""A run from its job to its record on disk; a broken plug-in is a finding, not an accident."""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
import torch
from mlflow import MlflowClient
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from conftest import REPOSITORY, all_logits, curves_of
from mlplab import activations, implementations, initializers
from mlplab.analysis import tables
from mlplab.analysis.diagnostics import diagnostics_table, histograms_table
from mlplab.analysis.groups import groups_table
from mlplab.analysis.images import Correct
from mlplab.analysis.runs import runs_table
from mlplab.analysis.scores import evaluate_run
from mlplab.analysis.summary import per_class_table, summary_table
from mlplab.datasets import store
from mlplab.errors import UserError
from mlplab.figures import canvas, diagnostics, images
from mlplab.figures import runs as comparing_runs
from mlplab.files import file_digest, read_json, write_json
from mlplab.isolation.process import Limits
from mlplab.study import provenance
from mlplab.study.code import training_digest
from mlplab.study.documents import read_manifest
from mlplab.study.grid import Run
from mlplab.study.metrics import of_run
from mlplab.study.record import RunFiles, RunRecord, read_rows
from mlplab.study.settings import Settings
from mlplab.tracking import collect, send
from mlplab.tracking import study as mlflow_study
from mlplab.training import run
from mlplab.training.loop import Epoch, train
from mlplab.training.run import Job, Observer, report_epoch, train_run

SETTINGS: dict[str, Any] = {
    "hidden_sizes": [8],
    "weight_std": 0.1,
    "bias_init": "zeros",
    "epochs": 2,
    "batch_size": 64,
    "learning_rate": 0.1,
    "validation_size": 0,
}
VALIDATED = SETTINGS | {"validation_size": 300}

pytestmark = pytest.mark.usefixtures("matmul_precision")


def job_of(
    data: Path,
    implementation: str | Path = "scratch",
    activation: str | Path = "relu",
    scored_on: str = "test",
    seed: int = 0,
    **settings: Any,
) -> Job:
    """A job of the library's plug-ins, by name, or of others, by file."""
    source, bend = (
        given if isinstance(given, Path) else kind.source(given)
        for kind, given in ((implementations, implementation), (activations, activation))
    )
    run = Run(source.stem, bend.stem, seed, SETTINGS | settings)
    return Job(run, source, bend, data, threads=1, scored_on=scored_on, device="cpu")


@dataclass
class Place:
    """Where a run's record goes, and the data set that it is trained on."""

    folder: Path
    data: Path
    manifest: Path

    def files(self, name: str = "run") -> RunFiles:
        return RunFiles.at(self.folder / name)

    def train(self, job: Job, name: str = "run", *observers: Observer) -> RunFiles:
        files = self.files(name)
        outputs = (files.history, files.diagnostics, files.parameters, files.predictions, files.run)
        train_run(job, *outputs, observers)
        return files

    def record(self, job: Job, name: str = "run") -> RunRecord:
        """Train and evaluate."""
        files = self.train(job, name)
        evaluate_run(
            files.predictions, files.history, self.manifest, job.scored_on, files.evaluation
        )
        return files.load()


@pytest.fixture
def place(tmp_path: Path, digits_folder: Path) -> Place:
    return Place(tmp_path, digits_folder / "data.safetensors", digits_folder / "manifest.json")


@pytest.mark.parametrize("implementation", implementations.names())
def test_the_record_is_what_the_training_gave(
    place: Place, digits: store.Dataset, implementation: str
) -> None:
    record = place.record(job_of(place.data, implementation, "prelu", seed=3))
    assert record.run.status == "finished"
    trained = train(
        implementations.load(implementation),
        activations.load("prelu"),
        digits,
        Settings.from_mapping(SETTINGS),
        seed=3,
    )
    times = ("seconds", "cpu_seconds", "samples_per_second", "timestamp")
    for row, epoch in zip(record.history, trained.history, strict=True):
        assert list(row) == list(epoch.as_dict())
        measured = {name: v for name, v in epoch.as_dict().items() if name not in times}
        assert {name: v for name, v in row.items() if name not in times} == measured
    assert record.diagnostics == [asdict(diagnosis) for diagnosis in trained.diagnoses]

    stored = load_file(place.files().parameters)
    parameters = trained.network.parameters()
    assert set(stored) == set(parameters) == {"W1", "b1", "alpha1", "W2", "b2"}
    assert all(torch.equal(stored[name], value) for name, value in parameters.items())
    predictions = pyarrow.parquet.read_table(place.files().predictions)
    logits = all_logits(trained.network, digits.test)
    assert predictions["prediction"].to_pylist() == logits.argmax(dim=1).tolist()
    assert predictions["label"].to_pylist() == digits.test.labels.tolist()
    assert record.evaluation.metrics["test_accuracy"] == trained.history[-1].test_accuracy


def test_observers_get_each_epoch_as_its_row_of_the_history_also_those_before_a_checkpoint(
    place: Place,
) -> None:
    first: list[Mapping[str, Any]] = []

    def stop_after_two(row: Mapping[str, Any]) -> None:
        first.append(row)
        if len(first) == 3:
            raise KeyboardInterrupt

    job = replace(job_of(place.data, epochs=4), checkpoint_epochs=1)
    with pytest.raises(KeyboardInterrupt):
        place.train(job, "run", stop_after_two)
    rows: list[Mapping[str, Any]] = []
    others: list[int] = []
    files = place.train(job, "run", rows.append, lambda row: others.append(row["epoch"]))
    assert others == [1, 2, 3, 4]
    # The third was measured, but in no checkpoint yet.
    assert rows[:2] == first[:2]
    assert rows == read_rows(files.history)


def test_the_record_says_where_it_comes_from(place: Place) -> None:
    run = place.record(job_of(place.data, activation="tanh", seed=2)).run
    assert run.run == "scratch/tanh/seed=2"
    assert (run.implementation, run.activation, run.seed) == ("scratch", "tanh", 2)
    assert run.dataset == "digits"
    assert run.settings == SETTINGS
    assert run.scored_on == "test"
    assert run.axes == []
    assert run.error is None
    assert 1_600_000_000_000 < run.started <= run.ended
    assert (run.device, run.threads) == ("cpu", 1)
    assert run.data_digest == file_digest(place.data)
    assert run.code_digest == training_digest(
        implementations.source("scratch"),
        activations.source("tanh"),
        initializers.source("zeros"),
    )
    assert asdict(run.machine) == provenance.machine()
    assert run.versions == provenance.versions()
    assert set(run.sanity) == {"training_loss", "training_accuracy", "test_accuracy"}
    history = place.files().load().history
    assert run.training_seconds == pytest.approx(sum(row["seconds"] for row in history))
    assert run.diagnostics_seconds > 0
    assert run.evaluation_seconds > 0
    assert 50e6 < run.peak_memory < 20e9


def test_a_run_that_is_scored_on_validation_does_not_depend_on_the_test_set(place: Place) -> None:
    # Another test set, of other images and labels, leaves every file but run.json as it is.
    other = place.folder / "other" / "data.safetensors"
    other.parent.mkdir()
    with safe_open(place.data, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        tensors["test_images"] = 16 - tensors["test_images"]
        tensors["test_labels"] = (tensors["test_labels"] + 1) % 10
        save_file(tensors, other, metadata=file.metadata())
    write_json(other.with_name("manifest.json"), {"sha256": file_digest(other)})
    one = place.record(job_of(place.data, scored_on="validation", **VALIDATED), "one")
    two = place.record(job_of(other, scored_on="validation", **VALIDATED), "two")
    for part in ("diagnostics", "parameters", "predictions", "evaluation"):
        contents = [getattr(place.files(name), part).read_bytes() for name in ("one", "two")]
        assert contents[0] == contents[1], part
    assert one.last == two.last
    assert not [name for row in one.history for name in row if "test" in name]
    assert one.run.data_digest != two.run.data_digest


def test_predictions_are_of_the_split_that_the_run_is_scored_on(
    place: Place, digits: store.Dataset
) -> None:
    record = place.record(job_of(place.data, scored_on="validation", **VALIDATED))
    labels = digits.training.labels[-300:].tolist()
    predictions = pyarrow.parquet.read_table(place.files().predictions)
    assert predictions["label"].to_pylist() == labels
    assert record.evaluation.split == record.run.scored_on == "validation"
    assert record.evaluation.images == 300
    counted = record.evaluation.metrics["validation_accuracy"]
    assert counted == record.history[-1]["validation_accuracy"]
    assert set(record.run.sanity) == {
        "training_loss",
        "training_accuracy",
        "validation_accuracy",
    }


def test_a_run_that_diverges_has_a_whole_record(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    record = place.record(job_of(place.data, learning_rate=1e30, epochs=9))
    assert record.run.status == "diverged"
    assert record.run.error is None
    assert 1 <= len(record.history) < 9
    assert record.evaluation.images == 360
    assert record.evaluation.metrics["negative_log_likelihood"] is None
    assert record.sanity == "missed"
    assert math.isnan(of_run(record)["negative_log_likelihood"])
    assert f"diverged in epoch {len(record.history)}" in capsys.readouterr().out


def test_run_json_is_written_last(place: Place) -> None:
    files = place.files()
    files.predictions.mkdir(parents=True)
    with pytest.raises(OSError, match="predictions"):
        place.train(job_of(place.data))
    assert files.history.exists()
    assert not files.run.exists()


def test_an_epoch_is_reported_with_the_splits_that_were_looked_at(
    capsys: pytest.CaptureFixture[str],
) -> None:
    epoch = Epoch(
        epoch=7,
        training_loss=0.5,
        training_accuracy=0.75,
        test_loss=0.625,
        test_accuracy=0.25,
        seconds=1.5,
        cpu_seconds=1.4,
        samples_per_second=1.0,
        timestamp=0,
    )
    report_epoch(epoch)
    report_epoch(replace(epoch, validation_loss=0.1, validation_accuracy=1.0, test_loss=None))
    assert capsys.readouterr().out.splitlines() == [
        "epoch   7: training loss 0.5000, accuracy 0.7500; test loss 0.6250, accuracy 0.2500; "
        "1.50 s",
        "epoch   7: training loss 0.5000, accuracy 0.7500; validation loss 0.1000, "
        "accuracy 1.0000; 1.50 s",
    ]


SCRATCH = (REPOSITORY / "workflow/mlplab/implementations/scratch.py").read_text(encoding="utf-8")
BACKWARD = "        loss.backward()\n"
# An epoch has 18 batches or more, up to 23: this one is not in the first.
LATE = """        self.batches = getattr(self, "batches", 0) + 1
        if self.batches == 40:
            raise ValueError("tired")
"""

BROKEN: dict[str, tuple[str, str, str]] = {
    "no import": ("implementation", "import nothing_of_this_name\n", "cannot be imported"),
    "no syntax": ("implementation", "class Network(:\n", "cannot be imported"),
    "empty": ("implementation", "", "a class `Network` is expected"),
    "wrong logits": (
        "implementation",
        SCRATCH.replace("return hidden @ weight + bias", "return (hidden @ weight + bias)[:, 1:]"),
        "",
    ),
    "fails while training": (
        "implementation",
        SCRATCH.replace(BACKWARD, f"{LATE}{BACKWARD}"),
        "train_step(images, labels) fails: ValueError: tired",
    ),
    "function fails": (
        "activation",
        "def function(x):\n    raise ValueError('tired')\n",
        "function(x) fails: ValueError: tired",
    ),
    "no function": ("activation", "FORMULA = 'x'\n", "`function(x)` is expected"),
    "parameter without use": (
        "activation",
        "PARAMETERS = {'alpha': 1.0}\ndef function(x, alpha):\n    return x.tanh()\n",
        "fails",
    ),
}


# A stranger's file → what becomes of the run.
STRANGE = {
    "exits": (
        "implementation",
        SCRATCH.replace(BACKWARD, f"{BACKWARD}        raise SystemExit\n"),
        "train_step(images, labels) ends Python with status 0",
    ),
    "exits at its import": ("activation", "raise SystemExit\n", "ends Python with status 0"),
    "crashes": (
        "implementation",
        SCRATCH.replace(BACKWARD, "        import ctypes; ctypes.string_at(0)\n"),
        "killed by signal 11",
    ),
    "loops": (
        "implementation",
        SCRATCH.replace(BACKWARD, "        while True: pass\n"),
        "has not ended within its limit of 1 s",
    ),
    "loops when evaluated": (
        "activation",
        "def function(x):\n    while len(x) != 32: pass\n    return x.tanh()\n",
        "has not ended within its limit of 1 s",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", STRANGE)
def test_a_file_that_exits_or_loops_gives_a_record_of_its_failure(
    place: Place, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(run, "EACH_EPOCH", Limits(call_seconds=1.0))
    kind, content, message = STRANGE[what]
    path = place.folder / "mine.py"
    path.write_text(content)
    record = place.record(job_of(place.data, **{kind: path}))
    assert record.run.status == "failed"
    assert record.run.error.startswith(f"{path}:")
    assert message in record.run.error
    assert record.history == []


@pytest.mark.slow
def test_a_strangers_file_trains_as_the_librarys_own(place: Place) -> None:
    own = place.record(job_of(place.data), "own")
    files = {}
    for kind, source in (
        ("implementation", implementations.source("scratch")),
        ("activation", activations.source("relu")),
    ):
        files[kind] = place.folder / f"{kind}.py"
        files[kind].write_text(source.read_text())
    for name, given in (
        ("implementation", {"implementation": files["implementation"]}),
        ("activation", {"activation": files["activation"]}),
        ("both", files),
    ):
        record = place.record(job_of(place.data, **given), name)
        assert record.run.status == "finished"
        found, expected = (pd.DataFrame(each.history) for each in (record, own))
        columns = [name for name in found if str(name).endswith(("_loss", "_accuracy"))]
        pd.testing.assert_frame_equal(found[columns], expected[columns], rtol=1e-5)
        diagnoses = [[row["value"] for row in each.diagnostics] for each in (record, own)]
        assert diagnoses[0] == pytest.approx(diagnoses[1], rel=1e-4)


def test_where_isolation_cannot_be_had_the_job_ends(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlplab.isolation.launch.why_no_bwrap", lambda: "bwrap is not installed")
    path = place.folder / "mine.py"
    path.write_text(SCRATCH)
    job = replace(job_of(place.data, path), isolation="require")
    with pytest.raises(UserError, match="install the package bubblewrap"):
        place.train(job)
    assert not place.files().run.exists()


def broken_job(folder: Path, data: Path, what: str, **changes: Any) -> Job:
    kind, content, _ = BROKEN[what]
    folder.mkdir(exist_ok=True)
    path = folder / "mine.py"
    path.write_text(content)
    return job_of(data, **{kind: path}, **{"epochs": 4} | changes)


@pytest.mark.slow
@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_plug_in_gives_a_record_of_its_failure(
    place: Place, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    kind, _, message = BROKEN[what]
    job = broken_job(place.folder / "plugins", place.data, what)
    record = place.record(job)
    run = record.run
    assert run.status == "failed"
    assert message in run.error
    if what != "parameter without use":
        assert run.error.startswith(str(place.folder / "plugins" / "mine.py"))
    assert "\n" not in run.error
    assert f"failed: {run.error}" in capsys.readouterr().out
    assert getattr(run, kind) == "mine"
    assert run.settings == job.run.settings
    assert run.sanity == {}
    assert run.training_seconds is run.seconds_per_epoch is run.diagnostics_seconds is None
    assert run.code_digest == training_digest(
        job.implementation, job.activation, initializers.source("zeros")
    )
    assert record.history == record.diagnostics == []
    assert record.last == of_run(record) == {}
    assert load_file(place.files().parameters) == {}
    assert pyarrow.parquet.read_table(place.files().predictions).num_rows == 0
    evaluation = record.evaluation
    assert (evaluation.images, evaluation.metrics["test_accuracy"]) == (0, None)
    assert set(evaluation.metrics.values()) == {None}
    assert np.array(evaluation.confusion).tolist() == [[0] * 10] * 10


@pytest.mark.slow
def test_a_failed_and_a_sound_run_have_the_same_keys(place: Place) -> None:
    sound = place.record(job_of(place.data), "sound")
    failed = place.record(broken_job(place.folder / "a", place.data, "empty"), "failed")
    for part in ("run", "evaluation"):
        keys = [list(read_json(getattr(place.files(name), part))) for name in ("sound", "failed")]
        assert keys[0] == keys[1]
        # Nothing is written that the typed record does not know, and nothing is missing.
        known = {field.name for field in fields(getattr(sound, part))}
        assert set(keys[0]) == known | {"digest"}
    assert list(failed.evaluation.metrics) == list(sound.evaluation.metrics)
    tables_of = [
        pyarrow.parquet.read_table(place.files(name).predictions) for name in ("sound", "failed")
    ]
    assert tables_of[0].schema == tables_of[1].schema


@pytest.mark.slow
def test_a_mended_plug_in_replaces_the_record_of_its_failure(place: Place) -> None:
    job = broken_job(place.folder / "a", place.data, "fails while training")
    assert place.record(job).run.status == "failed"
    job.implementation.write_text(SCRATCH)
    record = place.record(job)
    assert record.run.status == "finished"
    assert len(record.history) == 4


def test_a_run_on_a_gpu_that_is_not_there_is_refused(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    job = job_of(place.data, "scratch")
    assert Job(job.run, job.implementation, job.activation, job.data, 1, "test").device == "auto"
    with pytest.raises(UserError, match="device: 'cuda'"):
        place.train(replace(job, device="cuda"))
    assert not place.files().run.exists()
    assert place.record(replace(job, device="auto")).run.device == "cpu"


@pytest.mark.parametrize("gpu", [True, False], ids=["a GPU", "no GPU"])
def test_an_implementation_that_knows_the_cpu_alone_is_trained_there(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], gpu: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    job = job_of(place.data, "numpy")
    for device in ("auto", "cuda"):
        record = place.record(replace(job, device=device))
        assert record.run.device == "cpu"
        assert record.run.settings == SETTINGS
    assert "numpy/relu/seed=0: cpu, 1 thread" in capsys.readouterr().out


def test_a_mistake_in_the_settings_is_nobodys_plug_in(place: Place) -> None:
    with pytest.raises(UserError, match="validation_size"):
        place.train(job_of(place.data, validation_size=10**6))
    assert not place.files().run.exists()


def test_a_mistake_in_the_library_is_not_put_down_to_the_plug_in(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any, **named: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(run, "train", fail)
    with pytest.raises(ZeroDivisionError):
        place.train(job_of(place.data))
    assert not place.files().run.exists()


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One MLflow store for all tests."""
    with contextlib.chdir(tmp_path_factory.mktemp("mlflow")):
        yield "sqlite:///mlflow.db"


@pytest.mark.slow
@pytest.mark.parametrize("sound", [True, False], ids=["beside a sound run", "alone"])
@pytest.mark.parametrize("scored_on", ["test", "validation"])
def test_a_failed_run_passes_through_mlflow_tables_and_figures(
    place: Place, uri: str, request: pytest.FixtureRequest, sound: bool, scored_on: str
) -> None:
    changes = {"scored_on": scored_on, **VALIDATED, "epochs": 3}
    broken = broken_job(place.folder / "a", place.data, "fails while training", **changes)
    jobs = [broken, *([job_of(place.data, **changes)] if sound else [])]
    records = {job.run.path: place.record(job, job.run.implementation) for job in jobs}
    statuses = ["failed", "finished"][: len(jobs)]
    assert [record.run.status for record in records.values()] == statuses

    study = mlflow_study.start_study(uri, request.node.name)
    ids = {}
    for job in jobs:
        files = place.files(job.run.implementation)
        (sent,) = send.track_runs(uri, study, [files], read_manifest(place.manifest), "digest")
        ids[job.run.path] = sent["run_id"]
    found = collect.read_runs(uri, study, ids)
    ended = [MlflowClient(uri).get_run(run_id).info.status for run_id in ids.values()]
    assert ended == ["FAILED", "FINISHED"][: len(jobs)]

    runs = runs_table(found, records)
    tables.write(runs, place.folder / "runs.csv", place.folder / "runs.parquet")
    runs = pd.read_parquet(place.folder / "runs.parquet")
    assert runs["status"].tolist() == statuses
    summary = summary_table(runs, [], scored_on)
    assert summary["failed"].tolist() == [1, 0][: len(jobs)]
    assert summary[f"{scored_on}_accuracy_mean"].isna().tolist() == [True, False][: len(jobs)]
    assert len(per_class_table(runs, records)) == 10 * len(jobs)

    measured = (
        (each.run.activation, each.run.settings["learning_rate"], each.diagnostics)
        for each in records.values()
    )
    drawn = {
        "runs": runs,
        "summary": summary,
        "groups": groups_table(
            runs,
            Correct.read(
                [path for path, record in records.items() if record.history],
                {job.run.path: place.files(job.run.implementation).predictions for job in jobs},
            ),
            [],
            f"late_{scored_on}_accuracy",
            jobs[-1].run.implementation if sound else "",
        ),
        "diagnostics": diagnostics_table(measured),
        "histograms": histograms_table({n: each.diagnostics for n, each in records.items()}),
    }
    confusion = np.array(next(iter(records.values())).evaluation.confusion)
    draw: dict[str, Callable[[], Any]] = {
        "curves": lambda: comparing_runs.curves(
            *curves_of({each.run.implementation: [each] for each in records.values()}, scored_on)
        ),
        "accuracy": lambda: comparing_runs.accuracy(drawn, scored_on),
        "seconds": lambda: comparing_runs.seconds(drawn, scored_on),
        "gradients": lambda: diagnostics.gradients(drawn),
        "units": lambda: diagnostics.units(drawn),
        "updates": lambda: diagnostics.updates(drawn),
        "histograms": lambda: diagnostics.histograms(drawn),
        "confusion": lambda: images.confusion(
            images.Cell(np.zeros((0, 1, 1)), [], [], confusion, [*"abcdefghij"])
        ),
    }
    for name, figure in draw.items():
        canvas.save(figure(), place.folder / f"{name}.svg")
        assert (place.folder / f"{name}.svg").stat().st_size > 1000
