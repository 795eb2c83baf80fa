"""Check one implementation or activation: `mlplab check path/to/my_network.py`.

Says in the first line whether it is right, and if not, why; then a line for each requirement, then
what to look at. The exit status is 0 where all are met, 1 where one is not, 2 where the command
itself is wrong. Takes seconds and downloads nothing: random images serve.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from mlplab import activations, implementations
from mlplab.activations import Activation
from mlplab.datasets.store import Split
from mlplab.errors import UserError
from mlplab.implementations import Build
from mlplab.isolation.run import Isolated, isolated
from mlplab.judging import float32, trained
from mlplab.judging.cases import Problem
from mlplab.judging.compare import compare
from mlplab.judging.tolerances import FLOAT64_TOLERANCE
from mlplab.judging.values import difference
from mlplab.judging.verdict import ALL, HINTS, Verdict
from mlplab.plugins import PlugInError, blaming, defines

REFERENCE = "concise"
IMAGES, SIDE, CLASSES = 400, 6, 4

# What each compared quantity shows, in the order of the comparison.
REQUIREMENTS = {
    "start": "starts from the parameters it is given",
    "start of a second seed": "a second network starts anew",
    "apart from a second seed": "a second network's step leaves the first one alone",
    "images unchanged": "leaves the images as they are",
    "logits": "logits",
    "loss": "summed loss of the batch, before the step",
    "correct predictions": "number of correct predictions, before the step",
    "labels unchanged": "leaves the labels as they are",
    "gradient": "gradient of the mean loss",
    "images unchanged of a smaller batch": "leaves the images of a smaller batch as they are",
    "logits of a smaller batch": "logits of a smaller batch",
    "loss of a smaller batch": "loss of a smaller batch",
    "correct predictions of a smaller batch": "correct predictions of a smaller batch",
    "labels unchanged of a smaller batch": "leaves the labels of a smaller batch as they are",
    "gradient of a smaller batch": "gradient of a smaller batch",
    "parameters given unchanged": "copies the parameters it is given, and leaves these as they are",
    "logits of a second seed": "a second network computes with its own parameters",
    "parameters": "parameters over 100 steps",
    "loss of all steps": "loss of each of 100 steps",
    "correct predictions of all steps": "correct predictions of each of 100 steps",
    "mean loss of an epoch": "mean loss of an epoch in float32",
    "parameters after an epoch": "parameters after an epoch in float32",
    **float32.REQUIREMENTS,
    **trained.REQUIREMENTS,
    "interface": "keeps to the interface",
}


def problems() -> list[Problem]:
    """A network with one hidden layer, and one with three."""
    random = torch.Generator().manual_seed(0)
    # Not up to 255, so that it shows when images are divided by their greatest pixel.
    images = torch.randint(0, 240, (IMAGES, SIDE, SIDE), generator=random, dtype=torch.uint8)
    labels = torch.randint(CLASSES, (IMAGES,), generator=random)
    split = Split(images, labels, pixel_max=255)
    return [
        Problem(split, hidden, CLASSES, batch_size=32, weight_std=0.3)
        for hidden in ((12,), (12, 12, 12))
    ]


def examine(
    path: Path,
    chosen: Sequence[str] | None = None,
    load: Callable[[Path], Build] = implementations.load,
) -> Verdict:
    """The verdict on an implementation, with each of the activations or up to the first wrong one.

    Where none are chosen it is checked with all; one with learned parameters, such as prelu, is
    then no requirement. `load` says where the file is run.
    """
    reference = implementations.source(REFERENCE)
    every = sorted(activations.names(), key=lambda name: (name != "relu", name))
    agreed: list[Verdict] = []
    notes = []
    for name in chosen or every:
        activation = activations.load(name)
        rows = compare(path, reference, activation, problems(), load=load)
        if activation.parameters and not chosen and rows[-1].verdict == "fails":
            learned = ", ".join(activation.parameters)
            notes.append(f"  no requirement: {name}; it passes no {learned} to the function")
            continue
        found = Verdict(path.stem, name, tuple(rows), REQUIREMENTS)
        if not found.right:
            return found
        agreed.append(found)
    return replace(agreed[0], compared=len(agreed), notes=tuple(notes))


def derivative_rows(activation: Activation) -> list[tuple[str, float]]:
    """What an activation's file says in several ways, compared: words and greatest difference."""
    # The textbook's range; 0 is left to the subgradient that the file chooses.
    x = torch.arange(-8.0, 8.0, 0.1, dtype=torch.float64)
    x = x[x.abs() > 1e-6]
    own = [torch.tensor([value]).to(x.dtype) for value in activation.parameters.values()]
    leaf = x.clone().requires_grad_()
    y = activation.function(leaf, *own)
    (gradient,) = torch.autograd.grad(y, leaf, torch.ones_like(y))
    arrays = [value.numpy() for value in own]
    module = activation.module().to(x.dtype)
    rows = [
        ("derivative(x) against autograd", activation.derivative(x, *own), gradient),
        ("the module against function(x)", module(x).detach(), y.detach()),
        (
            "numpy_function(x) against function(x)",
            torch.from_numpy(activation.numpy_function(x.numpy(), *arrays)),
            y.detach(),
        ),
        (
            "numpy_derivative(x) against autograd",
            torch.from_numpy(activation.numpy_derivative(x.numpy(), *arrays)),
            gradient,
        ),
    ]
    if activation.derivative_from_output is not None:
        from_output = activation.derivative_from_output(y.detach())
        rows.append(("derivative_from_output(y) against autograd", from_output, gradient))
    return [(words, difference(actual, expected)) for words, actual, expected in rows]


