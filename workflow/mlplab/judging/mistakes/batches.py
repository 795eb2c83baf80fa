"""Mistakes of the batch: its size, and steps that are not one for each."""

import math
from collections.abc import Callable, Iterator

import torch

from mlplab.judging.mistakes.catalogue import Settings, mistake, shown_by
from mlplab.judging.mistakes.evidence import Seen, factor_of
from mlplab.judging.mistakes.network import Network


class OtherBatchSize(Network):
    divisor: int = 0

    def update(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        self.gradient_factor = (1 / self.divisor, 1)
        super().update(images, labels)


def _divisor(seen: Seen) -> Iterator[Settings]:
    factor = factor_of(seen.gradient, seen.expected)
    if factor and factor > 0:
        divisor = round(seen.count / factor)
        if divisor > 1 and math.isclose(seen.count / factor, divisor, rel_tol=1e-6):
            yield {"divisor": divisor}


shown_by(
    mistake(
        "step",
        "fixed-batch-size",
        "divided by {divisor}, whatever the size of the batch",
        "Divide by len(labels): the last batch of an epoch is smaller.",
        "2016-01-06 https://github.com/rinuboney/ladder/issues/5",
        example={"divisor": 256},
    ),
    _divisor,
)(OtherBatchSize)


class FirstBatchSize(Network):
    first: int = 0

    def update(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        self.first = self.first or len(labels)
        self.gradient_factor = (1 / self.first, 1)
        super().update(images, labels)


shown_by(
    mistake(
        "step",
        "first-batch-size",
        "divided by the size of the first batch, whatever the batch",
        "Divide by len(labels) of this batch: the last one of an epoch is smaller.",
        "2020-08-22 https://github.com/ShusenTang/Dive-into-DL-PyTorch/issues/155",
    ),
)(FirstBatchSize)


class OffByOne(Network):
    off: int = -1

    def update(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        self.gradient_factor = (len(labels) / max(1, len(labels) + self.off), 0)
        super().update(images, labels)


shown_by(
    mistake(
        "step",
        "off-by-one",
        "divided by the size of the batch {off:+d}",
        "Divide by len(labels), neither one more nor one less.",
        "2025-03-28 https://github.com/autrainer/autrainer/issues/125",
        example={"off": -1},
    ),
    lambda seen: iter([{"off": -1}, {"off": 1}]),
)(OffByOne)


class InPieces(Network):
    """Several steps within a batch."""

    size: int = 1
    measured: str = "on the way"
    piece_factor: tuple[float, int] = (1.0, 0)

    def train_step(
        self, images: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        before = self.returned(self.scores(images), labels)
        losses, counts = [], []
        for piece, answers in zip(images.split(self.size), labels.split(self.size), strict=True):
            if self.piece_factor[1]:
                self.gradient_factor = (len(answers) / len(labels), 0)
            loss, correct = super().train_step(piece, answers)
            losses.append(loss)
            counts.append(correct)
        on_the_way = torch.stack(losses).sum(), torch.stack(counts).sum()
        return (
            on_the_way[0] if self.measured in ("on the way", "loss on the way") else before[0],
            on_the_way[1] if self.measured == "on the way" else before[1],
        )


def _pieces(*sizes: int) -> Callable[[Seen], Iterator[Settings]]:
    def settings(seen: Seen) -> Iterator[Settings]:
        for size in sizes:
            for measured in ("on the way", "loss on the way", "before"):
                for power in (0, 1):
                    yield {"size": size, "measured": measured, "piece_factor": (1.0, power)}

    return settings


shown_by(
    mistake(
        "step",
        "step-per-example",
        "the parameters change within the batch: a step for each example",
        "Add up the gradients of all examples, divide by their number, and step once.",
        "2017-04-30 https://github.com/davidstutz/matlab-mnist-two-layer-perceptron/issues/3",
    ),
    _pieces(1),
)(InPieces)


shown_by(
    mistake(
        "step",
        "smaller-batches",
        "the parameters change within the batch: a step after every {size} examples",
        "The batch is what it is given: one step for all of it.",
        "2020-01-19 https://github.com/iamtrask/Grokking-Deep-Learning/issues/31",
        example={"size": 8},
    ),
    _pieces(2, 4, 5, 8, 10, 16, 32, 64, 128),
)(InPieces)


class SeveralSteps(Network):
    times: int | str = 2

    def update(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        for _ in range(self.times if isinstance(self.times, int) else len(labels)):
            super().update(images, labels)


shown_by(
    mistake(
        "step",
        "several-steps",
        "{times} steps on each batch, not one",
        "One call of train_step() is one step.",
        "2020-01-19 https://github.com/iamtrask/Grokking-Deep-Learning/issues/31",
        example={"times": 2},
    ),
    lambda seen: iter([{"times": t} for t in (2, 3, 5, 10, "as many as it has examples:")]),
)(SeveralSteps)


class SmallBatchDropped(Network):
    first: int = 0
    still_returned: bool = False

    def train_step(
        self, images: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        self.first = self.first or len(labels)
        if len(labels) >= self.first:
            return super().train_step(images, labels)
        loss, correct = self.returned(self.scores(images), labels)
        return (loss, correct) if self.still_returned else (loss * 0, correct * 0)


shown_by(
    mistake(
        "step",
        "small-batch-dropped",
        "nothing is learned from a batch that is smaller than the first",
        "The last batch of an epoch is smaller, and counts as well.",
        "2024-05-03 https://github.com/ultralytics/ultralytics/pull/11217",
    ),
    lambda seen: iter([{}, {"still_returned": True}]),
)(SmallBatchDropped)
