"""Other losses in the place of cross-entropy."""

import math
from collections.abc import Callable, Iterator

import torch
from torch.nn import functional
from torch.nn.functional import one_hot

from mlplab.judging.mistakes.catalogue import Settings, mistake, shown_by
from mlplab.judging.mistakes.evidence import Seen
from mlplab.judging.mistakes.network import Network


def scaled(network: type[Network]) -> Callable[[Seen], Iterator[Settings]]:
    """Settings of a wrong loss: where it is used, and how it is averaged.

    It may be returned, differentiated, or both; summed or averaged over examples, over classes;
    halved. Which, is read from the first step.
    """
    own_probabilities = network.log_probabilities is not Network.log_probabilities

    def settings(seen: Seen) -> Iterator[Settings]:
        for only in ("", "loss", "gradient"):
            yield from factors(network, seen, {"only": only})
            if own_probabilities and only != "loss":
                yield from factors(network, seen, {"only": only, "by_formula": True})

    return settings


def factors(network: type[Network], seen: Seen, chosen: Settings) -> Iterator[Settings]:
    """Settings with the factors of loss and gradient that the first step has, where it has any."""
    wrong = network(seen.probe.start, seen.probe.activation, seen.probe.rate, **chosen)
    scores = wrong.scores(seen.images)
    loss = wrong.returned(scores, seen.labels)[0]
    gradient = wrong.gradient(seen.images, seen.labels)
    projected = sum((seen.gradient[n] * gradient[n]).sum() for n in gradient)
    square = sum((value * value).sum() for value in gradient.values())
    pairs = []
    for found, simulated in ((seen.loss, loss), (projected, square)):
        pairs.append(list(_factor(float(found), float(simulated), seen)))
    # What is not wrong has no factor either: that would be a second mistake.
    only, plain = chosen.get("only", ""), (1.0, 0)
    for loss_factor in pairs[0] if only != "gradient" else [plain]:
        for gradient_factor in pairs[1] if only != "loss" else [plain]:
            yield chosen | {"loss_factor": loss_factor, "gradient_factor": gradient_factor}


def _factor(found: float, simulated: float, seen: Seen) -> Iterator[tuple[float, int]]:
    c = seen.classes
    for coefficient in (1.0, 0.5, 2.0, 1 / c, 0.5 / c, 2 / c, float(c)):
        for power in (0, 1, -1):
            if math.isclose(found, simulated * coefficient * seen.count**power, rel_tol=1e-7):
                yield coefficient, power


