"""Mistakes of the step."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch

from mlplab.judging.mistakes.catalogue import Settings, mistake, shown_by
from mlplab.judging.mistakes.evidence import Seen, factor_of
from mlplab.judging.mistakes.network import Network
from mlplab.judging.values import Parameters


class Momentum(Network):
    momentum: float = 0.0
    # The new gradient counts (1 - momentum) times.
    damped: bool = False
    nesterov: bool = False
    # The rate is in the velocity, or the step is.
    velocity: Parameters | None = None

    def change(self, gradient: Parameters, count: int) -> Parameters:
        mu, share = self.momentum, 1 - self.momentum if self.damped else 1.0
        old = self.velocity
        self.velocity = {
            n: share * g + (mu * old[n] if old is not None else 0.0) for n, g in gradient.items()
        }
        if self.nesterov:
            ahead = {n: g + mu * self.velocity[n] for n, g in gradient.items()}
            return super().change(ahead, count)
        return super().change(self.velocity, count)


def _second_step(seen: Seen) -> float | None:
    """How often the first step's gradient is in the second step, where it is that alone."""
    found, right = seen.update(2), seen.right_gradient(2)
    return factor_of({n: found[n] - right[n] for n in right}, seen.gradient)


def _momentum(seen: Seen) -> Iterator[Settings]:
    kept = _second_step(seen)
    if kept is not None and not math.isclose(kept, 1, rel_tol=1e-6):
        yield {"momentum": kept}
    share = factor_of(seen.gradient, seen.expected)
    if share and 0 < share < 1:
        yield {"momentum": 1 - share, "damped": True}


def _nesterov(seen: Seen) -> Iterator[Settings]:
    ahead = factor_of(seen.gradient, seen.expected)
    if ahead and 1 < ahead < 2:
        yield {"momentum": ahead - 1, "nesterov": True}


def _kept(seen: Seen) -> Iterator[Settings]:
    yield {"momentum": 1.0}


shown_by(
    mistake(
        "step",
        "gradients-pile-up",
        "the gradients of the steps before are added to it: they are not set to zero",
        "Set them to zero before or after each step: optimizer.zero_grad(), or value.grad = None.",
        "2020-08-18 https://github.com/salesforce/corr_based_prediction/issues/1",
    ),
    _kept,
)(Momentum)

shown_by(
    mistake(
        "step",
        "momentum",
        "momentum of {momentum}: a part of the step before is in it",
        "Plain gradient descent is asked for: value -= learning_rate * gradient.",
        "2013-10-05 https://github.com/mdenil/dropout/issues/4",
        example={"momentum": 0.9},
    ),
    _momentum,
)(Momentum)

shown_by(
    mistake(
        "step",
        "nesterov",
        "Nesterov's momentum of {momentum}",
        "Plain gradient descent is asked for: value -= learning_rate * gradient.",
        "2018-03-21 https://github.com/pytorch/pytorch/pull/5920",
        example={"momentum": 0.9},
    ),
    _nesterov,
)(Momentum)


class Framework(Network):
    """A step of one of the framework's optimisers."""

    optimiser: str = "Adam"
    own_rate: float = 0.0
    tensors: dict[str, torch.Tensor] | None = None
    stepper: Any = None

    def change(self, gradient: Parameters, count: int) -> Parameters:
        if self.tensors is None:
            self.tensors = {name: value.clone() for name, value in self.values.items()}
            rate = self.own_rate or self.learning_rate
            kind = getattr(torch.optim, self.optimiser)
            self.stepper = kind(list(self.tensors.values()), lr=rate)
        for name, tensor in self.tensors.items():
            tensor.grad = gradient[name]
        self.stepper.step()
        return {n: self.values[n] - tensor.detach() for n, tensor in self.tensors.items()}


