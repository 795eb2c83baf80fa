"""Checkpoints: what is written comes back, what cannot be used is left, what is killed goes on."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from mlplab.files import read_json
from mlplab.study.record import CHECKPOINT, RunFiles, read_rows
from mlplab.training import checkpoints
from mlplab.training.checkpoints import Saved
from mlplab.training.diagnostics import Diagnosis
from mlplab.training.loop import Checkpoint, Epoch

FRESH = Saved("key", started=7)
TIMES = ("seconds", "cpu_seconds", "samples_per_second", "timestamp")


def checkpoint() -> Checkpoint:
    generator = torch.Generator().manual_seed(0)
    epochs = [
        Epoch(
            epoch=number,
            training_loss=0.1 + number / 3,
            training_accuracy=1 / 7,
            seconds=1e-3 / 3,
            cpu_seconds=1e-3 / 7,
            samples_per_second=1e5 / 3,
            timestamp=1_700_000_000_000 + number,
        )
        for number in (1, 2)
    ]
    return Checkpoint(
        {"W1": torch.randn(3, 2, generator=generator), "b1": torch.zeros(2), "W2": torch.ones(2)},
        epochs,
        [Diagnosis(1, "gradient_norm", "W1", math.inf), Diagnosis(1, "dead", "H1", 1 / 3)],
        0.1,
        0.2,
    )


def test_what_was_written_is_read_bit_for_bit(tmp_path: Path) -> None:
    path = tmp_path / CHECKPOINT
    checkpoints.write(path, replace(FRESH, started=5, resumed_after=[1]), checkpoint())
    saved = checkpoints.read(path, FRESH)
    assert (saved.started, saved.resumed_after) == (5, [1, 2])
    found, expected = saved.checkpoint, checkpoint()
    assert found is not None
    assert found.history == expected.history
    assert found.diagnoses == expected.diagnoses
    assert (found.evaluation_seconds, found.diagnostics_seconds) == (0.1, 0.2)
    assert list(tmp_path.iterdir()) == [path]
    assert list(found.parameters) == list(expected.parameters)
    for name, value in expected.parameters.items():
        assert torch.equal(found.parameters[name], value)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def garbage(path: Path) -> None:
    path.write_bytes(os.urandom(1000))


def without_text(path: Path) -> None:
    save_file({"W1": torch.zeros(1)}, path)


def of_another_version(path: Path) -> None:
    save_file({"W1": torch.zeros(1)}, path, {"run": json.dumps({"key": "key", "started": 1})})


@pytest.mark.parametrize("damage", [cut, empty, garbage, without_text, of_another_version])
def test_a_damaged_checkpoint_means_to_start_anew(
    tmp_path: Path, damage: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / CHECKPOINT
    checkpoints.write(path, FRESH, checkpoint())
    damage(path)
    assert checkpoints.read(path, FRESH) is FRESH
    assert f"{path} is damaged" in capsys.readouterr().out


def test_a_checkpoint_of_another_run_means_to_start_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / CHECKPOINT
    checkpoints.write(path, replace(FRESH, key="other"), checkpoint())
    assert checkpoints.read(path, FRESH) is FRESH
    assert "of other code, data, settings or device" in capsys.readouterr().out


def test_no_checkpoint_is_a_fresh_start(tmp_path: Path) -> None:
    assert checkpoints.read(tmp_path / CHECKPOINT, FRESH) is FRESH


def test_sigterm_is_a_request_once_and_then_what_it_was() -> None:
    received: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: received.append(number))
    try:
        with checkpoints.stop_requested() as must_stop:
            assert not must_stop()
            signal.raise_signal(signal.SIGTERM)
            assert must_stop() and not received
            signal.raise_signal(signal.SIGTERM)
            assert received == [signal.SIGTERM]
        with checkpoints.stop_requested() as must_stop:
            assert not must_stop()
        signal.raise_signal(signal.SIGTERM)
        assert received == [signal.SIGTERM] * 2
    finally:
        signal.signal(signal.SIGTERM, before)


TRAIN = """
import sys
from pathlib import Path
from mlplab.training.run import Job, train_run
from mlplab import activations, implementations
from mlplab.errors import UserError
from mlplab.study.grid import Run
from mlplab.study.record import CHECKPOINT, RunFiles

data, folder, implementation, epochs, every = sys.argv[1:]
settings = {
    "hidden_sizes": [64], "weight_std": 0.1, "bias_init": "zeros", "epochs": int(epochs),
    "batch_size": 4, "learning_rate": 0.01, "validation_size": 100,
}
run = Run(implementation, "prelu", 3, settings)
sources = implementations.source(implementation), activations.source("prelu")
job = Job(run, *sources, Path(data), 1, "test", "cpu", int(every))
files = RunFiles.at(Path(folder))
try:
    train_run(
        job, files.history, files.diagnostics, files.parameters, files.predictions, files.run
    )
except UserError as error:
    sys.exit(f"error: {error}")
