"""Check one implementation or activation: `mlplab check path/to/my_network.py`.

Prints a verdict for each requirement; the exit status is 0 where all are met, 1 where one is not,
2 where the command itself is wrong. Takes seconds and downloads nothing: random images serve.
"""

import argparse
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

import torch

from mlplab import activations, implementations
from mlplab.activations import Activation
from mlplab.datasets.store import Split
from mlplab.errors import UserError
from mlplab.isolation.run import Isolated, isolated
from mlplab.judging.cases import Problem
from mlplab.judging.compare import compare, first_difference
from mlplab.judging.mistakes import difference
from mlplab.judging.tolerances import EXACT, FLOAT64_TOLERANCE, Row
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


def _verdict(words: str, rows: Sequence[Row]) -> str:
    """One line: met, or the first difference among these rows."""
    wrong = first_difference(rows)
    if wrong is None:
        greatest = max(row.difference for row in rows)
        exact = all(row.tolerance == EXACT for row in rows)
        return f"  ok     {words}" + ("" if exact else f" (within {greatest:.0e})")
    if wrong.verdict == "fails":
        return f"  FAILS  {wrong.detail}"
    after = f" after {wrong.step} steps" if wrong.step > 1 and wrong.of else ""
    alike = [row for row in rows if (row.step, row.network) == (wrong.step, wrong.network)]
    others = [row.of for row in alike if row.verdict != "agrees" and row is not wrong]
    too = f" (and {', '.join(others)})" if others else ""
    of = f", {wrong.of}{after}{too}" if wrong.of else ""
    detail = f": {wrong.detail}" if wrong.detail else ""
    return (
        f"  WRONG  {words}{of}{detail}\n"
        f"         network {wrong.network}, relative difference {wrong.difference:.1e}, "
        f"allowed {wrong.tolerance:.0e}"
    )


def verdicts(rows: Iterable[Row]) -> list[str]:
    """A line for each requirement, over all networks that were compared."""
    order = list(REQUIREMENTS)
    by_requirement = sorted(rows, key=lambda row: order.index(row.quantity))
    return [
        _verdict(REQUIREMENTS[quantity], list(group))
        for quantity, group in groupby(by_requirement, key=lambda row: row.quantity)
    ]


def check_implementation(path: Path, chosen: Sequence[str] | None, run: Isolated) -> bool:
    """Print the verdicts of an implementation with each of the activations; True if all are met.

    Where none are chosen it is checked with all; one with learned parameters, such as prelu, is
    then no requirement. `run` is where the file is run.
    """
    reference = implementations.source(REFERENCE)
    every = sorted(activations.names(), key=lambda name: (name != "relu", name))
    for index, name in enumerate(chosen or every):
        activation = activations.load(name)
        rows = compare(path, reference, activation, problems(), load=run.implementation)
        agrees = all(row.verdict == "agrees" for row in rows)
        if activation.parameters and not chosen and rows[-1].verdict == "fails":
            learned = ", ".join(activation.parameters)
            print(f"{path.stem} with {name}: not possible, it passes no {learned} to the function")
            continue
        print(f"{path.stem} with {name}, against {REFERENCE}: {'agrees' if agrees else 'WRONG'}")
        # A mistake of the implementation shows with every activation: details once are enough.
        if not agrees or index == 0:
            print("\n".join(verdicts(rows)))
        if not agrees:
            print("Look at the first line that is not ok: the others may follow from it.")
            return False
    return True


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
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        if not chosen.path.is_file():
            raise PlugInError(f"{chosen.path}: there is no such file; name a Python file")
        with isolated(chosen.path) as run:
            if defines(chosen.path, "function") and not defines(chosen.path, "Network"):
                met = check_activation(chosen.path, run)
            else:
                met = check_implementation(chosen.path, chosen.activation, run)
    except UserError as error:
        print(f"  FAILS  {error}")
        met = False
    return 0 if met else 1