class AdamUncorrected(Network):
    """Adam without its bias correction, or with one that multiplies."""

    multiplied: bool = False
    moments: dict[str, tuple[torch.Tensor, torch.Tensor]] | None = None

    def change(self, gradient: Parameters, count: int) -> Parameters:
        old = self.moments or {n: (g * 0, g * 0) for n, g in gradient.items()}
        self.moments = {
            n: (0.9 * old[n][0] + 0.1 * g, 0.999 * old[n][1] + 0.001 * g * g)
            for n, g in gradient.items()
        }
        one, two = (1 - 0.9**self.step, 1 - 0.999**self.step) if self.multiplied else (1.0, 1.0)
        steps = {n: m * one / ((v * two).sqrt() + 1e-8) for n, (m, v) in self.moments.items()}
        return super().change(steps, count)


def _named(*names: str) -> Callable[[Seen], Iterator[Settings]]:
    def settings(seen: Seen) -> Iterator[Settings]:
        for name in names:
            for own_rate in (0.0, 0.001, 0.01):
                yield {"optimiser": name, "own_rate": own_rate}

    return settings


_adam = mistake(
    "step",
    "adam",
    "Adam, not gradient descent",
    "Plain gradient descent is asked for: torch.optim.SGD, or value -= learning_rate * gradient.",
    "2019-06-12 https://github.com/ZezhouCheng/GP-DIP/issues/1",
)
shown_by(_adam, _named("Adam", "AdamW"))(Framework)
shown_by(_adam, lambda seen: iter([{}, {"multiplied": True}]))(AdamUncorrected)

shown_by(
    mistake(
        "step",
        "another-optimiser",
        "{optimiser}, not gradient descent",
        "Plain gradient descent is asked for: torch.optim.SGD, or value -= learning_rate * "
        "gradient.",
        "2021-11-23 https://github.com/PennyLaneAI/pennylane/issues/1928",
        example={"optimiser": "RMSprop"},
    ),
    _named("RMSprop", "Adagrad", "Adadelta", "NAdam", "RAdam", "Adamax", "Rprop"),
)(Framework)


class SignOfGradient(Network):
    def change(self, gradient: Parameters, count: int) -> Parameters:
        return super().change({n: g.sign() for n, g in gradient.items()}, count)


shown_by(
    mistake(
        "step",
        "sign-of-gradient",
        "the step follows the gradient's sign alone",
        "value -= learning_rate * gradient, not its sign.",
        "2026-08-22 https://github.com/kozistr/pytorch_optimizer/pull/516",
    ),
)(SignOfGradient)


class WeightDecay(Network):
    decay: float = 0.0
    decayed: str = "all parameters"
    by_rate: bool = True

    def change(self, gradient: Parameters, count: int) -> Parameters:
        factor = self.learning_rate if self.by_rate else 1.0
        every = self.decayed == "all parameters"
        return {
            n: value + (factor * self.decay * self.values[n] if every or n[0] == "W" else 0.0)
            for n, value in super().change(gradient, count).items()
        }


def _decay(seen: Seen) -> Iterator[Settings]:
    apart = {n: seen.gradient[n] - seen.expected[n] for n in seen.expected}
    weights = [name for name in apart if name.startswith("W")]
    for names, words in ((list(apart), "all parameters"), (weights, "the weights")):
        # Read loosely: what is decayed is small beside the step, and then compared closely.
        found = torch.cat([apart[name].flatten() for name in names])
        values = torch.cat([seen.probe.start[name].flatten() for name in names])
        decay = ((found * values).sum() / (values * values).sum()).item()
        plain = float(f"{decay:.6g}")
        for value in {decay, plain}:
            yield {"decay": value, "decayed": words}
            yield {"decay": value * seen.probe.rate, "decayed": words, "by_rate": False}


shown_by(
    mistake(
        "step",
        "weight-decay",
        "weight decay: {decay} times {decayed} is in the step",
        "Plain gradient descent is asked for: leave weight_decay, or the gradient of the L2 "
        "penalty, out.",
        "2013-04-04 https://github.com/rasmusbergpalm/DeepLearnToolbox/issues/32",
        example={"decay": 0.0001, "decayed": "all parameters"},
    ),
    _decay,
)(WeightDecay)


class RateIgnored(Network):
    fixed: float = 0.0

    def rate(self) -> float:
        return self.fixed


