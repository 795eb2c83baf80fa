"""The well-known mistakes of those who write a network, recognised by the values that they lead to.

Everything here is about one quantity that came out wrong: what would it be after this mistake, or
that one?
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import torch
from torch.nn.functional import cross_entropy

from mlplab import activations
from mlplab.activations import Activation
from mlplab.activations._functions import Function
from mlplab.implementations import Build

# A gradient is read off a step: (before - after) / learning rate. With a great learning rate the
# rounding of that difference vanishes; with a small one the step leaves all else as it was.
PROBING_RATE = 100.0
SMALL_RATE = 0.01
# A wrong value is one of the known ones where they agree as closely as this.
RECOGNISED = 1e-6

Parameters = dict[str, torch.Tensor]
Batch = tuple[torch.Tensor, torch.Tensor]
# What a value would be after a mistake that is known by name.
Known = Iterable[tuple[str, torch.Tensor]]


def difference(actual: torch.Tensor, expected: torch.Tensor) -> float:
    """Greatest difference relative to the greatest value expected; 0 for bitwise equality."""
    if torch.equal(actual, expected):
        return 0.0
    scale = expected.abs().max().item()
    return ((actual - expected).abs().max() / (scale or 1.0)).item()


def explanation(
    actual: torch.Tensor, expected: torch.Tensor, count: int = 1, known: Known = ()
) -> str:
    """What a wrong value looks like, where that can be told; "" otherwise.

    `expected` is a mean over a batch of `count`; `known` are mistakes in words, each with what the
    value would be.
    """
    if not actual.isfinite().all():
        return "not finite"
    if not actual.any():
        return "zero everywhere"
    if narrow := _narrower(actual, expected):
        return f"computed in {narrow}, not in the dtype of the parameters"
    for words, value in known:
        if difference(actual, value) < RECOGNISED * min(1.0, difference(value, expected)):
            return words
    factor = _multiple(actual, expected)
    if factor is None or _near(factor, 1):
        return ""
    if _near(factor, -1):
        return "the sign is the opposite"
    if _near(factor, count):
        return f"{count} times too great: that of the sum over the batch, not of the mean"
    if _near(factor, 1 / count):
        return f"{count} times too small: divided by the batch size once too often"
    divisor = round(abs(count / factor))
    if count > 1 and divisor and _near(factor, count / divisor):
        return (
            f"{factor:.4g} times the right value: divided by {divisor}, not by the batch's {count}?"
        )
    return f"{factor:.4g} times the right value"


def _near(value: float, other: float) -> bool:
    return abs(value - other) < RECOGNISED * abs(other)


def _multiple(actual: torch.Tensor, expected: torch.Tensor) -> float | None:
    """The number that `expected` was multiplied with, None where it was not."""
    scale = (expected * expected).sum()
    factor = ((actual * expected).sum() / scale).item() if scale else 0.0
    return factor if difference(actual, factor * expected) < RECOGNISED and factor else None


def _narrower(actual: torch.Tensor, expected: torch.Tensor) -> str:
    """The narrower dtype that all values found have, though not all of those expected."""
    for narrow in (torch.float16, torch.bfloat16, torch.float32):
        if torch.equal(actual.to(narrow).double(), actual) and not torch.equal(
            expected.to(narrow).double(), expected
        ):
            return str(narrow).removeprefix("torch.")
    return ""


def copies(parameters: Mapping[str, torch.Tensor]) -> Parameters:
    """Copies of all parameters, without their gradients."""
    return {name: value.detach().clone() for name, value in parameters.items()}


@dataclass(frozen=True)
class Step:
    """What a first step shows: loss, correct predictions, the mean loss's gradient."""

    loss: torch.Tensor
    correct: torch.Tensor
    gradient: Parameters


def first_step(
    build: Build, start: Parameters, activation: Activation, batch: Batch, rate: float
) -> Step:
    """One step of a new network, with the learning rate `rate`."""
    network = build(copies(start), activation, rate)
    loss, correct = network.train_step(*batch)
    after = network.parameters()
    gradient = {name: (value - after[name]) / rate for name, value in start.items()}
    return Step(loss.detach().clone(), correct.clone(), gradient)


