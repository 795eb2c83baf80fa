"""Other optimisers in the place of plain gradient descent."""

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