def check_activation(path: Path, run: Isolated) -> bool:
    """Print the verdicts of an activation, alone and in each implementation; True if met."""
    activation = run.activation(path)
    print(f"{path.stem}: {activation.formula}; derivative: {activation.derivative_formula}")
    met = True
    with blaming(path, "the activation cannot be evaluated"):
        for words, found in derivative_rows(activation):
            agrees = found <= FLOAT64_TOLERANCE
            met &= agrees
            allowed = "" if agrees else f", allowed {FLOAT64_TOLERANCE:.0e}"
            print(f"  {'ok   ' if agrees else 'WRONG'}  {words} ({found:.0e}{allowed})")
    reference = implementations.source(REFERENCE)
    for name in implementations.names():
        rows = compare(implementations.source(name), reference, activation, problems())
        agrees = all(row.verdict == "agrees" for row in rows)
        met &= agrees
        print(f"  {'ok   ' if agrees else 'WRONG'}  {name} trains with it as {REFERENCE} does")
    return met


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="mlplab check", description=__doc__)
    parser.add_argument("path", type=Path, help="the file of an implementation or activation")
    parser.add_argument(
        "--activation",
        nargs="+",
        metavar="NAME",
        choices=activations.names(),
        help="check an implementation with these only (default: all)",
    )
    parser.add_argument(
        "--hint",
        type=int,
        choices=HINTS,
        default=ALL,
        help="how much is given away of an implementation: "
        + "; ".join(f"{level} {words}" for level, words in HINTS.items()),
    )
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        if not chosen.path.is_file():
            raise PlugInError(f"{chosen.path}: there is no such file; name a Python file")
        with isolated(chosen.path) as run:
            if defines(chosen.path, "function") and not defines(chosen.path, "Network"):
                met = check_activation(chosen.path, run)
            else:
                load = partial(run.implementation, watch=True)
                verdict = examine(chosen.path, chosen.activation, load)
                print("\n".join(verdict.lines(chosen.hint)))
                met = verdict.right
    except UserError as error:
        print(f"  FAILS  {error}")
        met = False
    return 0 if met else 1
