"""Mistakes of what a step returns: loss and correct predictions, and how they are averaged."""

import math
from collections.abc import Callable, Iterator

import torch

from mlplab.judging.mistakes.catalogue import Settings, mistake, shown_by
from mlplab.judging.mistakes.evidence import Seen
from mlplab.judging.mistakes.network import Network


def _each_place(*factors_: tuple[float, int]) -> Callable[[Seen], Iterator[Settings]]:
    """A factor in both, in the loss or in the gradient."""

    def settings(seen: Seen) -> Iterator[Settings]:
        for factor in factors_:
            yield {"loss_factor": factor, "gradient_factor": factor}
            yield {"loss_factor": factor}
            yield {"gradient_factor": factor}

    return settings


def _over_classes(seen: Seen) -> Iterator[Settings]:
    one_over = 1 / seen.classes
    for loss_factor in ((one_over, 0), (one_over, -1)):
        yield {"loss_factor": loss_factor, "gradient_factor": (one_over, 0)}
        yield {"loss_factor": loss_factor}
    yield {"gradient_factor": (one_over, 0)}


shown_by(
    mistake(
        "loss",
        "mean-over-classes",
        "the mean over examples and classes, not over examples alone: divided by the number of "
        "classes too",
        "Sum over the classes, then average over the examples: (y * log q).sum(1).mean().",
        "2019-07-16 https://github.com/jax-ml/jax/issues/1023",
    ),
    _over_classes,
)(Network)


shown_by(
    mistake(
        "loss",
        "log-base",
        "a logarithm of base 2 or 10, not the natural one",
        "np.log and torch.log are natural; log2 and log10 are not.",
        "2019-11-17 https://github.com/huawei-noah/Efficient-Computing/issues/12",
    ),
    _each_place((1 / math.log(2), 0), (1 / math.log(10), 0)),
)(Network)


shown_by(
    mistake(
        "loss",
        "mean-loss",
        "the mean over the batch is returned, not the sum",
        "train_step() returns the summed loss: multiply the mean by len(labels).",
        "2019-12-12 https://github.com/ShusenTang/Dive-into-DL-PyTorch/issues/74",
    ),
    lambda seen: iter([{"loss_factor": (1.0, -1)}]),
)(Network)


shown_by(
    mistake(
        "loss",
        "minus-forgotten",
        "the loss has the opposite sign: the minus of -log q is missing",
        "log q is negative; the loss is -log q[label].",
        "2013-08-23 https://github.com/davharris/mistnet/issues/29",
    ),
    lambda seen: iter(
        [
            {"loss_factor": (-1.0, 0)},
            {"loss_factor": (-1.0, -1)},
            {"loss_factor": (-1.0, 0), "gradient_factor": (-1.0, 0)},
        ]
    ),
)(Network)


class AfterTheStep(Network):
    late: str = "both"

    def train_step(
        self, images: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        early = super().train_step(images, labels)
        late = self.returned(self.scores(images), labels)
        return (
            early[0] if self.late == "correct" else late[0],
            early[1] if self.late == "loss" else late[1],
        )


shown_by(
    mistake(
        "loss",
        "after-the-step",
        "measured after the step, with the parameters that it has changed",
        "Compute the loss and the predictions first, then step, then return what was computed.",
        "2019-02-15 https://github.com/keras-team/keras/issues/12274",
    ),
    lambda seen: iter([{"late": "both"}, {"late": "loss"}]),
)(AfterTheStep)


shown_by(
    mistake(
        "loss",
        "correct-after-step",
        "correct predictions are counted after the step, with the parameters that it has changed",
        "Count them with the scores from before the step, those that the loss is made of.",
        "2019-02-15 https://github.com/keras-team/keras/issues/12274",
    ),
    lambda seen: iter([{"late": "correct"}]),
)(AfterTheStep)


class LossPilesUp(Network):
    averaged: bool = False
    total: float | torch.Tensor = 0.0

    def returned(
        self, scores: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        loss, correct = super().returned(scores, labels)
        self.total = self.total + loss
        return self.total / (self.step if self.averaged else 1), correct


shown_by(
    mistake(
        "loss",
        "loss-piles-up",
        "the losses of the steps before are in it",
        "Return the loss of this batch alone; the caller adds them up.",
        "2020-07-14 https://github.com/allenai/allennlp/pull/4477",
    ),
    lambda seen: iter([{}, {"averaged": True}]),
)(LossPilesUp)


class PredictionsOverExamples(Network):
    def correct(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        top = scores.argmax(0)
        return (labels[: len(top)] == top).sum() if len(top) <= len(labels) else scores.sum() * 0


class WorstPredictions(Network):
    def correct(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return (scores.argmin(1) == labels).sum()


class WrongPredictions(Network):
    def correct(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return (scores.argmax(1) != labels).sum()


class TopPredictions(Network):
    def correct(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return (scores.topk(2, dim=1).indices == labels[:, None]).sum()


class GreatestOfAll(Network):
    def correct(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return (scores.argmax() == labels).sum()


class SurePredictions(Network):
    def correct(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return (scores.softmax(1).gather(1, labels[:, None]) > 0.5).sum()


_counted = mistake(
    "loss",
    "counted-otherwise",
    "correct predictions are counted otherwise: the least score, the wrong ones, one of the best "
    "two, those above 1/2, or over another axis",
    "(scores.argmax(1) == labels).sum(): the class with the greatest score of each example.",
    "2013-01-11 https://github.com/lisa-lab/DeepLearningTutorials/pull/15",
)


for _network in (
    PredictionsOverExamples,
    WorstPredictions,
    WrongPredictions,
    TopPredictions,
    SurePredictions,
    GreatestOfAll,
):
    shown_by(_counted)(_network)