def _fixed(seen: Seen) -> Iterator[Settings]:
    factor = factor_of(seen.gradient, seen.expected)
    if factor:
        yield {"fixed": factor * seen.probe.rate}
        yield {"fixed": factor * seen.probe.rate / seen.count, "gradient_factor": (1.0, 1)}


shown_by(
    mistake(
        "step",
        "rate-ignored",
        "the learning rate is {fixed}, whatever was asked for",
        "Use the learning rate that the network is given.",
        "2023-03-02 https://github.com/EdwardRaff/Inside-Deep-Learning/issues/8",
        example={"fixed": 0.01},
    ),
    _fixed,
)(RateIgnored)


class RateTwice(Network):
    def rate(self) -> float:
        return self.learning_rate**2


shown_by(
    mistake(
        "step",
        "rate-twice",
        "the gradient is multiplied by the learning rate twice",
        "Multiply by it once, in the step.",
        "2016-10-17 https://github.com/gpleiss/nnlr/issues/3",
    ),
)(RateTwice)


class RateChanges(Network):
    factors: tuple[float, ...] = ()

    def rate(self) -> float:
        return self.learning_rate * self.factors[self.step - 1]


def _changes(seen: Seen) -> Iterator[Settings]:
    factors = []
    for step in range(1, len(seen.probe.batches) + 1):
        factor = factor_of(seen.update(step), seen.right_gradient(step))
        if factor is None:
            return
        factors.append(factor)
    if max(factors) - min(factors) > 1e-6:
        shown = ", ".join(f"{factor:.3g}" for factor in factors)
        yield {"factors": tuple(factors), "shown": shown}


shown_by(
    mistake(
        "step",
        "rate-changes",
        "the step's size changes from step to step: {shown} times the learning rate",
        "The learning rate is constant: no decay, no warm-up, no scheduler.",
        "2019-10-02 https://github.com/ivadomed/ivadomed/pull/55",
        example={"shown": "1, 0.99, 0.98, 0.97"},
    ),
    _changes,
)(RateChanges)


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


class RatesDiffer(Network):
    faster: str = ""
    times: float = 1.0

    def change(self, gradient: Parameters, count: int) -> Parameters:
        names = self.faster.split(", ")
        change = super().change(gradient, count)
        return {n: v * (self.times if n in names else 1.0) for n, v in change.items()}


def _rates(seen: Seen) -> dict[str, float] | None:
    found = {n: factor_of(seen.gradient, seen.expected, [n]) for n in seen.expected}
    if any(factor is None for factor in found.values()):
        return None
    return {n: f for n, f in found.items() if f and not math.isclose(f, 1, rel_tol=1e-6)}


def _faster(biases: bool) -> Callable[[Seen], Iterator[Settings]]:
    def settings(seen: Seen) -> Iterator[Settings]:
        other = _rates(seen)
        if other and len(other) < len(seen.expected):
            times = next(iter(other.values()))
            are_biases = all(name.startswith("b") for name in other)
            alike = all(math.isclose(t, times, rel_tol=1e-6) for t in other.values())
            if alike and are_biases == biases:
                yield {"faster": ", ".join(other), "times": times}

    return settings


shown_by(
    mistake(
        "step",
        "bias-rate",
        "{faster}: {times} times the step of the weights",
        "Weights and biases have the same learning rate.",
        "2016-10-11 https://github.com/BVLC/caffe/issues/4831",
        example={"faster": "b1, b2", "times": 2.0},
    ),
    _faster(True),
)(RatesDiffer)

shown_by(
    mistake(
        "step",
        "rates-differ",
        "{faster}: {times} times the step that the gradient asks for; the others' is right",
        "All parameters have the same learning rate.",
        "2018-09-08 https://github.com/forresti/SqueezeNet/issues/60",
        example={"faster": "W1, b1", "times": 0.1},
    ),
    _faster(False),
)(RatesDiffer)


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


