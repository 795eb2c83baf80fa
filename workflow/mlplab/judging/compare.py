"""Is an implementation right? It is run beside a reference, step by step, and compared.

Both start from the same parameters and see the same batches. In float64 two right implementations
differ by rounding alone, so whatever is greater is a mistake. The quantities are compared in the
order in which a step computes them, gradients from the output back to the input: the first one that
differs says where to look, and whether it is a known mistake.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from mlplab import implementations
from mlplab.activations import Activation
from mlplab.datasets.batches import Batches
from mlplab.datasets.order import epoch_order
from mlplab.datasets.store import Split
from mlplab.implementations import Build
from mlplab.isolation.run import isolated
from mlplab.judging.cases import Problem, problems_of
from mlplab.judging.float32 import float32_step, great_scores
from mlplab.judging.mistakes.diagnosis import cause_of
from mlplab.judging.tolerances import (
    EXACT,
    FLOAT32_LOSS_TOLERANCE,
    FLOAT32_TOLERANCE,
    FLOAT64_TOLERANCE,
    MANY_STEPS_TOLERANCE,
    Row,
    each_parameter,
    row_of,
)
from mlplab.judging.trained import trained
from mlplab.judging.values import Batch, Parameters, copies
from mlplab.plugins import PlugInError
from mlplab.training.loop import train_epoch

# A gradient is read off a step of this learning rate: (before - after) / learning rate.
PROBING_RATE = 0.5
STEPS = (1, 2, 3, 10, 100)
# The comparison in float32 sees this many images at most.
FLOAT32_IMAGES = 5_000


def _cloned(batch: Batch) -> Batch:
    images, labels = batch
    return images.clone(), labels.clone()


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


def _reading(start: torch.Tensor, gradient: torch.Tensor) -> float:
    """How exactly a gradient can be read off parameters, relative to its greatest value."""
    rounding = 4 * torch.finfo(start.dtype).eps * start.abs().max() / PROBING_RATE
    return (rounding / (gradient.abs().max() or 1.0)).item()


def _on_batch(
    build: Build,
    reference: Build,
    activation: Activation,
    problem: Problem,
    batch: Batch,
    suffix: str,
) -> Iterator[Row]:
    """Logits, loss, correct predictions and gradient of new networks on a batch."""
    start = problem.start(activation, torch.float64)
    images, labels = batch

    def row(quantity: str, of: str, step: int, *compared: Any) -> Row:
        return row_of(problem, quantity + suffix, of, step, *compared)

    logits = reference(copies(start), activation, PROBING_RATE).logits(images).detach()
    network = build(copies(start), activation, PROBING_RATE)
    seen, _ = _cloned(batch)
    found_logits = network.logits(seen).detach().clone()
    yield row("images unchanged", "logits()", 0, seen, images, EXACT)
    yield row("logits", "", 0, found_logits, logits, FLOAT64_TOLERANCE)

    right = first_step(reference, start, activation, batch, PROBING_RATE)
    seen, seen_labels = _cloned(batch)
    found = first_step(build, start, activation, (seen, seen_labels), PROBING_RATE)
    yield row("images unchanged", "train_step()", 1, seen, images, EXACT)
    yield row("loss", "", 1, found.loss, right.loss, FLOAT64_TOLERANCE)
    yield row(
        "correct predictions",
        "",
        1,
        found.correct.double(),
        right.correct.double(),
        EXACT,
    )
    yield row("labels unchanged", "", 1, seen_labels, labels, EXACT)
    yield from each_parameter(
        problem,
        f"gradient{suffix}",
        1,
        found.gradient,
        right.gradient,
        {n: FLOAT64_TOLERANCE + _reading(start[n], right.gradient[n]) for n in start},
    )


def _first_step(
    build: Build, reference: Build, activation: Activation, problem: Problem
) -> Iterator[Row]:
    """New networks: that each has its own start, and what it does with a first batch."""
    start, other_start = (problem.start(activation, torch.float64, seed) for seed in (0, 1))
    whole, _, smaller = problem.batches(3)
    given = copies(start)
    network = build(given, activation, 1.0)
    yield from each_parameter(problem, "start", 0, copies(network.parameters()), start, EXACT)
    other = build(copies(other_start), activation, 1.0)
    yield from each_parameter(
        problem, "start of a second seed", 0, copies(other.parameters()), other_start, EXACT
    )
    other.train_step(*_cloned(whole))
    yield from each_parameter(
        problem, "apart from a second seed", 1, network.parameters(), start, EXACT
    )

    yield from _on_batch(build, reference, activation, problem, whole, "")
    yield from _on_batch(build, reference, activation, problem, smaller, " of a smaller batch")

    network.train_step(*_cloned(whole))
    yield from each_parameter(problem, "parameters given unchanged", 1, given, start, EXACT)
    images, _ = whole
    found = build(copies(other_start), activation, 1.0).logits(images.clone())
    expected = reference(copies(other_start), activation, 1.0).logits(images)
    yield row_of(problem, "logits of a second seed", "", 0, found, expected, FLOAT64_TOLERANCE)


def _many_steps(
    build: Build, reference: Build, activation: Activation, problem: Problem
) -> Iterator[Row]:
    """Parameters after 1 to 100 steps, the third on a smaller batch; what they returned."""
    start = problem.start(activation, torch.float64)
    network, right = (
        chosen(copies(start), activation, problem.optimizer) for chosen in (build, reference)
    )
    returned = []
    for step, batch in enumerate(problem.batches(max(STEPS)), start=1):
        answers = [one.train_step(*_cloned(batch)) for one in (network, right)]
        returned.append([value.double() for answer in answers for value in answer])
        if step not in STEPS:
            continue
        now, right_now = copies(network.parameters()), copies(right.parameters())
        tolerance = FLOAT64_TOLERANCE if step <= 10 else MANY_STEPS_TOLERANCE
        yield from each_parameter(problem, "parameters", step, now, right_now, tolerance)
    loss, correct, right_loss, right_correct = map(torch.stack, zip(*returned, strict=True))
    for quantity, found, expected, tolerance in (
        ("loss of all steps", loss, right_loss, MANY_STEPS_TOLERANCE),
        ("correct predictions of all steps", correct, right_correct, EXACT),
    ):
        yield row_of(problem, quantity, "", max(STEPS), found, expected, tolerance)


def _float32_epoch(
    build: Build, reference: Build, activation: Activation, problem: Problem
) -> Iterator[Row]:
    """Loss and parameters after an epoch in float32, the dtype that runs are trained in."""
    start = problem.start(activation, torch.float32)
    order = epoch_order(len(problem.split), problem.seed, 1)[:FLOAT32_IMAGES]

    def epoch(chosen: Build) -> tuple[Parameters, torch.Tensor]:
        network = chosen(copies(start), activation, problem.optimizer)
        batches = Batches(problem.split, problem.batch_size, torch.float32)
        loss, _ = train_epoch(network, batches, order)
        return network.parameters(), torch.tensor(loss)

    (found, loss), (expected, right_loss) = epoch(build), epoch(reference)
    steps = -(-len(order) // problem.batch_size)
    yield row_of(
        problem, "mean loss of an epoch", "", steps, loss, right_loss, FLOAT32_LOSS_TOLERANCE
    )
    yield from each_parameter(
        problem, "parameters after an epoch", steps, found, expected, FLOAT32_TOLERANCE
    )


Load = Callable[[Path], Build]
Part = Callable[[Build, Build, Activation, Problem], Iterator[Row]]
PARTS: tuple[Part, ...] = (
    _first_step,
    _many_steps,
    _float32_epoch,
    float32_step,
    great_scores,
    trained,
)
# The first of them, in which a mistake with one activation alone shows.
OF_EACH_ACTIVATION = 3


def compare(
    source: Path,
    reference: Path,
    activation: Activation,
    problems: Sequence[Problem],
    parts: Sequence[Part] = PARTS,
    load: Load = implementations.load,
    limit: int | None = None,
) -> Iterator[Row]:
    """The rows of an implementation against the reference, in the order in which to look at them.

    Each comes as soon as it is known, the first that differs with its cause, where that is known.

    `load` says where the files are run: here, or in a sandbox, whose networks are used alike.

    The first problem is compared in every part, further ones in the first of them. Of the hidden
    layers no more are kept than `limit`, or where that is None than its file says it can do. Where
    it breaks the interface, the last row has the verdict "fails" and says how.
    """
    limit = implementations.max_hidden_layers(source) if limit is None else limit
    network, all_agree = "", True
    try:
        right = load(reference)
        # The framework's first network imports for a second, in which a sandbox starts.
        right(problems[0].start(activation, torch.float64), activation, problems[0].optimizer)
        build = load(source)
        possible = [replace(given, hidden_sizes=given.hidden_sizes[:limit]) for given in problems]
        # Two networks of which nothing but the same layers are kept are one.
        distinct = {problem.network: problem for problem in reversed(possible)}
        for index, problem in enumerate(reversed(distinct.values())):
            network = problem.network
            for part in parts if index == 0 else parts[:1]:
                for row in part(build, right, activation, problem):
                    if all_agree and row.verdict == "differs":
                        all_agree = False
                        row = _with_cause(row, build, activation, problem)
                    yield row
    except PlugInError as error:
        yield failure(error, network)


def _with_cause(row: Row, build: Build, activation: Activation, problem: Problem) -> Row:
    """The first row that differs, with the known mistake behind it, if it is one."""
    compared = problem if row.network == problem.network else problem.cheap()
    cause = cause_of(row.quantity, row.step, build, activation, compared)
    if cause is None:
        return row
    return replace(row, detail=cause.sentence, mistake=cause.mistake.name)


def failure(error: PlugInError, network: str = "") -> Row:
    """The row of an implementation that breaks the interface."""
    nan = float("nan")
    return Row("interface", "", 0, "", network, nan, nan, "fails", str(error))


def first_difference(rows: Sequence[Any]) -> Any | None:
    """The first row that does not agree: what a mistake changes first. None where all agree."""
    return next((row for row in rows if row.verdict != "agrees"), None)


def study_rows(
    implementation: Path,
    reference: Path,
    activation_files: Sequence[Path],
    split: Split,
    classes: int,
    settings: Mapping[str, Any],
    isolation: str = "auto",
) -> Iterator[dict[str, Any]]:
    """The rows of an implementation with each activation, as plain values; None is not finite.

    The reference is compared with itself in a first step, which says whether it works at all.
    """
    problems = problems_of(split, classes, settings)
    parts = PARTS[:1] if implementation == reference else PARTS
    for file in activation_files:
        try:
            with isolated(implementation, reference, file, isolation=isolation) as run:
                activation, load = run.activation(file), run.implementation
                rows = list(compare(implementation, reference, activation, problems, parts, load))
        except PlugInError as error:
            rows = [failure(error)]
        identity = {
            "implementation": implementation.stem,
            "reference": reference.stem,
            "activation": file.stem,
        }
        for row in rows:
            values = asdict(row)
            yield identity | {
                key: None if isinstance(v, float) and not math.isfinite(v) else v
                for key, v in values.items()
            }
