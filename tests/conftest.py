"""What several test modules share."""

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import hypothesis
import pandas as pd
import pytest
import torch

from mlplab import datasets, initializers
from mlplab.analysis.curves import curves_table
from mlplab.datasets import store
from mlplab.datasets.batches import Batches
from mlplab.datasets.decode import decode
from mlplab.files import file_digest
from mlplab.implementations import Network
from mlplab.judging.corpus import read
from mlplab.study.documents import (
    Bound,
    Evaluation,
    GitState,
    Machine,
    Manifest,
    RunInfo,
    SplitCounts,
    write_document,
)
from mlplab.study.metrics import METRICS
from mlplab.study.record import RunFiles, RunRecord, write_rows
from mlplab.study.settings import Settings
from mlplab.training.loop import EVALUATION_BATCH

REPOSITORY = Path(__file__).parent.parent
CORPUS = read(REPOSITORY / "tests" / "mistakes")

# Processes that tests start import this checkout's library, also from a linked environment.
os.environ["PYTHONPATH"] = str(REPOSITORY / "workflow")

# The same inputs in every run; `--hypothesis-profile=search` looks for others.
hypothesis.settings.register_profile(
    "same", derandomize=True, max_examples=50, deadline=None, database=None
)
hypothesis.settings.register_profile("search", max_examples=2000, deadline=None)
hypothesis.settings.load_profile("same")


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Small products are slower on several threads, and other tests may need the cores."""
    torch.set_num_threads(1)


def settle(*files: Path) -> None:
    """Wait until files of a data set have not changed for so long that it can be shared."""
    latest = max(file.stat().st_ctime_ns for file in files)
    time.sleep(max(0, (latest + store.SETTLED_NS - time.time_ns()) / 1e9) + 0.01)


@torch.no_grad()
def all_logits(network: Network, split: store.Split) -> torch.Tensor:
    """Logits in float32 of all images of a split, n × c, asked for anew."""
    batches = Batches(split, EVALUATION_BATCH, torch.float32)
    return torch.cat([network.logits(images) for images, _ in batches.in_order()])


@pytest.fixture
def matmul_precision() -> Iterator[None]:
    """Put the process-wide precision of float32 products back after a test that changes it."""
    before = torch.get_float32_matmul_precision()
    yield
    torch.set_float32_matmul_precision(before)


@pytest.fixture(scope="session")
def digits_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the decoded digits: data.safetensors and manifest.json."""
    folder = tmp_path_factory.mktemp("digits")
    decode(datasets.info("digits"), {}, {}, folder / "data.safetensors", folder / "manifest.json")
    return folder


@pytest.fixture(scope="session")
def digits(digits_folder: Path) -> store.Dataset:
    """scikit-learn's digits, decoded and loaded."""
    return store.load(digits_folder / "data.safetensors")


