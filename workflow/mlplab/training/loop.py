"""The training loop that all implementations share (article items B8 to B11, C3)."""

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

import torch

from mlplab import optimizers
from mlplab.activations import Activation
from mlplab.datasets.batches import Batches
from mlplab.datasets.order import epoch_order
from mlplab.datasets.store import Dataset, Split, held_out
from mlplab.implementations import Build, Network
from mlplab.initializers import initial_parameters
from mlplab.study.settings import Settings
from mlplab.training import devices
from mlplab.training.devices import CPU
from mlplab.training.diagnostics import Diagnosis, Probe
from mlplab.training.epoch import EPOCH_SCORES, Loop, Sums, evaluation_pass, prepared, training_pass

# Evaluation looks at this many images at a time; the number changes no result.
EVALUATION_BATCH = 1000


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
    cpu_seconds: float
    samples_per_second: float
    timestamp: int
    # What EPOCH_SCORES measure, as <split>_<name>.
    further: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, float]:
        """Column name → value of what was measured."""
        measured = {name: value for name, value in asdict(self).items() if value is not None}
        further = measured.pop("further")
        return {**measured, **further}

    @property
    def is_finite(self) -> bool:
        """Whether all losses are finite."""
        losses = (self.training_loss, self.validation_loss, self.test_loss)
        return all(math.isfinite(loss) for loss in losses if loss is not None)


@dataclass(frozen=True)
class Checkpoint:
    """All that it takes to go on with a run after the last epoch of its history.

    Nothing else: the order of the next epoch depends on seed and epoch alone, and a network has no
    state but its parameters, which are on the CPU here.
    """

    parameters: dict[str, torch.Tensor]
    history: list[Epoch]
    diagnoses: list[Diagnosis]
    evaluation_seconds: float
    diagnostics_seconds: float


@dataclass
class Trained:
    """A run, finished or under way: the network, its history and whether it stayed finite.

    Once it is over, `logits` has those of every split that it was scored on, n × c, on the CPU.
    """

    network: Network
    history: list[Epoch] = field(default_factory=list)
    logits: dict[str, torch.Tensor] = field(default_factory=dict)
    status: Literal["finished", "diverged"] = "finished"
    diagnoses: list[Diagnosis] = field(default_factory=list)
    evaluation_seconds: float = 0.0
    diagnostics_seconds: float = 0.0

    def checkpoint(self) -> Checkpoint:
        """Where the run stands."""
        return Checkpoint(
            {
                n: value.detach().cpu().contiguous()
                for n, value in self.network.parameters().items()
            },
            self.history,
            self.diagnoses,
            self.evaluation_seconds,
            self.diagnostics_seconds,
        )

    @property
    def training_seconds(self) -> float:
        """Seconds spent in training steps, evaluation left out."""
        return sum(epoch.seconds for epoch in self.history)

    @property
    def seconds_per_epoch(self) -> float:
        """Median seconds of training per epoch."""
        return statistics.median(epoch.seconds for epoch in self.history)

    @property
    def cpu_seconds_per_epoch(self) -> float:
        """Median seconds of processor time per epoch of training, of all threads together."""
        return statistics.median(epoch.cpu_seconds for epoch in self.history)


def train_epoch(network: Network, batches: Batches, order: torch.Tensor) -> tuple[float, float]:
    """One epoch (B8): mean training loss and training accuracy, measured on the fly."""
    sums = Sums(batches.device)
    training_pass(network, batches, order, sums)
    loss, accuracy = sums.means(len(order))
    return loss, accuracy


def evaluate(network: Network, batches: Batches, count: int) -> tuple[float, float]:
    """Mean loss and accuracy over all `count` examples, without gradients (B7, B9)."""
    sums = Sums.of_scores(batches.device)
    evaluation_pass(network, batches, sums)
    loss, accuracy, *_ = sums.means(count)
    return loss, accuracy


def splits(
    data: Dataset, settings: Settings, read_test: bool, device: torch.device, dtype: torch.dtype
) -> tuple[Split, dict[str, Split]]:
    """What is trained on and, by name, what every epoch is scored on, where the run computes."""
    training, validation = held_out(data.training, settings.validation_size)
    scored = {"validation": validation} if settings.validation_size else {}
    if read_test:
        scored["test"] = data.test
    return training.on(device, dtype), {n: split.on(device, dtype) for n, split in scored.items()}


