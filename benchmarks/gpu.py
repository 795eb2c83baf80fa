"""On a CUDA device: one run of the article's network, and 100 seeds of it as one computation.

Where there is none, nothing is timed: only that seeds trained at once agree with separate runs is
measured, on the CPU with few images.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import torch

from benchmarks.measure import data_file, spread, table
from benchmarks.seeds import train_seeds
from mlplab import activations, implementations
from mlplab.datasets import store
from mlplab.study.settings import Settings
from mlplab.training import devices
from mlplab.training.loop import Epoch, Trained, train
from mlplab.training.precision import use_fast_products

# Seconds that are aimed at: ten epochs of one run, and all seeds of one cell.
RUN_GOAL, SEEDS_GOAL = 0.25, 4.0
SEEDS, PASSES = 100, 5
FEW_IMAGES, FEW_SEEDS = 3000, 3

Outcome = TypeVar("Outcome")


def _timed(work: Callable[[], Outcome]) -> tuple[float, Outcome]:
    """Seconds of some work that waits for the device before it returns, and what it returns."""
    start = time.perf_counter()
    outcome = work()
    return time.perf_counter() - start, outcome


def one_run(name: str, data: store.Dataset, device: torch.device) -> dict[str, Any]:
    """Runs of an implementation one after another, the first of which is not counted.

    `epochs` are seconds of ten epochs with test set and diagnoses, from the first one's end to the
    last one's; `whole` is the whole run, with the data's way to the device and the recording.
    """
    build, relu = implementations.load(name), activations.load("relu")
    ends: list[float] = []

    def note(_: Trained) -> None:
        ends.append(time.perf_counter())

    def once() -> Trained:
        ends.clear()
        return train(build, relu, data, Settings(), 0, note, device=device)

    once()
    epochs, whole = [], []
    for _ in range(PASSES):
        seconds, run = _timed(once)
        whole.append(seconds)
        epochs.append((ends[-1] - ends[0]) * len(ends) / (len(ends) - 1))
    accuracies = [epoch.test_accuracy for epoch in run.history]
    return {"epochs": spread(epochs), "whole": spread(whole), "test_accuracy": accuracies}


def many_seeds(data: store.Dataset, device: torch.device) -> dict[str, Any]:
    """All seeds of a cell at once, again and again; the first time is not counted."""
    relu, seeds = activations.load("relu"), range(SEEDS)

    def once() -> list[Trained]:
        return train_seeds(relu, data, Settings(), seeds, device=device)

    once()
    whole = []
    for _ in range(PASSES):
        seconds, runs = _timed(once)
        whole.append(seconds)
    accuracies = torch.tensor([[epoch.test_accuracy for epoch in run.history] for run in runs])
    return {
        "seeds": SEEDS,
        "whole": spread(whole),
        "test_accuracy": accuracies.mean(dim=0).tolist(),
    }


def _tested(epoch: Epoch) -> float:
    assert epoch.test_accuracy is not None
    return epoch.test_accuracy


def _differences(one: Trained, other: Trained) -> dict[str, float]:
    """Greatest differences of two runs in loss, test accuracy and parameters."""
    rows = list(zip(one.history, other.history, strict=True))
    parameters = other.network.parameters()
    return {
        "loss": max(abs(a.training_loss - b.training_loss) for a, b in rows),
        "test_accuracy": max(abs(_tested(a) - _tested(b)) for a, b in rows),
        "parameters": max(
            (value - parameters[name]).abs().max().item()
            for name, value in one.network.parameters().items()
        ),
    }


def agreement(
    data: store.Dataset, settings: Settings, seeds: Sequence[int], device: torch.device
) -> dict[str, dict[str, float]]:
    """By dtype, how far seeds that train at once are at most from separate runs of `manual`."""
    build, relu = implementations.load("manual"), activations.load("relu")
    greatest = {}
    for dtype in (torch.float64, torch.float32):
        at_once = train_seeds(relu, data, settings, seeds, dtype, device=device)
        differences = [
            _differences(run, train(build, relu, data, settings, seed, dtype=dtype, device=device))
            for run, seed in zip(at_once, seeds, strict=True)
        ]
        greatest[str(dtype).removeprefix("torch.")] = {
            quantity: max(each[quantity] for each in differences) for quantity in differences[0]
        }
    return greatest


def few(data: store.Dataset) -> store.Dataset:
    """The first images of each split."""
    first = slice(FEW_IMAGES)
    training, test = (split[first] for split in (data.training, data.test))
    return replace(data, training=training, test=test)


def main() -> dict[str, Any]:
    """One run of each implementation that knows CUDA, many seeds, and their agreement."""
    torch.set_num_threads(1)
    data = store.load(data_file("data.safetensors"))
    device = devices.choose("auto")
    products, error = use_fast_products(device)
    result = {
        "device": devices.name(device),
        "cuda": torch.version.cuda,
        "products": products,
        "error": error,
    }
    seeds = range(FEW_SEEDS)
    if device.type == "cpu":
        small = Settings(epochs=3)
        return {
            **result,
            "not_measured": "no CUDA device: not measured",
            "agreement": agreement(few(data), small, seeds, device),
        }
    names = [
        name
        for name in implementations.names()
        if "cuda" in implementations.devices(implementations.source(name))
    ]
    return {
        **result,
        "runs": {name: one_run(name, data, device) for name in names},
        "many": many_seeds(data, device),
        "agreement": agreement(data, Settings(), seeds, device),
    }


def _agreement(result: dict[str, Any]) -> str:
    rows = [
        [dtype, *(f"{value:.1e}" for value in greatest.values())]
        for dtype, greatest in result["agreement"].items()
    ]
    heading = ["greatest difference", "training loss", "test accuracy", "parameters"]
    return f"""Seeds that train at once, against the same seeds one by one with `manual`:

{table(heading, rows)}"""


def page(result: dict[str, Any]) -> str:
    """Seconds and agreement as a section of Markdown."""
    products = f"{result['products']!r} (relative error {result['error']:.1e})"
    heading = f"""## On a GPU

Device: {result["device"]}; CUDA {result["cuda"]}; products {products}."""
    if "not_measured" in result:
        return f"""{heading}
{result["not_measured"]}. The agreement below is of {FEW_IMAGES} images on the CPU.

{_agreement(result)}"""
    runs = [
        [
            name,
            f"{run['epochs']['median']:.3f}",
            f"{run['whole']['median']:.3f}",
            f"{run['whole']['min']:.3f} to {run['whole']['max']:.3f}",
            f"{run['test_accuracy'][-1]:.4f}",
        ]
        for name, run in result["runs"].items()
    ]
    columns = ["one run", "10 epochs, s", "whole run, s", "least to greatest", "test accuracy"]
    many = result["many"]
    whole = many["whole"]
    return f"""{heading}
Ten epochs of 784-256-10 with ReLU on Fashion-MNIST, test accuracy and diagnoses after each;
medians of {PASSES} runs in a process that has made one before. A whole run also moves the data to
the device and records its graphs. Aimed at: {RUN_GOAL} s for the ten epochs.

{table(columns, runs)}
{many["seeds"]} seeds at once, from their first parameters to their last diagnoses:
{whole["median"]:.2f} s ({whole["min"]:.2f} to {whole["max"]:.2f}); mean test accuracy
{many["test_accuracy"][-1]:.4f}. Aimed at: {SEEDS_GOAL:.0f} s.

{_agreement(result)}"""