@pytest.fixture(scope="session")
def wrong_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every wrong implementation of tests/mistakes, as a file of its own."""
    folder = tmp_path_factory.mktemp("wrong")
    for name, wrong in CORPUS.wrong.items():
        (folder / f"{name}.py").write_text(wrong.source(), encoding="utf-8")
    return folder


@pytest.fixture
def wrong(request: pytest.FixtureRequest, wrong_folder: Path) -> Callable[[str], Path]:
    """The file of a wrong implementation; a test that fails shows its source."""

    def path(name: str) -> Path:
        file = wrong_folder / f"{name}.py"
        request.node.add_report_section("call", file.name, file.read_text(encoding="utf-8"))
        return file

    return path


def initial_parameters(
    sizes: Sequence[int],
    seed: int,
    weight_std: float = Settings.weight_std,
    bias_init: str = Settings.bias_init,
    dtype: torch.dtype | None = None,
    activation_parameters: Mapping[str, float] = initializers.NONE,
) -> dict[str, torch.Tensor]:
    """The library's initial parameters, with the article's settings where none are given."""
    return initializers.initial_parameters(
        sizes, seed, weight_std, bias_init, dtype, activation_parameters
    )


def epoch_row(number: int, **metrics: float) -> dict[str, float]:
    """A row of a history, with metrics that have many digits."""
    usual = {
        "training_loss": 1 / (number + 1),
        "training_accuracy": 1 - 1 / (number + 2),
        "test_loss": 1.1 / (number + 1),
        "test_accuracy": 0.5,
        "seconds": 0.1 * number,
        "cpu_seconds": 0.09 * number,
        "samples_per_second": 1000 / number,
        "timestamp": 1_700_000_000_000 + 1000 * number,
    }
    return {"epoch": number, **usual, **metrics}


def evaluated(
    accuracy: float, loss: float, split: str = "test", macro_f1: float = 1 / 3
) -> dict[str, float | None]:
    """The metrics that evaluation finds; those that no test asks for are 0.25."""
    any_value = {metric.named(split): 0.25 for metric in METRICS if metric.from_predictions}
    return any_value | {
        f"{split}_accuracy": accuracy,
        "macro_f1": macro_f1,
        "negative_log_likelihood": loss if math.isfinite(loss) else None,
    }


def bound(met: bool = True) -> Bound:
    """A bound of B11 that is met, or missed."""
    return Bound(value=0.5 if met else 0.9, above=None, below=0.7, met=met)


def run_info(values: dict[str, Any]) -> RunInfo:
    """What run.json says, with the usual circumstances."""
    usual: dict[str, Any] = {
        "dataset": "digits",
        "device": "cpu",
        "threads": 1,
        "matmul_precision": "highest",
        "data_digest": "d" * 64,
        "code_digest": "c" * 64,
        "files": {},
        "versions": {"torch": "2.15.0"},
        "git": GitState("c0ffee", True),
        "machine": Machine("Some Processor", 2, "Linux", "3.11", {}),
        "peak_memory": 400_000_000,
        "diagnostics_seconds": 0.1,
        "cpu_seconds_per_epoch": 0.2,
    }
    return RunInfo(**usual | values)


def run_record(
    path: str = "scratch/relu/seed=0", history: list[dict[str, float]] | None = None, **run: Any
) -> RunRecord:
    """The record of a run of two classes, as training and evaluation write it."""
    implementation, activation, seed = path.split("/")[:3]
    history = history or [epoch_row(1), epoch_row(2), epoch_row(3)]
    loss = history[-1]["test_loss"]
    settings = {
        "hidden_sizes": [8, 4],
        "weight_std": 0.1,
        "bias_init": "zeros",
        "epochs": len(history),
        "batch_size": 32,
        "learning_rate": 1,
    }
    return RunRecord(
        run=run_info(
            {
                "run": path,
                "implementation": implementation,
                "activation": activation,
                "seed": int(seed.removeprefix("seed=")),
                "settings": settings | run.pop("settings", {}),
                "axes": [],
                "scored_on": "test",
                "status": "finished",
                "error": None,
                "sanity": {"training_loss": bound(), "test_accuracy": bound()},
                "started": 1_700_000_000_000,
                "ended": 1_700_000_009_000,
                "resumed_after": [],
                "parameter_count": 26,
                "training_seconds": 0.6,
                "seconds_per_epoch": 0.2,
                "evaluation_seconds": 0.012,
                "git": GitState("f" * 40, False),
                **run,
            }
        ),
        history=history,
        evaluation=Evaluation(
            images=4,
            split=run.get("scored_on", "test"),
            metrics=evaluated(history[-1]["test_accuracy"], loss, run.get("scored_on", "test")),
            per_class=[
                {"class": name, "precision": 0.5, "recall": 1.0, "f1": 2 / 3, "images": 2}
                for name in ("cat", "dog")
            ],
            confusion=[[2, 0], [2, 0]],
        ),
        diagnostics=[
            {"epoch": epoch, "quantity": quantity, "of": of, "value": 0.1 * (epoch + 1)}
            for epoch in range(len(history) + 1)
            for quantity, of in (("gradient_norm", "W1"), ("gradient_norm", "W2"), ("dead", "H1"))
        ],
    )


def failed_record(path: str = "scratch/relu/seed=0", **run: Any) -> RunRecord:
    """The record of a run whose implementation is broken, as training and evaluation write it."""
    record = run_record(
        path,
        **{
            "status": "failed",
            "error": "mine.py:7: train_step(images, labels) fails: ValueError: no",
            "sanity": {},
            "parameter_count": None,
            "training_seconds": None,
            "seconds_per_epoch": None,
            "cpu_seconds_per_epoch": None,
            "evaluation_seconds": None,
            "diagnostics_seconds": None,
            **run,
        },
    )
    nothing = {"precision": 0.0, "recall": 0.0, "f1": 0.0, "images": 0}
    evaluation = replace(
        record.evaluation,
        images=0,
        metrics=dict.fromkeys(record.evaluation.metrics),
        per_class=[{"class": name, **nothing} for name in ("cat", "dog")],
        confusion=[[0, 0], [0, 0]],
    )
    return RunRecord(record.run, [], evaluation, [])


def curves_of(
    records: Mapping[str, Sequence[RunRecord]], split: str = "test"
) -> tuple[pd.DataFrame, list[str], str]:
    """What the figure of training curves is drawn from: the runs of each implementation."""
    every = [
        replace(each, run=replace(each.run, implementation=name))
        for name, some in records.items()
        for each in some
    ]
    return curves_table(every, [], split), list(records), split


def manifest(**values: Any) -> Manifest:
    """The manifest of a small data set of two classes."""
    usual: dict[str, Any] = {
        "name": "digits",
        "title": "Digits",
        "description": "ten images of cats and dogs",
        "homepage": "https://example.org",
        "license": "MIT",
        "citation": "A. Reader: Digits (2020)",
        "class_names": ["cat", "dog"],
        "pixel_max": 255,
        "counts": {
            split: SplitCounts(images, [2, 2], [images // 2] * 2)
            for split, images in (("training", 6), ("test", 4))
        },
        "files": [{"name": "images.gz", "url": "http://example.org/images.gz"}],
        "sha256": "a" * 64,
    }
    return Manifest(**usual | values)


def without_digests(record: RunRecord) -> RunRecord:
    """A record as `run_record` makes it: without the digests that come with its files."""
    return replace(record, run=replace(record.run, files={}))


def write_record(record: RunRecord, folder: Path) -> RunFiles:
    """Write a record's files, small stand-ins for parameters and predictions among them."""
    files = RunFiles.at(folder)
    write_rows(files.history, record.history)
    write_rows(files.diagnostics, record.diagnostics)
    files.parameters.write_bytes(b"parameters")
    files.predictions.write_bytes(b"predictions")
    written = ("history", "diagnostics", "parameters", "predictions")
    digests = {kind: file_digest(getattr(files, kind)) for kind in written}
    write_document(files.run, {**asdict(record.run), "files": digests})
    write_document(files.evaluation, asdict(record.evaluation))
    return files