def known_logits(
    reference: Build, start: Parameters, activation: Activation, images: torch.Tensor
) -> Known:
    """Logits after the well-known mistakes."""

    def logits(parameters: Parameters, other: Activation) -> torch.Tensor:
        return reference(copies(parameters), other, 1.0).logits(images).detach()

    right = logits(start, activation)
    for name in start:
        if name.startswith("b"):
            zero = torch.zeros_like(start[name])
            yield (
                f"as if {name} were zero: is it forgotten?",
                logits(start | {name: zero}, activation),
            )
    plain = {name: value for name, value in start.items() if name[0] in "Wb"}
    yield "as without the activation", logits(plain, activations.load("identity"))
    own = [torch.tensor([v], dtype=right.dtype) for v in activation.parameters.values()]
    yield "the activation is applied to them, too", activation.function(right, *own)
    yield "probabilities, not the scores before the softmax", right.softmax(dim=1)
    yield "logarithms of probabilities, not the scores before the softmax", right.log_softmax(dim=1)


def known_losses(before: torch.Tensor, after: torch.Tensor, labels: torch.Tensor) -> Known:
    """Losses after the well-known mistakes, from the logits before and after the step."""
    classes = before.shape[1]
    yield "the mean over the batch, not the sum", cross_entropy(before, labels)
    yield "measured after the step", cross_entropy(after, labels, reduction="sum")
    twice = "the softmax is applied twice"
    yield twice, cross_entropy(before.softmax(dim=1), labels, reduction="sum")
    for shift in (1, -1):
        shifted = (labels + shift) % classes
        yield "the labels are shifted", cross_entropy(before, shifted, reduction="sum")


def known_correct(before: torch.Tensor, after: torch.Tensor, labels: torch.Tensor) -> Known:
    """Correct predictions after the well-known mistakes."""
    classes = before.shape[1]
    yield "counted after the step", (after.argmax(dim=1) == labels).sum().double()
    for shift in (1, -1):
        shifted = (labels + shift) % classes
        yield "the labels are shifted", (before.argmax(dim=1) == shifted).sum().double()


def _with_derivative(activation: Activation, derivative: Function) -> Activation:
    """An activation with another derivative."""

    class Module(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            """The function's value; autograd sees the derivative alone."""
            slope = derivative(x.detach())
            y: torch.Tensor = activation.function(x).detach() + slope * (x - x.detach())
            return y

    return replace(
        activation,
        function=Module(),
        derivative=derivative,
        derivative_from_output=None,
        module=Module,
    )


def known_gradients(
    reference: Build, start: Parameters, activation: Activation, batch: Batch, name: str
) -> Known:
    """Gradients after the well-known mistakes."""
    # These parameters take part in the derivative, too.
    if activation.parameters:
        return
    function, derivative = activation.function, activation.derivative
    for words, other in (
        ("as if the activation's derivative were 1: is it forgotten?", torch.ones_like),
        ("the activation's derivative is taken at its output", lambda x: derivative(function(x))),
    ):
        changed = _with_derivative(activation, other)
        yield words, first_step(reference, start, changed, batch, PROBING_RATE).gradient[name]


def why_gradient(
    name: str,
    start: Parameters,
    found: Step,
    small: Step,
    right: Step,
    count: int,
    known: Known,
) -> str:
    """What is wrong with a parameter's gradient; `small` is that read off a small step."""
    actual, expected = found.gradient[name], right.gradient[name]
    if not actual.any():
        return "zero everywhere: the step does not change it"
    if difference(small.gradient[name] * (SMALL_RATE / PROBING_RATE), actual) < RECOGNISED:
        return "the same step whatever the learning rate"
    if difference(small.gradient[name], expected) < 1e-3 * difference(actual, expected):
        return "right for tiny steps only: is a parameter changed before all gradients are known?"
    words = explanation(actual, expected, count, known)
    decay = _multiple(actual - expected, start[name])
    if not words and decay:
        return f"{decay:.3g} times {name} is added to it: weight decay?"
    return words


def random_values(first: torch.Tensor, second: torch.Tensor) -> Known:
    """A value that is another one when it is computed again."""
    if difference(second, first) > RECOGNISED:
        yield "another value each time: something is random", first


def why_update(
    updates: Mapping[str, tuple[torch.Tensor, torch.Tensor]],
    previous: Parameters,
    count: int,
    name: str,
) -> str:
    """What is wrong with an update that followed right ones; `updates` are (found, right)."""
    actual, expected = updates[name]
    if not actual.any():
        return f"this step, on a batch of {count}, does not change it"
    kept = _multiple(actual - expected, previous[name]) if previous else None
    if kept is None:
        words = explanation(actual, expected, count)
        return words and f"this step is {words}"
    if _near(kept, 1):
        return "the gradient of the step before is added to it: is it set to zero?"
    return f"{kept:.3g} times the step before is added to it: momentum?"