def one_hot_like(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The labels as scores would be: n × classes, with a 1 where the label is."""
    return one_hot(labels, scores.shape[1]).to(scores)


class SquaredError(Network):
    def losses(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return (self.log_probabilities(scores).exp() - one_hot_like(scores, labels)) ** 2


shown_by(
    mistake(
        "loss",
        "squared-error",
        "squared error of the probabilities, not cross-entropy",
        "The loss of an example is -log q[label], with q = softmax(scores); its derivative by the "
        "scores is q - y, with y the one-hot label.",
        "2017-10-24 https://github.com/FluxML/model-zoo/issues/8",
    ),
    scaled(SquaredError),
)(SquaredError)


class SquaredErrorOfSigmoid(Network):
    def losses(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return (scores.sigmoid() - one_hot_like(scores, labels)) ** 2


shown_by(
    mistake(
        "loss",
        "squared-error-of-sigmoid",
        "squared error of sigmoids, not cross-entropy of a softmax",
        "Classes exclude each other: softmax over the classes, and -log q[label] as the loss.",
        "2017-04-13 https://github.com/hunkim/DeepLearningZeroToAll/pull/113",
    ),
    scaled(SquaredErrorOfSigmoid),
)(SquaredErrorOfSigmoid)


class SquaredErrorOfScores(Network):
    def losses(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return (scores - one_hot_like(scores, labels)) ** 2


shown_by(
    mistake(
        "loss",
        "squared-error-of-scores",
        "squared error of the scores, not cross-entropy",
        "That is the loss of a regression. Softmax over the classes first, then -log q[label].",
        "2021-11-03 https://github.com/hanbt/learn_dl/issues/61",
    ),
    scaled(SquaredErrorOfScores),
)(SquaredErrorOfScores)


class BinaryCrossEntropy(Network):
    def losses(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        target = one_hot_like(scores, labels)
        return functional.binary_cross_entropy_with_logits(scores, target, reduction="none")


shown_by(
    mistake(
        "loss",
        "binary-cross-entropy",
        "binary cross-entropy of every class on its own, not cross-entropy over all classes",
        "An image has one label: cross_entropy(scores, labels), not BCEWithLogitsLoss.",
        "2017-10-06 https://github.com/udacity/deep-learning/issues/218",
    ),
    scaled(BinaryCrossEntropy),
)(BinaryCrossEntropy)


class BinaryCrossEntropyOfSoftmax(Network):
    def losses(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        log, target = scores.log_softmax(1), one_hot_like(scores, labels)
        return -target * log - (1 - target) * torch.log1p(-log.exp())


shown_by(
    mistake(
        "loss",
        "binary-cross-entropy-of-softmax",
        "binary cross-entropy of the softmax's probabilities: log(1 - q) of the other classes is "
        "added",
        "With a softmax, -log q[label] alone is the loss: the other classes are in it already.",
        "2023-10-02 https://github.com/vandit15/Class-balanced-loss-pytorch/issues/23",
    ),
    scaled(BinaryCrossEntropyOfSoftmax),
)(BinaryCrossEntropyOfSoftmax)


class SoftmaxOverExamples(Network):
    def log_probabilities(self, scores: torch.Tensor) -> torch.Tensor:
        return scores.log_softmax(0)


shown_by(
    mistake(
        "loss",
        "softmax-over-examples",
        "the softmax runs over the examples of the batch, not over the classes",
        "Each row of scores is an example: softmax(dim=1), or sums with axis=1, keepdims=True. "
        "The probabilities of an example then sum to 1.",
        "2021-07-15 https://github.com/MicrosoftDocs/pytorchfundamentals/issues/4",
    ),
    scaled(SoftmaxOverExamples),
)(SoftmaxOverExamples)


class SoftmaxOverAll(Network):
    def log_probabilities(self, scores: torch.Tensor) -> torch.Tensor:
        return scores - scores.flatten().logsumexp(0)


shown_by(
    mistake(
        "loss",
        "softmax-over-all",
        "the softmax runs over the whole batch at once: one sum for all examples",
        "Every example has a sum of its own: axis=1, keepdims=True.",
        "2022-01-14 https://github.com/manassharma07/crysx_nn/issues/7",
    ),
    scaled(SoftmaxOverAll),
)(SoftmaxOverAll)


class SoftmaxTwice(Network):
    def log_probabilities(self, scores: torch.Tensor) -> torch.Tensor:
        return scores.softmax(1).log_softmax(1)


shown_by(
    mistake(
        "loss",
        "softmax-twice",
        "the softmax is applied twice",
        "cross_entropy and CrossEntropyLoss contain the softmax: give them scores, not "
        "probabilities.",
        "2017-01-13 https://github.com/tflearn/tflearn/pull/562",
    ),
    scaled(SoftmaxTwice),
)(SoftmaxTwice)


class NllOfScores(Network):
    def losses(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return -scores.gather(1, labels[:, None])


shown_by(
    mistake(
        "loss",
        "nll-of-scores",
        "the log-softmax is missing: the loss is minus the label's score",
        "nll_loss expects logarithms of probabilities: nll_loss(log_softmax(scores, 1), labels), "
        "or cross_entropy(scores, labels).",
        "2018-10-16 https://github.com/pytorch/pytorch/pull/12703",
    ),
    scaled(NllOfScores),
)(NllOfScores)


class NllOfProbabilities(Network):
    def losses(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return -scores.softmax(1).gather(1, labels[:, None])


shown_by(
    mistake(
        "loss",
        "nll-of-probabilities",
        "the logarithm is missing: the loss is minus the label's probability",
        "nll_loss takes no logarithm itself: use log_softmax instead of softmax, or cross_entropy.",
        "2021-10-25 "
        "https://github.com/AnubhavGupta3377/Text-Classification-Models-Pytorch/issues/9",
    ),
    scaled(NllOfProbabilities),
)(NllOfProbabilities)


class MarginLoss(Network):
    def losses(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        margins = (scores - scores.gather(1, labels[:, None]) + 1).clamp(min=0)
        return margins * (1 - one_hot_like(scores, labels))


shown_by(
    mistake(
        "loss",
        "margin-loss",
        "the margin (hinge) loss of a support vector machine, not cross-entropy",
        "softmax over the classes, and -log q[label] as the loss.",
        "2016-05-03 https://github.com/keras-team/keras/issues/2588",
    ),
    scaled(MarginLoss),
)(MarginLoss)


class FocalLoss(Network):
    gamma: float = 2.0

    def losses(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        log = scores.log_softmax(1).gather(1, labels[:, None])
        return -((1 - log.exp()) ** self.gamma) * log


def _focal(seen: Seen) -> Iterator[Settings]:
    for gamma in (2.0, 1.0, 0.5, 5.0):
        for only in ("", "loss", "gradient"):
            yield from factors(FocalLoss, seen, {"gamma": gamma, "only": only})


shown_by(
    mistake(
        "loss",
        "focal-loss",
        "the focal loss, with γ = {gamma}: sure predictions count less",
        "Take the factor (1 - q)^γ away.",
        "2018-06-10 https://github.com/unsky/focal-loss/issues/21",
        example={"gamma": 2.0},
    ),
    _focal,
)(FocalLoss)