def measured(
    number: int,
    count: int,
    seconds: float,
    means: Mapping[str, Sequence[float]],
    cpu_seconds: float = math.nan,
) -> Epoch:
    """An epoch that trained on `count` examples, from loss, accuracy and so on of each split.

    Without `cpu_seconds` the processor time is not known.
    """
    losses = {f"{name}_loss": loss for name, (loss, *_) in means.items()}
    accuracies = {f"{name}_accuracy": accuracy for name, (_, accuracy, *_) in means.items()}
    further = {
        f"{split}_{name}": mean
        for split, (_, _, *others) in means.items()
        # While it trains, a network is measured by loss and accuracy alone.
        for name, mean in zip(EPOCH_SCORES, others, strict=False)
    }
    return Epoch(
        epoch=number,
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        samples_per_second=count / seconds,
        timestamp=time.time_ns() // 1_000_000,
        further=further,
        **losses,
        **accuracies,
    )


def train(
    build: Build,
    activation: Activation,
    data: Dataset,
    settings: Settings,
    seed: int,
    on_epoch: Callable[[Trained], None] = lambda trained: None,
    dtype: torch.dtype = torch.float32,
    read_test: bool = True,
    device: torch.device = CPU,
    earlier: Checkpoint | None = None,
) -> Trained:
    """Train one network from the seed's parameters, in the seed's order (B10).

    With a checkpoint of an `earlier` attempt the run goes on from there, and ends bit for bit as if
    it had never been interrupted. After each epoch `on_epoch` gets the run as it stands. A loss
    that is not finite ends the run early, with the status "diverged". With `read_test=False` the
    test split is left alone: a selection among runs must not see it. Parameters and order are the
    same on every `device`.
    """
    training_split, scored = splits(data, settings, read_test, device, dtype)
    sizes = (data.pixels, *settings.hidden_sizes, data.classes)
    start_from = (
        earlier.parameters
        if earlier
        else initial_parameters(
            sizes, seed, settings.weight_std, settings.bias_init, dtype, activation.parameters
        )
    )
    parameters = {name: value.to(device) for name, value in start_from.items()}
    training = Batches(training_split, settings.batch_size, dtype)
    evaluated = {name: Batches(split, EVALUATION_BATCH, dtype) for name, split in scored.items()}
    count = len(training)

    def make() -> Loop:
        network = build(parameters, activation, optimizers.of(settings))
        return Loop(network, training, evaluated, torch.arange(count, device=device))

    loop, train_pass, score_pass = prepared(make)
    network = loop.network
    probe = Probe(training_split, settings.batch_size, activation, dtype)
    trained = Trained(network)
    if earlier:
        trained.history += earlier.history
        trained.diagnoses += earlier.diagnoses
        trained.evaluation_seconds = earlier.evaluation_seconds
        trained.diagnostics_seconds = earlier.diagnostics_seconds
        if len(earlier.history) == settings.epochs:
            # No epoch is left that would do it.
            score_pass()
    else:
        trained.diagnoses += probe.diagnose(0, network.parameters())
        trained.diagnoses += probe.values(0, network.parameters())
    for number in range(len(trained.history) + 1, settings.epochs + 1):
        start, cpu_start = time.perf_counter(), time.process_time()
        devices.send(epoch_order(count, seed, number), loop.order)
        train_pass()
        # Reading them waits for the device: the seconds are those of the whole pass.
        means = {"training": loop.means("training")}
        end, cpu_end = time.perf_counter(), time.process_time()
        seconds = end - start
        score_pass()
        means |= {name: loop.means(name) for name in scored}
        start = time.perf_counter()
        trained.evaluation_seconds += start - end
        trained.diagnoses.extend(probe.diagnose(number, network.parameters()))
        epoch = measured(number, count, seconds, means, cpu_end - cpu_start)
        if number == settings.epochs and epoch.is_finite:
            every = Batches(training_split, EVALUATION_BATCH, dtype)
            trained.diagnoses += probe.dead_throughout(number, network.parameters(), every)
            trained.diagnoses += probe.values(number, network.parameters())
        trained.diagnostics_seconds += time.perf_counter() - start
        trained.history.append(epoch)
        if not epoch.is_finite:
            trained.status = "diverged"
        on_epoch(trained)
        if trained.status == "diverged":
            break
    trained.logits = {name: loop.logits(name).cpu() for name in scored}
    return trained
