"""The training loop that all implementations share (article items B8 to B11, C3)."""

import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import torch

from mlplab.activations import Activation
from mlplab.datasets.store import Dataset, Split, held_out
from mlplab.diagnostics import Diagnosis, Probe
from mlplab.implementations import Build, Network
from mlplab.parameters import epoch_order, initial_parameters

# Evaluation looks at this many images at a time; the number changes no result.
EVALUATION_BATCH = 1000

# B11, the article's sanity check at the end of a run: metric → lowest value exclusive, highest.
# Where the test set is kept for the winner of a selection, the validation split stands in for it.
SANITY_BOUNDS: dict[str, tuple[float, float]] = {
    "training_loss": (-math.inf, 0.5),
    "training_accuracy": (0.7, 1.0),
    "validation_accuracy": (0.7, 1.0),
    "test_accuracy": (0.7, 1.0),
}


@dataclass(frozen=True)
class Settings:
    """What a run trains with, apart from its implementation, activation and seed."""

    hidden_sizes: tuple[int, ...] = (256,)
    weight_std: float = 0.01
    bias_init: str = "zeros"
    epochs: int = 10
    batch_size: int = 256
    learning_rate: float = 0.1
    validation_size: int = 0

    @classmethod
    def from_mapping(cls, values: dict[str, Any]) -> "Settings":
        """Settings from plain values, as a configuration gives them."""
        return cls(**{**values, "hidden_sizes": tuple(values["hidden_sizes"])})


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """The metrics of one epoch; losses are means and accuracies shares over all examples.

    Those of a split that was not looked at are None.
    """

    epoch: int
    training_loss: float
    training_accuracy: float
    validation_loss: float | None = None
    validation_accuracy: float | None = None
    test_loss: float | None = None
    test_accuracy: float | None = None
    seconds: float
    samples_per_second: float
    timestamp: int

    def as_dict(self) -> dict[str, float]:
        """Column name → value of what was measured."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def is_finite(self) -> bool:
        """Whether all losses are finite."""
        losses = (self.training_loss, self.validation_loss, self.test_loss)
        return all(math.isfinite(loss) for loss in losses if loss is not None)


@dataclass
class Trained:
    """A finished run: the network, its history and whether it stayed finite to the end."""

    network: Network
    history: list[Epoch]
    status: Literal["finished", "diverged"]
    diagnoses: list[Diagnosis] = field(default_factory=list)
    diagnostics_seconds: float = 0.0

    @property
    def training_seconds(self) -> float:
        """Seconds spent in training steps, evaluation left out."""
        return sum(epoch.seconds for epoch in self.history)

    @property
    def seconds_per_epoch(self) -> float:
        """Median seconds of training per epoch."""
        return statistics.median(epoch.seconds for epoch in self.history)


class Batches:
    """Batches of a split as floats in [0, 1], all in one buffer that is filled anew each time."""

    def __init__(self, split: Split, batch_size: int, dtype: torch.dtype) -> None:
        self._split = split
        self._batch_size = min(batch_size, len(split))
        shape = (self._batch_size, *split.images.shape[1:])
        self._pixels = torch.empty(shape, dtype=torch.uint8)
        self._images = torch.empty(shape, dtype=dtype)

    def _scaled(self, pixels: torch.Tensor) -> torch.Tensor:
        # Copied first, so that the quotient has the precision of the parameters.
        return self._images[: len(pixels)].copy_(pixels).div_(self._split.pixel_max)

    def in_order(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Every batch of images n × h × w and labels n, in the order of the split."""
        for start in range(0, len(self._split), self._batch_size):
            stop = start + self._batch_size
            yield self._scaled(self._split.images[start:stop]), self._split.labels[start:stop]

    def shuffled(self, order: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Every batch of images n × h × w and labels n, in the given order of examples."""
        labels = self._split.labels[order]
        for chosen, batch_labels in zip(
            order.split(self._batch_size), labels.split(self._batch_size), strict=True
        ):
            pixels = self._pixels[: len(chosen)]
            torch.index_select(self._split.images, 0, chosen, out=pixels)
            yield self._scaled(pixels), batch_labels


def train_epoch(network: Network, batches: Batches, order: torch.Tensor) -> tuple[float, float]:
    """One epoch (B8): mean training loss and training accuracy, measured on the fly."""
    loss = torch.zeros((), dtype=torch.float64)
    hits = torch.zeros((), dtype=torch.int64)
    for images, labels in batches.shuffled(order):
        batch_loss, batch_hits = network.train_step(images, labels)
        loss += batch_loss
        hits += batch_hits
    return loss.item() / len(order), hits.item() / len(order)


@torch.no_grad()
def evaluate(network: Network, batches: Batches, count: int) -> tuple[float, float]:
    """Mean loss and accuracy over all `count` examples, without gradients (B7, B9)."""
    loss = torch.zeros((), dtype=torch.float64)
    hits = torch.zeros((), dtype=torch.int64)
    for images, labels in batches.in_order():
        logits = network.logits(images)
        loss += torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
        hits += (logits.argmax(dim=1) == labels).sum()
    return loss.item() / count, hits.item() / count


@torch.no_grad()
def all_logits(network: Network, split: Split, dtype: torch.dtype) -> torch.Tensor:
    """Logits of all images of a split, number of images × number of classes."""
    batches = Batches(split, EVALUATION_BATCH, dtype)
    return torch.cat([network.logits(images) for images, _ in batches.in_order()])


def train(
    build: Build,
    activation: Activation,
    data: Dataset,
    settings: Settings,
    seed: int,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    dtype: torch.dtype = torch.float32,
    read_test: bool = True,
) -> Trained:
    """Train one network from the seed's parameters, in the seed's order (B10).

    After each epoch `on_epoch` gets its metrics. A loss that is not finite ends the run early, with
    the status "diverged". With `read_test=False` the test split is left alone: a selection among
    runs must not see it.
    """
    training_split, validation_split = held_out(data.training, settings.validation_size)
    scored = {"validation": validation_split} if settings.validation_size else {}
    if read_test:
        scored["test"] = data.test
    sizes = (data.pixels, *settings.hidden_sizes, data.classes)
    parameters = initial_parameters(
        sizes, seed, settings.weight_std, settings.bias_init, dtype, activation.parameters
    )
    network = build(parameters, activation, settings.learning_rate)
    training = Batches(training_split, settings.batch_size, dtype)
    evaluated = {name: Batches(split, EVALUATION_BATCH, dtype) for name, split in scored.items()}
    probe = Probe(training_split, settings.batch_size, activation, dtype)
    count = len(training_split)
    trained = Trained(network, [], "finished", probe.diagnose(0, network.parameters()))
    for number in range(1, settings.epochs + 1):
        start = time.perf_counter()
        loss, accuracy = train_epoch(network, training, epoch_order(count, seed, number))
        seconds = time.perf_counter() - start
        scores: dict[str, float] = {}
        for name, batches in evaluated.items():
            scored_loss, scored_accuracy = evaluate(network, batches, len(scored[name]))
            scores |= {f"{name}_loss": scored_loss, f"{name}_accuracy": scored_accuracy}
        start = time.perf_counter()
        trained.diagnoses.extend(probe.diagnose(number, network.parameters()))
        trained.diagnostics_seconds += time.perf_counter() - start
        epoch = Epoch(
            epoch=number,
            training_loss=loss,
            training_accuracy=accuracy,
            seconds=seconds,
            samples_per_second=count / seconds,
            timestamp=time.time_ns() // 1_000_000,
            **scores,
        )
        trained.history.append(epoch)
        on_epoch(epoch)
        if not epoch.is_finite:
            trained.status = "diverged"
            break
    return trained


def sanity(last: Epoch) -> dict[str, dict[str, Any]]:
    """The article's bounds (B11) on the last epoch: metric → value, bounds, met or missed."""
    checks: dict[str, dict[str, Any]] = {}
    measured = last.as_dict()
    if "test_accuracy" in measured:
        measured.pop("validation_accuracy", None)
    for metric, (low, high) in SANITY_BOUNDS.items():
        if metric not in measured:
            continue
        value = measured[metric]
        # The loss must be below its bound; an accuracy may be as high as 1.
        met = value < high if metric.endswith("loss") else low < value <= high
        checks[metric] = {
            "value": value if math.isfinite(value) else None,
            "above": low if math.isfinite(low) else None,
            "below": high,
            "met": met,
        }
    return checks
