"""Which known mistake a wrong network has, if it is one.

The file is run on a few probes of its own. A mistake is named where a network that makes it gives
the file's answers, all of them, to rounding: with two starts, other batches and other learning
rates. Where none explains everything, one that explains the first quantity to differ is named, if
it does so in every probe. Otherwise nothing is: a place is better than a guess.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import torch

from mlplab.activations import Activation
from mlplab.implementations import Build
from mlplab.judging.cases import Problem
from mlplab.judging.mistakes import (
    batches,
    data,
    data_labels,
    examples,
    forward,
    gradients,
    gradients_back,
    losses,
    losses_changed,
    optimisers,
    parameters,
    returned,
    state,
    steps,
    unusual,
)
from mlplab.judging.mistakes.catalogue import CATALOGUE, Cause, Mistake, Settings, named
from mlplab.judging.mistakes.evidence import Probe, Seen, Shown, built, probes_of, steps_of
from mlplab.judging.mistakes.network import Network
from mlplab.judging.values import copies, difference
from mlplab.plugins import PlugInError

# Imported for what they put into the catalogue.
KINDS = (
    *(data, data_labels, forward, losses, losses_changed, returned),
    *(gradients, gradients_back, parameters, optimisers, batches, steps, state),
)

# Differences below these parts of a value are rounding, and are not read.
ROUNDING = 2e-13
# What a mistake must explain of a difference.
CLOSE = 1e-6


def cause_of(
    quantity: str, step: int, build: Build, activation: Activation, problem: Problem
) -> Cause | None:
    """The mistake behind a quantity that was the first to differ; None where none is known.

    `step` is the step after which it differed.
    """
    try:
        return _cause(quantity, step, build, activation, problem)
    except PlugInError:
        return None


def _cause(
    quantity: str, step: int, build: Build, activation: Activation, problem: Problem
) -> Cause | None:
    if known := _known_by(quantity, build, activation, problem):
        return known
    probes = probes_of(problem, activation)
    shown = [list(steps_of(built(build, probe), probe)) for probe in probes]
    if _is_random(build, probes[0], shown[0]):
        return named("random")
    right = [list(steps_of(_right(probe), probe)) for probe in probes]
    pairs = [(a, b) for f, e in zip(shown, right, strict=True) for a, b in zip(f, e, strict=True)]
    if not all(found.value.isfinite().all() for found, _ in pairs):
        return named("not-finite")
    if not any(_differs(found, expected) for found, expected in pairs):
        return unusual.cause(build, activation, problem, probes, step)
    for narrowed in _narrow(shown, right):
        return narrowed
    proposed = list(_proposed(Seen(probes[0], shown[0])))
    everything = _everything(proposed, probes, shown, right)
    return everything or _first_stage(proposed, probes, shown, right)


def _right(probe: Probe) -> Network:
    return Network(probe.start, probe.activation, probe.rate)


def _known_by(
    quantity: str, build: Build, activation: Activation, problem: Problem
) -> Cause | None:
    """The mistake that a quantity is as soon as it differs."""
    for entry in CATALOGUE.values():
        if quantity in entry.quantities:
            if entry.name == "kept-from-the-first":
                first, second = (problem.start(activation, torch.float64, s) for s in (0, 1))
                build(copies(first), activation, 1.0)
                kept = copies(build(copies(second), activation, 1.0).parameters())
                if all(torch.equal(kept[name], second[name]) for name in second):
                    return None
            return named(entry.name)
    return None


def _is_random(build: Build, probe: Probe, shown: Sequence[Shown]) -> bool:
    again = steps_of(built(build, probe), probe)
    return any(
        difference(one.value, other.value) > CLOSE
        for one, other in zip(shown[:3], itertools.islice(again, 3), strict=True)
    )


def _noise(found: torch.Tensor, right: torch.Tensor) -> float:
    return ROUNDING * max(found.abs().max().item(), right.abs().max().item(), 1e-6)


def _differs(found: Shown, right: Shown) -> bool:
    apart = (found.value - right.value).abs().max().item()
    return apart > 20 * _noise(found.value, right.value)


def _explained(found: Shown, simulated: Shown, right: Shown) -> bool:
    """Whether a simulated value is the one that was found: all of the difference, to rounding."""
    if found.value.shape != simulated.value.shape:
        return False
    allowed = max(
        2 * _noise(found.value, right.value),
        CLOSE * (found.value - right.value).abs().max().item(),
    )
    return (found.value - simulated.value).abs().max().item() <= allowed


def _proposed(seen: Seen) -> Iterator[tuple[Mistake, Settings, type[Network]]]:
    """Every mistake of the catalogue, as strong as the first step lets it be."""
    for entry in CATALOGUE.values():
        for variant in entry.variants:
            try:
                proposed = list(variant.settings(seen))
            except (RuntimeError, IndexError, ZeroDivisionError, OverflowError):
                continue
            for settings in proposed:
                yield entry, settings, variant.network


def _simulated(network: type[Network], settings: Settings, probe: Probe) -> Iterator[Shown]:
    return steps_of(network(probe.start, probe.activation, probe.rate, **settings), probe)


def _agrees(
    network: type[Network],
    settings: Settings,
    probes: Sequence[Probe],
    shown: Sequence[Sequence[Shown]],
    right: Sequence[Sequence[Shown]],
    stage: str = "",
) -> bool:
    """Whether this network gives all of these answers, and not the right ones.

    `stage` is the one up to which a first step is compared; all steps are where it is "".
    """
    differs = False
    try:
        for probe, found, expected in zip(probes, shown, right, strict=True):
            every = _simulated(network, settings, probe)
            simulated = _up_to(every, stage) if stage else every
            for one, other, truth in zip(found, simulated, expected, strict=True):
                if not _explained(one, other, truth):
                    return False
                differs |= _differs(other, truth)
    except (RuntimeError, IndexError):
        return False
    return differs


Proposed = Sequence[tuple[Mistake, Settings, type[Network]]]


def _everything(
    proposed: Proposed,
    probes: Sequence[Probe],
    shown: Sequence[Sequence[Shown]],
    right: Sequence[Sequence[Shown]],
) -> Cause | None:
    """The mistake that explains every answer to every probe."""
    for entry, settings, network in proposed:
        if _agrees(network, settings, probes, shown, right):
            return Cause(entry, entry.said(settings))
    return None


# What a step computes, in its order; what comes first is not the doing of what comes after.
STAGES = ("logits", "loss", "correct", "parameters")
# Kinds of mistakes that cannot be behind a quantity: what they change is computed after it.
LATER = {
    "logits": ("loss", "gradient", "step"),
    "loss": ("gradient", "step"),
    "correct": ("gradient", "step"),
    "parameters": (),
}


def _stage(one: Shown) -> str:
    return one.what if one.what in STAGES else "parameters"


def _up_to(shown: Iterable[Shown], stage: str) -> list[Shown]:
    """The answers of a first step, as far as this stage."""
    last = STAGES.index(stage)
    return [
        one
        for one in shown
        if STAGES.index(_stage(one)) <= last and one.step == (0 if one.what == "logits" else 1)
    ]


def _of_stage(shown: Iterable[Shown], stage: str) -> list[Shown]:
    return [one for one in _up_to(shown, stage) if _stage(one) == stage]


def _first_stage(
    proposed: Proposed,
    probes: Sequence[Probe],
    shown: Sequence[Sequence[Shown]],
    right: Sequence[Sequence[Shown]],
) -> Cause | None:
    """The mistake that explains the first quantity to differ in a first step, in every probe.

    What comes before it in the step is right, and must be so with the mistake.
    """
    for stage in STAGES:
        found = [_up_to(one, stage) for one in shown]
        expected = [_up_to(one, stage) for one in right]
        pairs = [
            (a, b) for f, e in zip(found, expected, strict=True) for a, b in zip(f, e, strict=True)
        ]
        apart = sum(_differs(a, b) for a, b in pairs)
        if not apart:
            continue
        # A few small numbers may be equal by chance.
        if stage == "correct" and apart < 3:
            return None
        first = [replace(probe, batches=probe.batches[:1]) for probe in probes]
        for entry, settings, network in proposed:
            if entry.kind not in LATER[stage] and _agrees(
                network, settings, first, found, expected, stage
            ):
                return Cause(entry, entry.said(settings))
        return examples.cause(probes, shown) if stage == "parameters" else None
    return None


def _narrow(shown: Sequence[Sequence[Shown]], right: Sequence[Sequence[Shown]]) -> Iterator[Cause]:
    """A narrower dtype that the first values to differ all have, though the right ones do not."""
    for stage in STAGES:
        if stage == "correct":
            continue
        found = [one for each in shown for one in _of_stage(each, stage)]
        expected = [one for each in right for one in _of_stage(each, stage)]
        if not any(_differs(a, b) for a, b in zip(found, expected, strict=True)):
            continue
        for dtype in (torch.float16, torch.bfloat16, torch.float32):
            narrow = all(torch.equal(one.value.to(dtype).double(), one.value) for one in found)
            if narrow and all(
                not torch.equal(one.value.to(dtype).double(), one.value) for one in expected
            ):
                close = torch.finfo(dtype).eps * 100
                if all(
                    difference(a.value, b.value) < close
                    for a, b in zip(found, expected, strict=True)
                ):
                    yield named("narrow-dtype", {"dtype": str(dtype).removeprefix("torch.")})
        return
