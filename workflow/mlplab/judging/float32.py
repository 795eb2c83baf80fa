"""One step in float32, the dtype that runs are trained in: exact to its rounding, and no overflow.

In float64 a few bits lost inside do not show, nor do exponentials of great scores.
"""

from collections.abc import Iterator
from dataclasses import replace

import torch

from mlplab.activations import Activation
from mlplab.implementations import Build
from mlplab.judging.cases import Problem
from mlplab.judging.tolerances import Row, each_parameter, row_of
from mlplab.judging.values import Batch, Parameters, copies

# Sums of float32 values agree to this, products in bfloat16 or float16 to 1e-3 at best.
VALUE_TOLERANCE = 1e-5
GRADIENT_TOLERANCE = 1e-4
# More images make it likelier that rounding decides whether a ReLU lets one pass.
MOST_IMAGES = 64
# Weights far from 0 would hide a gradient that is read off their change.
RATE = 1.0

# The greatest score of a batch, and whether only one of its images has such scores.
GREAT = {"±200": (200.0, False), "±1000": (1000.0, False), "1000 in one row": (1000.0, True)}

REQUIREMENTS = {
    "logits in float32": "logits in float32, to its rounding",
    "loss in float32": "loss in float32, to its rounding",
    "gradient in float32": "gradient in float32, to its rounding",
    **{
        f"{quantity} with scores of {words}": f"{quantity} where scores are great ({words})"
        for words in GREAT
        for quantity in ("loss", "gradient")
    },
}


def _step(
    build: Build, start: Parameters, activation: Activation, batch: Batch, rate: float
) -> tuple[torch.Tensor, torch.Tensor, Parameters]:
    """Logits, loss and gradient of a new network, all in float32."""
    network = build(copies(start), activation, rate)
    images, labels = batch
    logits = network.logits(images.clone()).detach().clone()
    loss, _ = network.train_step(images.clone(), labels.clone())
    after = network.parameters()
    gradient = {name: (value - after[name]) / rate for name, value in start.items()}
    return logits, loss.detach().float(), gradient


def _float32(row: Row) -> Row:
    """A row of numbers that were computed in float32, and compared in float64."""
    return replace(row, dtype="float32")


def _batch(problem: Problem) -> Batch:
    images, labels = next(problem.batches(1))
    return images[:MOST_IMAGES].float(), labels[:MOST_IMAGES]


def float32_step(
    build: Build, reference: Build, activation: Activation, problem: Problem
) -> Iterator[Row]:
    """Logits, loss and gradient of a first step in float32."""
    problem = problem.cheap()
    start, batch = problem.start(activation, torch.float32), _batch(problem)
    found, right = (_step(each, start, activation, batch, RATE) for each in (build, reference))
    for quantity, step, actual, expected in (
        ("logits in float32", 0, found[0], right[0]),
        ("loss in float32", 1, found[1], right[1]),
    ):
        yield _float32(row_of(problem, quantity, "", step, actual, expected, VALUE_TOLERANCE))
    yield from each_parameter(
        problem, "gradient in float32", 1, found[2], right[2], GRADIENT_TOLERANCE
    )


def great_scores(
    build: Build, reference: Build, activation: Activation, problem: Problem
) -> Iterator[Row]:
    """Loss and gradient where exponentials of the scores overflow in float32."""
    problem = problem.cheap()
    images, labels = _batch(problem)
    for words, (greatest, in_one_row) in GREAT.items():
        start = problem.start(activation, torch.float32)
        chosen = images
        if in_one_row:
            # All others are nearly black, and there are no biases that would light them.
            chosen = torch.cat([images[:1], images[1:] / 1000])
            start = {n: v.zero_() if n.startswith("b") else v for n, v in start.items()}
        logits = reference(copies(start), activation, 0.0).logits(chosen).detach()
        last = [name for name in start if name[0] in "Wb"][-2:]
        factor = greatest / logits.abs().max()
        start = {n: v * factor if n in last else v for n, v in start.items()}
        rate = float(factor)
        found, right = (
            _step(each, start, activation, (chosen, labels), rate) for each in (build, reference)
        )
        loss = f"loss with scores of {words}"
        yield _float32(row_of(problem, loss, "", 1, found[1], right[1], VALUE_TOLERANCE))
        yield from each_parameter(
            problem,
            f"gradient with scores of {words}",
            1,
            found[2],
            right[2],
            GRADIENT_TOLERANCE,
        )
