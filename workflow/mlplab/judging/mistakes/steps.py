"""Mistakes of the step: its size, and what else is in it."""

import math
from collections.abc import Callable, Iterator

import torch

from mlplab.judging.mistakes.catalogue import Settings, mistake, shown_by
from mlplab.judging.mistakes.evidence import Seen, factor_of
from mlplab.judging.mistakes.network import Network
from mlplab.judging.values import Parameters


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
