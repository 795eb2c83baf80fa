"""What only a GPU can tell: `pytest tests/cuda` on a machine with one; no part of `make test`."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from benchmarks.seeds import train_seeds
from mlplab import activations, implementations
from mlplab.datasets.store import Dataset
from mlplab.files import read_json
from mlplab.study.grid import Run
from mlplab.study.settings import Settings
from mlplab.training import devices
from mlplab.training.epoch import Loop
from mlplab.training.loop import Trained, train
from mlplab.training.precision import FLOAT32_GRADE, product_error, use_fast_products
from mlplab.training.run import Job, train_run

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device")

SETTINGS = Settings((16, 12), 0.1, "framework", epochs=3, batch_size=100, validation_size=37)
ON_CUDA = [
    name
    for name in implementations.names()
    if "cuda" in implementations.devices(implementations.source(name))
]


def run(data: Dataset, name: str, activation: str, device: torch.device) -> Trained:
    build, bend = implementations.load(name), activations.load(activation)
    return train(build, bend, data, SETTINGS, 3, dtype=torch.float64, device=device)


def assert_agree(one: Trained, other: Trained) -> None:
    for row, expected in zip(one.history, other.history, strict=True):
        for split in ("training", "validation", "test"):
            for metric in (f"{split}_loss", f"{split}_accuracy"):
                assert getattr(row, metric) == pytest.approx(getattr(expected, metric), abs=1e-9)
    for found, wanted in zip(one.diagnoses, other.diagnoses, strict=True):
        assert found.value == pytest.approx(wanted.value, abs=1e-6)
    for split, logits in one.logits.items():
        torch.testing.assert_close(logits, other.logits[split], rtol=0, atol=1e-9)
    parameters = other.network.parameters()
    for name, value in one.network.parameters().items():
        torch.testing.assert_close(value.cpu(), parameters[name].cpu(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ON_CUDA)
@pytest.mark.parametrize("activation", activations.names())
def test_a_run_on_cuda_is_recorded_and_is_the_run_on_the_cpu(
    name: str, activation: str, digits: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(digits, name, activation, devices.choose("cuda"))
    assert "not recorded" not in capsys.readouterr().out
    assert_agree(found, run(digits, name, activation, devices.CPU))


@pytest.mark.parametrize("name", ON_CUDA)
def test_a_recorded_run_is_the_one_step_by_step(
    name: str, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = run(digits, name, "prelu", devices.choose("cuda"))
    monkeypatch.setattr(devices, "MOST_STEPS", 0)
    assert_agree(recorded, run(digits, name, "prelu", devices.choose("cuda")))


def test_a_pass_waits_for_nothing_while_it_is_run(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbid(work: Callable[[Loop], None]) -> Callable[[Loop], None]:
        def call(loop: Loop) -> None:
            torch.cuda.set_sync_debug_mode("error")
            try:
                work(loop)
            finally:
                torch.cuda.set_sync_debug_mode("default")

        return call

    monkeypatch.setattr(devices, "MOST_STEPS", 0)
    monkeypatch.setattr(Loop, "train", forbid(Loop.train))
    monkeypatch.setattr(Loop, "evaluate", forbid(Loop.evaluate))
    for name in ON_CUDA:
        run(digits, name, "prelu", devices.choose("cuda"))


@pytest.mark.parametrize("activation", ["relu", "prelu"])
def test_seeds_at_once_are_those_alone(
    activation: str, digits: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    bend, device = activations.load(activation), devices.choose("cuda")
    runs = train_seeds(bend, digits, SETTINGS, [3, 8], torch.float64, device=device)
    assert "not recorded" not in capsys.readouterr().out
    assert_agree(runs[0], run(digits, "manual", activation, device))


WAITING = """
from mlplab.implementations.scratch import Network as Scratch

DEVICES = ("cpu", "cuda")

class Network(Scratch):
    def train_step(self, images, labels):
        loss, correct = super().train_step(images, labels)
        assert loss.item() == loss.item()
        return loss, correct
"""


def test_what_waits_is_run_step_by_step(
    tmp_path: Path, digits: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "waiting.py"
    path.write_text(WAITING)
    build, relu = implementations.load(path), activations.load("relu")
    waiting = train(
        build, relu, digits, SETTINGS, 3, dtype=torch.float64, device=devices.choose("cuda")
    )
    assert "not recorded as a CUDA graph" in capsys.readouterr().out
    assert_agree(waiting, run(digits, "scratch", "relu", devices.CPU))


def test_products_are_float32_grade(matmul_precision: None) -> None:
    device = devices.choose("cuda")
    _, error = use_fast_products(device)
    assert error == product_error(device=device) <= FLOAT32_GRADE


@pytest.mark.parametrize(("name", "on_gpu"), [("manual", True), ("numpy", False)])
def test_the_record_names_the_device(
    name: str, on_gpu: bool, digits_folder: Path, tmp_path: Path, matmul_precision: None
) -> None:
    source, relu = implementations.source(name), activations.source("relu")
    settings = asdict(SETTINGS) | {"hidden_sizes": [16, 12]}
    job = Job(
        Run(name, "relu", 0, settings), source, relu, digits_folder / "data.safetensors", 1, "test"
    )
    outputs = [tmp_path / f"{number}" for number in range(5)]
    train_run(job, *outputs)
    record = read_json(outputs[-1])
    assert record["status"] == "finished"
    assert record["device"] == (devices.name(devices.choose("cuda")) if on_gpu else "cpu")
