"""What a network shows: its answers to a few steps on small batches, and what is right there."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch

from mlplab.activations import Activation
from mlplab.datasets.order import epoch_order
from mlplab.implementations import Build
from mlplab.implementations import Network as AnyNetwork
from mlplab.judging.cases import Problem
from mlplab.judging.mistakes.network import Network
from mlplab.judging.values import Batch, Parameters, copies

# Rates that are as usual as any, and unlike each other; sizes as parts of the batch's size.
PROBES = (
    (0.5, (1.0, 1.0, 0.35, 1.0)),
    (0.2, (0.35, 1.0, 1.0)),
    (0.3, (0.6,)),
    (0.4, (0.8,)),
)


@dataclass(frozen=True)
class Probe:
    """One start, one learning rate, and batches in float64."""

    activation: Activation
    start: Parameters
    rate: float
    batches: tuple[Batch, ...]


@dataclass(frozen=True)
class Shown:
    """One answer: "logits", "loss", "correct" or a parameter's name, after `step` steps."""

    what: str
    step: int
    value: torch.Tensor


def probes_of(problem: Problem, activation: Activation) -> tuple[Probe, ...]:
    """Independent probes: other parameters, other examples, another learning rate in each."""
    size = min(problem.batch_size, len(problem.split) // 2)
    order = epoch_order(len(problem.split), problem.seed, 1)
    found = []
    for number, (rate, parts) in enumerate(PROBES):
        batches = []
        for part in parts:
            order = order.roll(-size)
            chosen = problem.split[order[: max(1, round(size * part))]]
            batch = chosen.scaled(problem.split.images.device, torch.float64)
            batches.append((batch.images, batch.labels))
        start = problem.start(activation, torch.float64, seed=number)
        found.append(Probe(activation, start, rate, tuple(batches)))
    return tuple(found)


def steps_of(network: AnyNetwork | Network, probe: Probe) -> Iterator[Shown]:
    """All answers of a network to a probe, in their order."""
    images, _ = probe.batches[0]
    yield Shown("logits", 0, network.logits(images.clone()).detach().clone())
    for step, (batch, labels) in enumerate(probe.batches, start=1):
        loss, correct = network.train_step(batch.clone(), labels.clone())
        yield Shown("loss", step, loss.detach().double().clone())
        yield Shown("correct", step, correct.detach().double().clone())
        for name, value in copies(network.parameters()).items():
            yield Shown(name, step, value)
        yield Shown("logits", step, network.logits(images.clone()).detach().clone())


def built(build: Build, probe: Probe) -> AnyNetwork:
    """A new network of an implementation, at a probe's start."""
    return build(copies(probe.start), probe.activation, probe.rate)


class Seen:
    """What a file showed in the first probe, for a mistake to read its strength from."""

    def __init__(self, probe: Probe, shown: list[Shown]) -> None:
        self.probe = probe
        self._values = {(one.what, one.step): one.value for one in shown}
        self.images, self.labels = probe.batches[0]
        self.count = len(self.labels)
        self.loss = self._values["loss", 1]
        self.classes = self._values["logits", 0].shape[1]

    def right(self) -> Network:
        """The right network at the start."""
        return Network(self.probe.start, self.probe.activation, self.probe.rate)

    def after(self, step: int) -> Parameters:
        """The parameters that it showed after so many steps."""
        if not step:
            return self.probe.start
        return {name: self._values[name, step] for name in self.probe.start}

    def update(self, step: int) -> Parameters:
        """What a step took off the parameters, divided by the learning rate."""
        before, after = self.after(step - 1), self.after(step)
        return {name: (before[name] - after[name]) / self.probe.rate for name in before}

    def right_gradient(self, step: int) -> Parameters:
        """The gradient on a step's batch, at the parameters that it showed before."""
        network = Network(self.after(step - 1), self.probe.activation, self.probe.rate)
        return network.gradient(*self.probe.batches[step - 1])

    @cached_property
    def gradient(self) -> Parameters:
        """What the first step followed."""
        return self.update(1)

    @cached_property
    def expected(self) -> Parameters:
        """What the first step should have followed."""
        return self.right_gradient(1)

    @cached_property
    def scores(self) -> torch.Tensor:
        """The right scores of the first batch."""
        return self.right().logits(self.images)

    @cached_property
    def expected_loss(self) -> torch.Tensor:
        """The right summed loss of the first batch."""
        return self.right().returned(self.scores, self.labels)[0]


def factor_of(
    actual: Parameters, expected: Parameters, names: "list[str] | None" = None
) -> float | None:
    """The number that all of these were multiplied with; None where they were not."""
    chosen = names or list(expected)
    if not chosen:
        return None
    found = torch.cat([actual[name].flatten() for name in chosen])
    right = torch.cat([expected[name].flatten() for name in chosen])
    scale = (right * right).sum()
    factor = ((found * right).sum() / scale).item() if scale else 0.0
    close = (found - factor * right).abs().max() <= 1e-9 * found.abs().max()
    return factor if factor and close else None