class NowAndThen(Network):
    every: int = 2
    averaged: bool = False
    gathered: Parameters | None = None

    def change(self, gradient: Parameters, count: int) -> Parameters:
        old = self.gathered
        self.gathered = {n: g + (old[n] if old else 0.0) for n, g in gradient.items()}
        if self.step % self.every:
            return {n: g * 0 for n, g in gradient.items()}
        found, self.gathered = self.gathered, None
        share = 1 / self.every if self.averaged else 1.0
        return super().change({n: share * g for n, g in found.items()}, count)


shown_by(
    mistake(
        "step",
        "steps-now-and-then",
        "gradients are gathered, and a step is taken after every {every} batches",
        "One step for each batch: no gradient accumulation.",
        "2019-10-16 https://github.com/eriklindernoren/PyTorch-YOLOv3/pull/313",
        example={"every": 2},
    ),
    lambda seen: iter([{"every": e, "averaged": a} for e in (2, 3, 4) for a in (False, True)]),
)(NowAndThen)


class OneStepLate(Network):
    last: Parameters | None = None

    def change(self, gradient: Parameters, count: int) -> Parameters:
        late, self.last = self.last, gradient
        return super().change(late or {n: g * 0 for n, g in gradient.items()}, count)


shown_by(
    mistake(
        "step",
        "one-step-late",
        "the step follows the gradient of the batch before",
        "Backward first, then the step.",
        "2013-10-05 https://github.com/mdenil/dropout/issues/4",
    ),
)(OneStepLate)


class Remembers(Network):
    """Each step has parts of the gradients before, as many of each as in the first probe."""

    shares: tuple[tuple[float, ...], ...] = ()
    past: list[Parameters] | None = None

    def change(self, gradient: Parameters, count: int) -> Parameters:
        self.past = [*(self.past or []), gradient]
        shares = self.shares[self.step - 1]
        return {
            n: self.learning_rate
            * sum(
                (share * g[n] for share, g in zip(shares, self.past, strict=True)),
                torch.zeros_like(gradient[n]),
            )
            for n in gradient
        }


def _remembered(seen: Seen) -> Iterator[Settings]:
    past, shares = [], []
    for step in range(1, len(seen.probe.batches) + 1):
        past.append(seen.right_gradient(step))
        columns = [torch.cat([value.flatten() for value in one.values()]) for one in past]
        found = torch.cat([value.flatten() for value in seen.update(step).values()])
        matrix = torch.stack(columns, 1)
        solved = torch.linalg.lstsq(matrix, found[:, None], driver="gelsd").solution[:, 0]
        if (matrix @ solved - found).abs().max() > 1e-9 * found.abs().max():
            return
        shares.append(tuple(solved.tolist()))
    if any(abs(share) > 1e-6 for one in shares for share in one[:-1]):
        shown = ", ".join(f"{share:.3g}" for share in reversed(shares[-1]))
        yield {"shares": tuple(shares), "shown": shown}


shown_by(
    mistake(
        "step",
        "older-gradients",
        "the gradients of the steps before are in it: {shown} times that of the step and of those "
        "before, the latest first",
        "Plain gradient descent is asked for: value -= learning_rate * gradient, of this batch "
        "alone.",
        "2013-10-05 https://github.com/mdenil/dropout/issues/4",
        example={"shown": "0, 0.25, 0.125"},
    ),
    _remembered,
)(Remembers)


class StepScaled(Network):
    times: float = 1.0

    def rate(self) -> float:
        return self.learning_rate * self.times


def _times(seen: Seen) -> Iterator[Settings]:
    factor = factor_of(seen.gradient, seen.expected)
    if factor and not math.isclose(factor, 1, rel_tol=1e-9):
        yield {"times": factor}


shown_by(
    mistake(
        "step",
        "step-scaled",
        "every step is {times} times as long as it should be, whatever the batch and the rate",
        "Look for a factor: a ½ or a 2 in the loss's derivative, backward() called twice, a rate "
        "that is multiplied by something.",
        "2018-08-27 https://github.com/markroxor/fromscratchtoml/issues/65",
        example={"times": 2.0},
    ),
    _times,
)(StepScaled)
