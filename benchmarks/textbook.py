"""The training loop as textbooks write it, after *Dive into Deep Learning*, chapters 3 and 4.

It is what the project's speed is compared with, and is used for nothing else.
"""

import gzip
import shutil
import tempfile
import time
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from torchvision import transforms
from torchvision.datasets import FashionMNIST

from benchmarks.measure import (
    Seconds,
    alternate,
    data_file,
    paragraph,
    ratio,
    spreads,
    table,
    torch_setting,
)
from mlplab import datasets

# Items are an image, 1 × 28 × 28 in [0, 1], and its label.
Images = TorchDataset[Any]

# The textbook asks for 4 workers on every machine, also on one with fewer cores.
warnings.filterwarnings("ignore", "This DataLoader will create")

EPOCHS = 10
PASSES = 5
# The number of processes that read data as the textbook has it, and torch's own number of threads.
AS_WRITTEN = "4 workers, all cores"
# Case → processes that read data, threads; 0 threads are torch's default.
CASES = {AS_WRITTEN: (4, 0), "0 workers, all cores": (0, 0), "0 workers, 1 thread": (0, 1)}


def fashion_mnist() -> tuple[Images, Images]:
    """Training and test set, read by torchvision from the files that the workflow downloaded."""
    with tempfile.TemporaryDirectory() as root:
        raw = Path(root, "FashionMNIST", "raw")
        raw.mkdir(parents=True)
        for file in datasets.info("fashion_mnist").files.values():
            packed = data_file(f"raw/{file.name}")
            with gzip.open(packed) as source, (raw / packed.stem).open("wb") as target:
                shutil.copyfileobj(source, target)
        read = partial(FashionMNIST, root, transform=transforms.ToTensor(), download=False)
        return read(train=True), read(train=False)


class Accumulator:
    """Sums of several quantities over batches."""

    def __init__(self, count: int) -> None:
        self.sums = [0.0] * count

    def add(self, *values: float) -> None:
        """Add to each sum its value."""
        self.sums = [total + float(value) for total, value in zip(self.sums, values, strict=True)]


def correct(logits: torch.Tensor, labels: torch.Tensor) -> float:
    """Number of right predictions."""
    right = logits.argmax(dim=1).type(labels.dtype) == labels
    return float(right.type(labels.dtype).sum())


def init_weights(module: nn.Module) -> None:
    """Weights from N(0, 0.01²); the biases keep the framework's initialisation."""
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.01)


class Textbook:
    """Network, data loaders and optimiser, on `threads` threads (0: torch's default)."""

    def __init__(self, training: Images, test: Images, workers: int = 0, threads: int = 0) -> None:
        self._threads = threads or torch.get_num_threads()
        load = partial(DataLoader, batch_size=256, num_workers=workers)
        self._training, self._test = load(training, shuffle=True), load(test, shuffle=False)
        self.network = nn.Sequential(
            nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10)
        )
        self.network.apply(init_weights)
        self._loss = nn.CrossEntropyLoss(reduction="none")
        self._optimizer = torch.optim.SGD(self.network.parameters(), lr=0.1)

    def train_epoch(self) -> tuple[float, float]:
        """One pass over the training set; returns mean loss and accuracy."""
        self.network.train()
        metric = Accumulator(3)
        for images, labels in self._training:
            logits = self.network(images)
            loss = self._loss(logits, labels)
            self._optimizer.zero_grad()
            loss.mean().backward()
            self._optimizer.step()
            metric.add(loss.sum().item(), correct(logits, labels), labels.numel())
        loss_sum, right, count = metric.sums
        return loss_sum / count, right / count

    @torch.no_grad()
    def evaluate(self) -> float:
        """Accuracy on the test set."""
        self.network.eval()
        metric = Accumulator(2)
        for images, labels in self._test:
            metric.add(correct(self.network(images), labels), labels.numel())
        right, count = metric.sums
        return right / count

    def epoch(self) -> Seconds:
        """Seconds of one more epoch, with the framework's default precision of products."""
        with torch_setting(self._threads, "highest"):
            start = time.perf_counter()
            self.train_epoch()
            middle = time.perf_counter()
            self.evaluate()
            return Seconds(middle - start, time.perf_counter() - middle)


def check(training: Images, test: Images, epochs: int = EPOCHS) -> dict[str, float]:
    """Train as the article does and hold the result against its bounds (B11)."""
    torch.manual_seed(0)
    textbook = Textbook(training, test)
    for _ in range(epochs):
        loss, accuracy = textbook.train_epoch()
        test_accuracy = textbook.evaluate()
    print(f"textbook: loss {loss:.4f}, accuracy {accuracy:.4f}, test accuracy {test_accuracy:.4f}")
    assert loss < 0.5, loss
    assert 0.7 < accuracy <= 1, accuracy
    assert 0.7 < test_accuracy <= 1, test_accuracy
    return {
        "epochs": epochs,
        "training_loss": loss,
        "training_accuracy": accuracy,
        "test_accuracy": test_accuracy,
    }


def textbooks(training: Images, test: Images) -> dict[str, Textbook]:
    """The loop with each number of workers and threads."""
    return {name: Textbook(training, test, *setting) for name, setting in CASES.items()}


def main() -> dict[str, Any]:
    """What the loop reaches, and seconds per epoch of every case."""
    training, test = fashion_mnist()
    reached = check(training, test)
    loops = textbooks(training, test)
    measured = alternate({name: loop.epoch for name, loop in loops.items()}, PASSES)
    seconds = {name: [each.epoch for each in found] for name, found in measured.items()}
    return {
        "default_threads": torch.get_num_threads(),
        "check": reached,
        "cases": {
            name: {**spreads(found), "to_as_written": ratio(seconds[name], seconds[AS_WRITTEN])}
            for name, found in measured.items()
        },
    }


def page(result: dict[str, Any]) -> str:
    """Accuracies and seconds as a section of Markdown."""
    rows = [
        [
            name,
            f"{case['training']['median']:.2f}",
            f"{case['epoch']['median']:.2f}",
            f"{case['epoch']['min']:.2f} to {case['epoch']['max']:.2f}",
            f"{case['to_as_written']:.2f}",
        ]
        for name, case in result["cases"].items()
    ]
    heading = ["data loader and torch", "training pass, s", "epoch, s", "least to greatest"]
    reached = result["check"]
    what = paragraph(
        f"""torchvision's data set with `ToTensor`, a `DataLoader` that shuffles, `nn.Sequential`,
        SGD; loss and accuracy of each batch as Python numbers; after each epoch a pass over the
        test set. All cores: torch's default number of threads, here
        {result["default_threads"]}. Medians of
        {result["cases"][AS_WRITTEN]["epoch"]["n"]} epochs, the cases alternating; ratios are
        medians of the ratios pass by pass."""
    )
    accuracies = paragraph(
        f"""After {reached["epochs"]} epochs the loop has training loss
        {reached["training_loss"]:.4f}, training accuracy {reached["training_accuracy"]:.4f} and
        test accuracy {reached["test_accuracy"]:.4f}, within the article's bounds."""
    )
    return "\n".join(
        [
            "## The textbook's loop\n",
            what,
            table([*heading, "ratio to 4 workers"], rows),
            accuracies,
        ]
    )
