"""Cross-entropy with something done to it: an ε, smoothed labels, a penalty, weights of classes."""

import math
from collections.abc import Callable, Iterator

import torch

from mlplab.judging.mistakes.catalogue import Settings, mistake, shown_by
from mlplab.judging.mistakes.evidence import Seen
from mlplab.judging.mistakes.losses import factors, one_hot_like
from mlplab.judging.mistakes.network import Network
from mlplab.judging.values import Parameters


def _bisected(function: Callable[[float], float], low: float, high: float) -> float | None:
    """Where an increasing function of the exponent crosses 0, between 10^low and 10^high."""
    if function(10**low) > 0 or function(10**high) < 0:
        return None
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if function(10**middle) < 0 else (low, middle)
    return 10 ** ((low + high) / 2)


class EpsilonInLog(Network):
    epsilon: float = 0.0

    def losses(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return -(scores.softmax(1).gather(1, labels[:, None]) + self.epsilon).log()


def _epsilon(seen: Seen) -> Iterator[Settings]:
    probabilities = seen.scores.softmax(1).gather(1, seen.labels[:, None])
    for power in (0, -1):
        found = (seen.loss / seen.count**power).item()

        def above(epsilon: float, found: float = found) -> float:
            return found + (probabilities + epsilon).log().sum().item()

        epsilon = _bisected(above, -15, 0)
        if epsilon:
            # Written as a power of ten, most often: rounding decides nothing then.
            plain = float(f"{epsilon:.1g}")
            epsilon = plain if math.isclose(plain, epsilon, rel_tol=1e-2) else epsilon
            for only in ("", "loss"):
                yield {"epsilon": epsilon, "only": only, "loss_factor": (1.0, power)}


shown_by(
    mistake(
        "loss",
        "epsilon-in-log",
        "a small number is added in the logarithm, about {epsilon}: log(q + ε)",
        "log-softmax needs none: scores - max - log Σ exp(scores - max) is finite for all scores.",
        "2017-01-08 https://github.com/apache/mxnet/pull/4594",
        example={"epsilon": 1e-07},
    ),
    _epsilon,
)(EpsilonInLog)


class LabelSmoothing(Network):
    smoothing: float = 0.0

    def losses(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        log = scores.log_softmax(1)
        right = -log.gather(1, labels[:, None])
        return (1 - self.smoothing) * right - self.smoothing * log.mean(1, keepdim=True)


def _smoothing(seen: Seen) -> Iterator[Settings]:
    uniform = -seen.scores.log_softmax(1).mean(1).sum()
    smoothing = ((seen.loss - seen.expected_loss) / (uniform - seen.expected_loss)).item()
    if 0 < smoothing < 1:
        for only in ("", "loss"):
            yield {"smoothing": smoothing, "only": only}
    smoothed = LabelSmoothing(seen.probe.start, seen.probe.activation, 1.0, smoothing=1.0)
    other = smoothed.gradient(seen.images, seen.labels)
    apart = {n: seen.gradient[n] - seen.expected[n] for n in other}
    per_unit = {n: other[n] - seen.expected[n] for n in other}
    square = sum((value * value).sum() for value in per_unit.values())
    smoothing = float(sum((apart[n] * per_unit[n]).sum() for n in other) / square)
    if 0 < smoothing < 1:
        yield {"smoothing": smoothing, "only": "gradient"}


shown_by(
    mistake(
        "loss",
        "label-smoothing",
        "label smoothing of {smoothing}: a part of the label is spread over all classes",
        "Leave label_smoothing out, or use one-hot labels of 0 and 1.",
        "2024-11-18 https://github.com/scikit-adaptation/skada/pull/279",
        example={"smoothing": 0.1},
    ),
    _smoothing,
)(LabelSmoothing)


class L2InLoss(Network):
    strength: float = 0.0
    parameters_counted: str = "all"
    # Added to the mean loss, or to the summed one.
    to_the_sum: bool = False

    def counted(self) -> list[str]:
        every = self.parameters_counted == "all"
        return [name for name in self.start if every or name.startswith("W")]

    def penalty(self) -> torch.Tensor:
        squares = [(self.values[name] ** 2).sum() for name in self.counted()]
        return self.strength / 2 * sum(squares, torch.zeros(()).double())

    def penalty_gradient(self) -> Parameters:
        return {name: self.strength * self.values[name] for name in self.counted()}

    def returned(
        self, scores: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        loss, correct = super().returned(scores, labels)
        over = (len(labels) - 1) * self.penalty() if self.to_the_sum else 0.0
        return loss - over, correct

    def gradient(self, images: torch.Tensor, labels: torch.Tensor) -> Parameters:
        found = super().gradient(images, labels)
        if not self.to_the_sum or self.only == "loss":
            return found
        over = self.penalty_gradient()
        return {n: v - over.get(n, 0.0) * (1 - 1 / len(labels)) for n, v in found.items()}


def _l2(seen: Seen) -> Iterator[Settings]:
    for counted in ("all", "weights"):
        names = [n for n in seen.probe.start if counted == "all" or n.startswith("W")]
        half = sum((seen.probe.start[name] ** 2).sum() for name in names) / 2
        found = ((seen.loss - seen.expected_loss) / half).item()
        if found > 0:
            for only in ("", "loss"):
                yield {"strength": found / seen.count, "parameters_counted": counted, "only": only}
                yield {
                    "strength": found,
                    "parameters_counted": counted,
                    "only": only,
                    "to_the_sum": True,
                }


shown_by(
    mistake(
        "loss",
        "l2-in-loss",
        "the squared parameters ({parameters_counted}) are added to the loss, {strength}/2 times",
        "The loss that is asked for is the cross-entropy alone: take the penalty away.",
        "2018-01-15 https://github.com/ikhlestov/vision_networks/issues/21",
        example={"parameters_counted": "weights", "strength": 0.001},
    ),
    _l2,
)(L2InLoss)


class ClassWeights(Network):
    weights: torch.Tensor | None = None
    # Divided by the sum of the batch's weights, as CrossEntropyLoss(weight=…) does.
    weighted_mean: bool = False

    def losses(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        weights = self.weights
        if weights is None:
            weights = len(labels) / labels.bincount(minlength=scores.shape[1]).clamp(min=1).to(
                scores
            )
        chosen = weights[labels]
        if self.weighted_mean:
            chosen = chosen * len(labels) / chosen.sum()
        return -scores.log_softmax(1).gather(1, labels[:, None]) * chosen[:, None]


def _class_weights(seen: Seen) -> Iterator[Settings]:
    last = f"W{seen.right().depth}"
    inputs, _ = seen.right().forward(seen.images)
    errors = (seen.scores.softmax(1) - one_hot_like(seen.scores, seen.labels)) / seen.count
    # The gradient is the sum over the classes of a weight times that of the class's examples.
    columns = [
        (inputs[-1].T @ (errors * (seen.labels == label)[:, None])).flatten()
        for label in range(seen.classes)
    ]
    found = torch.linalg.lstsq(
        torch.stack(columns, 1), seen.gradient[last].flatten()[:, None], driver="gelsd"
    ).solution[:, 0]
    # All alike, they are a factor.
    if (found > 0).all() and found.max() > (1 + 1e-6) * found.min():
        for weighted_mean in (False, True):
            for only in ("", "gradient"):
                yield {"weights": found, "weighted_mean": weighted_mean, "only": only}
    yield from factors(ClassWeights, seen, {"weights": None})
    yield from factors(ClassWeights, seen, {"weights": None, "weighted_mean": True})


shown_by(
    mistake(
        "loss",
        "class-weights",
        "classes have different weights in the loss",
        "Every example counts once: leave the weights out.",
        "2019-09-03 https://github.com/pytorch/pytorch/issues/25571",
    ),
    _class_weights,
)(ClassWeights)
