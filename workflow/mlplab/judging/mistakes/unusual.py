"""Mistakes that do not show in a few usual steps: later ones, great scores, float32 alone."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch.nn.functional import cross_entropy, linear

from mlplab.activations import Activation
from mlplab.implementations import Build
from mlplab.judging.cases import Problem
from mlplab.judging.mistakes.catalogue import Cause, named
from mlplab.judging.mistakes.evidence import Probe, built, factor_of
from mlplab.judging.mistakes.network import Network
from mlplab.judging.values import Parameters, copies, difference

# Rounding over many steps stays below, mistakes do not.
LATER = 1e-9
GREAT = 10_000.0


def cause(
    build: Build,
    activation: Activation,
    problem: Problem,
    probes: Sequence[Probe],
    step: int,
) -> Cause | None:
    """The mistake of a file that does all usual steps right."""
    later = _later(build, activation, problem, step) if step > 1 else None
    return later or _great_scores(build, probes) or _narrow_products(build, probes)


def _later(build: Build, activation: Activation, problem: Problem, last: int) -> Cause | None:
    """A learning rate that changes after some steps: at the same one with two starts and rates."""
    found = []
    for seed, rate in ((0, 0.1), (1, 0.05)):
        start = problem.start(activation, torch.float64, seed)
        batches = replace(problem, seed=problem.seed + seed).batches(last)
        changed = _first_change(build, Probe(activation, start, rate, tuple(batches)))
        if changed is None:
            return None
        found.append(changed)
    (step, times), (other_step, other_times) = found
    if step != other_step or not math.isclose(times, other_times, rel_tol=1e-6, abs_tol=1e-9):
        return None
    return named("rate-changes-later", {"step": step, "times": float(times)})


def _first_change(build: Build, probe: Probe) -> tuple[int, float] | None:
    """The first step that is another multiple of the right one, and which; None for no such."""
    network, before = built(build, probe), probe.start
    for step, batch in enumerate(probe.batches, start=1):
        network.train_step(*(value.clone() for value in batch))
        after = copies(network.parameters())
        update = {name: (before[name] - after[name]) / probe.rate for name in before}
        right = Network(before, probe.activation, probe.rate).gradient(*batch)
        if any(difference(update[name], right[name]) > LATER for name in right):
            if not any(value.any() for value in update.values()):
                return step, 0.0
            times = factor_of(update, right)
            return None if times is None else (step, times)
        before = after
    return None


def _scaled(start: Parameters, activation: Activation, images: torch.Tensor) -> Parameters:
    """Parameters whose last layer is so great that the greatest score is GREAT."""
    network = Network(start, activation, 1.0)
    scores = network.logits(images).flatten()
    factor = GREAT / scores[scores.abs().argmax()]
    last = (f"W{network.depth}", f"b{network.depth}")
    return {n: value * (factor if n in last else 1) for n, value in start.items()}


def _raised(start: Parameters, activation: Activation, images: torch.Tensor) -> Parameters:
    """Parameters whose scores are all greater by GREAT: the softmax is what it was."""
    last = f"b{Network(start, activation, 1.0).depth}"
    return {n: value + (GREAT if n == last else 0) for n, value in start.items()}


def _great_scores(build: Build, probes: Sequence[Probe]) -> Cause | None:
    """What becomes of loss and step where scores are great; every probe must say the same."""
    found = {_with_great_scores(build, probe) for probe in probes}
    if len(found) != 1:
        return None
    (name, epsilon), *_ = found
    if not name:
        return None
    return named(name, {"epsilon": epsilon})


def _with_great_scores(build: Build, probe: Probe) -> tuple[str, float]:
    images, labels = probe.batches[0]

    def step(start: Parameters) -> tuple[torch.Tensor, bool]:
        network = build(copies(start), probe.activation, probe.rate)
        loss, _ = network.train_step(images.clone(), labels.clone())
        finite = all(value.isfinite().all() for value in network.parameters().values())
        return loss.double(), finite

    great = _scaled(probe.start, probe.activation, images)
    scores = Network(great, probe.activation, 1.0).logits(images)
    right = cross_entropy(scores, labels, reduction="sum")
    loss, finite = step(great)
    if not finite:
        _, raised_is_finite = step(_raised(probe.start, probe.activation, images))
        return ("one-maximum" if raised_is_finite else "softmax-overflows"), 0.0
    if not loss.isfinite():
        return "log-of-zero", 0.0
    if difference(loss, right) < LATER:
        return "", 0.0
    for epsilon in _cuts(scores, labels, loss):
        return "clipped-probabilities", epsilon
    return "", 0.0


def _cuts(scores: torch.Tensor, labels: torch.Tensor, loss: torch.Tensor) -> Iterator[float]:
    """Where probabilities are cut off, as powers of ten, if the loss is explained by that."""
    log = scores.log_softmax(1).gather(1, labels[:, None])
    for power in range(-20, 0):
        for plus in (0.0, 1.0):
            epsilon = 10.0**power
            kept = (log.exp() + plus * epsilon).clamp(min=epsilon)
            for top in (1.0, 1 - epsilon):
                if difference(-kept.clamp(max=max(top, 0.5)).log().sum(), loss) < LATER:
                    yield epsilon
                    return


def _narrow_products(build: Build, probes: Sequence[Probe]) -> Cause | None:
    """Products in a narrower dtype, which float64 hides: autocast, or a conversion."""
    starts = [{n: value.float() for n, value in probe.start.items()} for probe in probes]
    batches = [(probe.batches[0][0].float(), probe.batches[0][1]) for probe in probes]
    losses = []
    for start, probe, batch in zip(starts, probes, batches, strict=True):
        network = build(copies(start), probe.activation, probe.rate)
        losses.append(network.train_step(*(value.clone() for value in batch))[0].double())
    for dtype in (torch.bfloat16, torch.float16):
        for joined in (True, False):
            simulated = [
                _loss_in(dtype, joined, start, probe.activation, batch)
                for start, probe, batch in zip(starts, probes, batches, strict=True)
            ]
            right = [
                _loss_in(torch.float32, joined, start, probe.activation, batch)
                for start, probe, batch in zip(starts, probes, batches, strict=True)
            ]
            triples = list(zip(losses, simulated, right, strict=True))
            if all(difference(a, b) < 1e-6 for a, b, _ in triples) and any(
                difference(a, c) > 1e-5 for a, _, c in triples
            ):
                return named("narrow-products", {"dtype": str(dtype).removeprefix("torch.")})
    return None


def _loss_in(
    dtype: torch.dtype,
    joined: bool,
    start: Parameters,
    activation: Activation,
    batch: tuple[torch.Tensor, torch.Tensor],
) -> torch.Tensor:
    """The summed loss with products in a dtype, weights and bias in one product or two."""
    images, labels = batch
    x, depth = images.flatten(1), sum(name.startswith("W") for name in start)
    for layer in range(1, depth + 1):
        weight, bias = start[f"W{layer}"].to(dtype), start[f"b{layer}"]
        x = x.to(dtype)
        x = linear(x, weight.T, bias.to(dtype)) if joined else x @ weight + bias
        if layer < depth:
            own = [start[f"{name}{layer}"].to(x) for name in activation.parameters]
            x = activation.function(x, *own)
    return cross_entropy(x.float(), labels, reduction="sum").double()
