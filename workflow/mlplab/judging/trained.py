"""What a network does once it has been trained: its scores, and whether its steps stay the same."""

from collections.abc import Iterator

import torch

from mlplab.activations import Activation
from mlplab.implementations import Build, Network
from mlplab.judging.cases import Problem
from mlplab.judging.tolerances import FLOAT64_TOLERANCE, Row, each_parameter, row_of
from mlplab.judging.values import copies

# A little more than an epoch of the article, 60,000 images in batches of 256: what changes from one
# epoch to the next shows.
LAST = 240
# The steps after which scores are looked at; rounding grows over many.
TOLERANCES = {1: FLOAT64_TOLERANCE, 3: FLOAT64_TOLERANCE, 100: 1e-10, LAST: 1e-9}

REQUIREMENTS = {
    "loss of a single image": "loss of a batch of one",
    "parameters after a single image": "parameters after a step on a batch of one",
    "parameters of an epoch": "parameters over an epoch of 240 steps",
    "logits after training": "logits after 1, 3, 100 and 240 steps",
    "logits without gradients": "the same without gradients, as networks are evaluated",
    "logits of other batches": "the same on batches of other sizes than it was trained on",
}


def trained(
    build: Build, reference: Build, activation: Activation, problem: Problem
) -> Iterator[Row]:
    """A step on a single image; then scores after 1 to 240 steps, on batches of several sizes."""
    problem = problem.cheap()
    start = problem.start(activation, torch.float64)
    images, labels = next(problem.batches(1))
    new = [each(copies(start), activation, problem.optimizer) for each in (build, reference)]
    loss, right_loss = (
        network.train_step(images[:1].clone(), labels[:1].clone())[0].double() for network in new
    )
    found, right = (network.parameters() for network in new)
    yield row_of(problem, "loss of a single image", "", 1, loss, right_loss, FLOAT64_TOLERANCE)
    yield from each_parameter(
        problem, "parameters after a single image", 1, found, right, FLOAT64_TOLERANCE
    )

    network, model = (
        each(copies(start), activation, problem.optimizer) for each in (build, reference)
    )
    # In the order of the requirements, though they are found step by step.
    rows: list[Row] = []
    for step, (images, labels) in enumerate(problem.batches(LAST), start=1):
        for each in (network, model):
            each.train_step(images.clone(), labels.clone())
        if step in TOLERANCES:
            rows += _scores(network, model, problem, step, images)
    yield from each_parameter(
        problem,
        "parameters of an epoch",
        LAST,
        network.parameters(),
        model.parameters(),
        TOLERANCES[LAST],
    )
    yield from sorted(rows, key=lambda row: list(REQUIREMENTS).index(row.quantity))


def _scores(
    network: Network, model: Network, problem: Problem, step: int, images: torch.Tensor
) -> Iterator[Row]:
    tolerance = TOLERANCES[step]
    many = problem.split[: 2 * len(images) + 3].scaled(images.device, images.dtype).images
    right = model.logits(many).detach()
    found = network.logits(many[: len(images)].clone()).detach().clone()
    expected = right[: len(images)]
    yield row_of(problem, "logits after training", "", step, found, expected, tolerance)
    with torch.no_grad():
        found = network.logits(many[: len(images)].clone()).clone()
    yield row_of(problem, "logits without gradients", "", step, found, expected, tolerance)
    for count in (1, len(many)):
        found = network.logits(many[:count].clone()).detach().clone()
        of = f"a batch of {count}"
        expected = right[:count]
        yield row_of(problem, "logits of other batches", of, step, found, expected, tolerance)
