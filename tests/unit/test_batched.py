"""Seeds that train at once are the runs that they would be alone, of `manual`."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.seeds import train_seeds
from conftest import all_logits
from mlplab import activations, implementations
from mlplab.datasets.store import Dataset
from mlplab.study.settings import Settings
from mlplab.training.epoch import Loop
from mlplab.training.loop import Trained, train

# 1437 training images, so that the last batch is a smaller one; two hidden layers.
SETTINGS = Settings((16, 12), 0.1, "framework", epochs=3, batch_size=100, learning_rate=0.3)
SEEDS = (0, 5, 2)
TIMES = ("seconds", "cpu_seconds", "samples_per_second", "timestamp")

every_activation = pytest.mark.parametrize("activation", activations.names())

# With parameters, and with no derivative but autograd's.
SWISH = """
import torch

PARAMETERS = {"height": 1.5, "steepness": 0.7}

def function(x, height, steepness):
    return height * x * torch.sigmoid(steepness * x)
"""


def alone(
    activation: str | Path,
    data: Dataset,
    settings: Settings,
    seed: int,
    dtype: torch.dtype = torch.float64,
) -> Trained:
    build, bend = implementations.load("manual"), activations.load(activation)
    return train(build, bend, data, settings, seed, dtype=dtype)


def assert_agree(one: Trained, other: Trained, tolerance: float) -> None:
    """The same run, with losses, diagnoses and parameters that differ by no more than rounding."""
    assert one.status == other.status
    assert len(one.history) == len(other.history)
    for row, expected in zip(one.history, other.history, strict=True):
        found, wanted = row.as_dict(), expected.as_dict()
        assert list(found) == list(wanted)
        for name in set(found) - set(TIMES):
            assert found[name] == pytest.approx(wanted[name], abs=tolerance, nan_ok=True), name
    keys = [[(d.epoch, d.quantity, d.of) for d in run.diagnoses] for run in (one, other)]
    assert keys[0] == keys[1]
    parameters = other.network.parameters()
    for name, value in one.network.parameters().items():
        torch.testing.assert_close(
            value, parameters[name], rtol=0, atol=tolerance, equal_nan=True, msg=name
        )


@every_activation
def test_in_float64_they_are_equal_to_rounding(activation: str, digits: Dataset) -> None:
    runs = train_seeds(activations.load(activation), digits, SETTINGS, SEEDS, torch.float64)
    for seed, run in zip(SEEDS, runs, strict=True):
        expected = alone(activation, digits, SETTINGS, seed)
        assert_agree(run, expected, 1e-12)
        for found, wanted in zip(run.diagnoses, expected.diagnoses, strict=True):
            assert found.value == pytest.approx(wanted.value, abs=1e-9)


@pytest.mark.parametrize("activation", ["relu", "prelu", "sigmoid"])
@pytest.mark.parametrize("batch_size", [32, 1437, 10**6])
def test_in_float32_they_are_equal_to_its_rounding(
    activation: str, batch_size: int, digits: Dataset
) -> None:
    settings = replace(SETTINGS, batch_size=batch_size)
    runs = train_seeds(activations.load(activation), digits, settings, SEEDS)
    for seed, run in zip(SEEDS, runs, strict=True):
        # Rounding may decide a single image near the border of two classes.
        assert_agree(run, alone(activation, digits, settings, seed, torch.float32), 3e-3)
        assert {value.dtype for value in run.network.parameters().values()} == {torch.float32}


def test_an_activation_of_ones_own_needs_no_derivatives(tmp_path: Path, digits: Dataset) -> None:
    path = tmp_path / "swish.py"
    path.write_text(SWISH)
    (run,) = train_seeds(activations.load(path), digits, SETTINGS, [7], torch.float64)
    assert_agree(run, alone(path, digits, SETTINGS, 7), 1e-12)
    parameters = run.network.parameters()
    assert parameters["height1"].item() != 1.5
    assert parameters["height1"].shape == (1,)


def test_they_are_scored_on_what_a_run_is_scored_on(digits: Dataset) -> None:
    settings = replace(SETTINGS, validation_size=137)
    relu = activations.load("relu")
    both, unread = (
        train_seeds(relu, digits, settings, SEEDS, torch.float64, read_test)
        for read_test in (True, False)
    )
    for seed, run, blind in zip(SEEDS, both, unread, strict=True):
        assert_agree(run, alone("relu", digits, settings, seed), 1e-12)
        assert all(row.test_loss is None for row in blind.history)
        assert [row.validation_loss for row in blind.history] == [
            row.validation_loss for row in run.history
        ]


def test_a_seed_does_not_depend_on_those_beside_it(digits: Dataset) -> None:
    relu = activations.load("relu")
    (one,) = train_seeds(relu, digits, SETTINGS, [5], torch.float64)
    runs = train_seeds(relu, digits, SETTINGS, [8, 5], torch.float64)
    assert_agree(one, runs[1], 1e-12)
    assert runs[0].history[-1].test_loss != runs[1].history[-1].test_loss


def test_a_seed_that_diverges_ends_alone(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = Loop.train
    steps: list[int] = []

    def spoiled(loop: Loop) -> None:
        steps.append(len(steps))
        if len(steps) == 2:
            loop.network.parameters()["W1"][1] = math.nan
        usual(loop)

    monkeypatch.setattr(Loop, "train", spoiled)
    seeds = (0, 5, 2)
    runs = train_seeds(activations.load("relu"), digits, SETTINGS, seeds, torch.float64)
    monkeypatch.undo()
    assert [run.status for run in runs] == ["finished", "diverged", "finished"]
    assert [len(run.history) for run in runs] == [3, 2, 3]
    assert math.isnan(runs[1].history[-1].training_loss)
    assert {diagnosis.epoch for diagnosis in runs[1].diagnoses} == {0, 1, 2}
    for seed, run in ((0, runs[0]), (2, runs[2])):
        assert_agree(run, alone("relu", digits, SETTINGS, seed), 1e-12)


def test_where_all_diverge_they_end_early(digits: Dataset) -> None:
    settings = replace(SETTINGS, learning_rate=1e200, epochs=9)
    runs = train_seeds(activations.load("relu"), digits, settings, SEEDS, torch.float64)
    for seed, run in zip(SEEDS, runs, strict=True):
        expected = alone("relu", digits, settings, seed)
        assert run.status == expected.status == "diverged"
        assert len(run.history) == len(expected.history) < 9


def test_each_run_has_a_network_of_its_own(digits: Dataset) -> None:
    runs = train_seeds(activations.load("prelu"), digits, SETTINGS, SEEDS)
    for run in runs:
        assert {type(value) for value in run.network.parameters().values()} == {torch.Tensor}
        logits = all_logits(run.network, digits.test)
        correct = (logits.argmax(dim=1) == digits.test.labels).double().mean().item()
        assert correct == pytest.approx(run.history[-1].test_accuracy, abs=1 / len(digits.test))
    first, second = (run.network.parameters()["W1"] for run in runs[:2])
    assert not torch.equal(first, second)


def test_seconds_are_a_runs_share(digits: Dataset) -> None:
    runs = train_seeds(activations.load("relu"), digits, SETTINGS, SEEDS)
    assert len({row.seconds for run in runs for row in run.history}) == SETTINGS.epochs
    last = runs[0].history[-1]
    assert last.samples_per_second == pytest.approx(1437 / last.seconds)
    assert all(run.diagnostics_seconds > 0 for run in runs)