"""


class Attempts:
    """A run that is trained by processes of its own."""

    def __init__(self, data: Path, folder: Path, implementation: str, every: int = 1) -> None:
        self.files = RunFiles.at(folder)
        self.checkpoint = folder / CHECKPOINT
        self.arguments = [str(data), str(folder), implementation, "8", str(every)]

    def start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-u", "-c", TRAIN, *self.arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def until_epoch(self, number: int) -> "subprocess.Popen[str]":
        """An attempt that has just said that it has trained an epoch."""
        process = self.start()
        assert process.stdout
        for line in process.stdout:
            if line.startswith(f"epoch {number:3d}:"):
                return process
        raise AssertionError("the run ended before that epoch")

    def finish(self) -> str:
        process = self.start()
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output
        return output

    def results(self) -> dict[str, Any]:
        """All that must be the same however often the run was interrupted."""
        run = read_json(self.files.run)
        changing = ("files", "digest", "started", "ended", "resumed_after", "peak_memory")
        rows = read_rows(self.files.history)
        return {
            "history": [{k: v for k, v in row.items() if k not in TIMES} for row in rows],
            "diagnostics": read_rows(self.files.diagnostics),
            "parameters": self.files.parameters.read_bytes(),
            "predictions": self.files.predictions.read_bytes(),
            "run": {k: v for k, v in run.items() if k not in changing and "seconds" not in k},
        }


@pytest.fixture
def undisturbed(tmp_path: Path, digits_folder: Path) -> Attempts:
    whole = Attempts(digits_folder / "data.safetensors", tmp_path / "whole", "manual")
    whole.finish()
    assert read_json(whole.files.run)["resumed_after"] == []
    return whole


@pytest.mark.slow
def test_a_run_killed_and_stopped_and_killed_again_ends_bit_for_bit_as_if_undisturbed(
    undisturbed: Attempts, tmp_path: Path, digits_folder: Path
) -> None:
    disturbed = Attempts(digits_folder / "data.safetensors", tmp_path / "disturbed", "manual")

    first = disturbed.until_epoch(2)
    first.kill()
    first.communicate()
    # It may have trained one epoch more before it died.
    after_first = len(load_metadata(disturbed.checkpoint)["history"])
    assert after_first in (1, 2, 3)
    started = load_metadata(disturbed.checkpoint)["started"]

    second = disturbed.until_epoch(after_first + 1)
    asked = time.monotonic()
    second.send_signal(signal.SIGTERM)
    output, _ = second.communicate(timeout=60)
    assert second.returncode == 1
    assert "error: stopped by SIGTERM after epoch" in output
    assert time.monotonic() - asked < 30
    assert not disturbed.files.run.exists()
    after_second = len(load_metadata(disturbed.checkpoint)["history"])
    assert f"stopped by SIGTERM after epoch {after_second} of 8" in output

    output = disturbed.finish()
    assert f"goes on after epoch {after_second}, from {disturbed.checkpoint}" in output
    assert disturbed.results() == undisturbed.results()
    run = read_json(disturbed.files.run)
    assert run["resumed_after"] == [after_first, after_second]
    assert run["started"] == started < read_rows(disturbed.files.history)[0]["timestamp"]


def load_metadata(path: Path) -> dict[str, Any]:
    with safe_open(path, "pt") as file:
        return json.loads(file.metadata()["run"])


@pytest.mark.slow
def test_between_two_checkpoints_a_stop_writes_one_more(
    undisturbed: Attempts, tmp_path: Path, digits_folder: Path
) -> None:
    data = digits_folder / "data.safetensors"
    rarely = Attempts(data, tmp_path / "rarely", "manual", every=100)
    process = rarely.until_epoch(1)
    assert not rarely.checkpoint.exists()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 1 and rarely.checkpoint.exists()
    rarely.finish()
    assert rarely.results() == undisturbed.results()


@pytest.mark.slow
def test_a_complete_run_that_is_begun_anew_is_not_trained_again(undisturbed: Attempts) -> None:
    before = undisturbed.results()
    for file in undisturbed.files.all():
        file.unlink(missing_ok=True)
    output = undisturbed.finish()
    assert "goes on after epoch 8" in output
    assert "epoch   8:" not in output
    assert undisturbed.results() == before


@pytest.mark.slow
def test_without_checkpoints_sigterm_ends_a_run_at_once(
    tmp_path: Path, digits_folder: Path
) -> None:
    without = Attempts(digits_folder / "data.safetensors", tmp_path / "run", "manual", every=0)
    process = without.until_epoch(1)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM
    assert not without.checkpoint.exists() and not without.files.run.exists()


def test_a_checkpoint_holds_tensors_that_no_code_is_run_for(tmp_path: Path) -> None:
    path = tmp_path / CHECKPOINT
    checkpoints.write(path, FRESH, checkpoint())
    assert load_file(path).keys() == {"W1", "b1", "W2"}
