"""Check one implementation or activation: `mlplab check path/to/my_network.py`.

Says in the first line whether it is right, and if not, why; then a line for each requirement, then
what to look at. The exit status is 0 where all are met, 1 where one is not, 2 where the command
itself is wrong. Takes seconds and downloads nothing: random images serve.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from mlplab import activations, implementations
from mlplab.activations import Activation
from mlplab.datasets.store import Split
from mlplab.errors import UserError
from mlplab.implementations import Build
from mlplab.isolation.process import Limits
from mlplab.isolation.run import isolated
from mlplab.judging import float32, submissions, trained
from mlplab.judging.cases import Problem
from mlplab.judging.compare import OF_EACH_ACTIVATION, PARTS, compare, first_difference
from mlplab.judging.elementwise import requirements
from mlplab.judging.submissions import Judged
from mlplab.judging.tolerances import Row
from mlplab.judging.verdict import Verdict, add_hint
from mlplab.plugins import PlugInError, defines

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


def problems(more: bool = False) -> list[Problem]:
    """A network with one hidden layer, and one with three; `more`: of other sizes as well.

    Among these is the article's, of 784, 256 and 10 units, for images of 28 × 28.
    """
    found = [
        Problem(_split(SIDE, SIDE, CLASSES), hidden, CLASSES, batch_size=32, weight_std=0.3)
        for hidden in ((12,), (12, 12, 12))
    ]
    return [*found, _wide(), article()] if more else found


def article() -> Problem:
    """The article's sizes, which a file may have written into it."""
    split = _split(28, 28, 10)
    return Problem(split, (256,), 10, batch_size=32, weight_std=0.05, fixed=True)


def _wide() -> Problem:
    return Problem(_split(4, 9, 7), (5,), 7, batch_size=20, weight_std=0.3)


def _split(height: int, width: int, classes: int) -> Split:
    random = torch.Generator().manual_seed(0)
    # Not up to 255, so that it shows when images are divided by their greatest pixel.
    images = torch.randint(0, 240, (IMAGES, height, width), generator=random, dtype=torch.uint8)
    labels = torch.randint(classes, (IMAGES,), generator=random)
    return Split(images, labels, pixel_max=255)


def examine(
    path: Path,
    chosen: Sequence[str] | None = None,
    load: Callable[[Path], Build] = implementations.load,
    limit: int | None = None,
    tell: Callable[[Verdict], None] = lambda _: None,
) -> Verdict:
    """The verdict on an implementation, with each of the activations or up to the first wrong one.

    Where none are chosen it is checked with all; one with learned parameters, such as prelu, is
    then no requirement. `load` says where the file is run, `limit` how many hidden layers it can
    do where its file does not. `tell` is given what is known when a value differs: its first line
    is that of the verdict, for which the rest is compared, too.
    """
    every = sorted(activations.names(), key=lambda name: (name != "relu", name))
    agreed: list[Verdict] = []
    notes: list[str] = []
    for name in chosen or every:
        activation = activations.load(name)

        def differs(rows: Sequence[Row], name: str = name) -> None:
            tell(Verdict(path.stem, name, tuple(rows), REQUIREMENTS))

        # What sizes change shows with any activation.
        rows, sizes = _with_sizes(path, activation, load, limit, not agreed, differs)
        if activation.parameters and not chosen and rows[-1].verdict == "fails":
            learned = ", ".join(activation.parameters)
            notes.append(f"  no requirement: {name}; it passes no {learned} to the function")
            continue
        found = Verdict(path.stem, name, tuple(rows), REQUIREMENTS)
        if not found.right:
            met = frozenset(row.quantity for verdict in agreed for row in verdict.rows)
            return replace(found, met=met)
        notes += [note for note in sizes if note not in notes]
        agreed.append(found)
    return replace(agreed[0], compared=len(agreed), notes=tuple(notes))


def _with_sizes(
    path: Path,
    activation: Activation,
    load: Callable[[Path], Build],
    limit: int | None,
    more: bool,
    differs: Callable[[Sequence[Row]], None],
) -> tuple[list[Row], list[str]]:
    """The rows of an implementation, and what is to be said of the sizes that it is right for.

    `differs` is given the rows so far when a value is the first to differ.
    """

    def rows_of(given: Sequence[Problem]) -> Iterator[Row]:
        reference = implementations.source(REFERENCE)
        parts = PARTS if more else PARTS[:OF_EACH_ACTIVATION]
        return compare(path, reference, activation, given, parts, load, limit)

    rows: list[Row] = []
    for row in rows_of(problems(more)):
        rows.append(row)
        if row.verdict == "differs" and first_difference(rows) is row:
            differs(rows)
    first = first_difference(rows)
    if first is None or first.verdict != "fails" or first.network == article().network:
        return rows, []
    # Are the article's sizes written into it?
    of_article = list(rows_of([article()]))
    if first_difference(of_article) is not None:
        return rows, []
    return of_article, [
        "  note   right for the article's sizes alone, images of 28 × 28, 256 hidden units, 10 "
        f"classes: they are written into the file ({first.detail})"
    ]


def check_activation(path: Path, activation: Activation) -> tuple[bool, list[str]]:
    """Whether an activation is right, alone and in each implementation; a line for each."""
    formulas = f"{activation.formula}; derivative: {activation.derivative_formula}"
    lines, met = [f"{path.stem}: {formulas}"], True
    try:
        for found in requirements(activation, path):
            met &= found.met
            lines.append(found.line())
            if not found.met and found.basic:
                return False, lines
    except PlugInError as error:
        return False, [*lines, f"  FAILS  {error}"]
    reference, parts = implementations.source(REFERENCE), PARTS[:OF_EACH_ACTIVATION]
    for name in implementations.names():
        rows = compare(implementations.source(name), reference, activation, problems(), parts)
        agrees = first_difference(list(rows)) is None
        met &= agrees
        word = "ok   " if agrees else "WRONG"
        lines.append(f"  {word}  {name} trains with it as {REFERENCE} does")
    return met, lines


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="mlplab check", description=__doc__)
    parser.add_argument(
        "path",
        type=Path,
        nargs="+",
        help="the file or notebook of an implementation or activation, or a folder of them",
    )
    parser.add_argument(
        "--activation",
        nargs="+",
        metavar="NAME",
        choices=activations.names(),
        help="check an implementation with these only (default: all)",
    )
    add_hint(parser, "how much is given away of an implementation")
    parser.add_argument(
        "--isolation",
        choices=("auto", "require", "off"),
        default="auto",
        help="how the file is run: in a process of its own, within bwrap where that is installed "
        "(auto) or not at all (require); or in this process, trusted (off)",
    )
    parser.add_argument("--output", action="store_true", help="show what the file prints, too")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        files, is_table = submissions.files_of(asked.path)
        met = True
        for file in files:
            met &= _row(file, files, asked) if is_table else _verdict(file, asked)
    except PlugInError as error:
        print(f"  FAILS  {error}")
        met = False
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0 if met else 1


def _row(file: Path, files: Sequence[Path], asked: argparse.Namespace) -> bool:
    """Print one line of a table of `files`; whether the file is right."""
    judged = judge(file, asked.activation, asked.hint, asked.isolation)
    print(judged.row(files))
    return judged.right


def _verdict(file: Path, asked: argparse.Namespace) -> bool:
    """Print a verdict, its first line as soon as that is known; whether the file is right."""
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        print(line, flush=True)

    judged = judge(file, asked.activation, asked.hint, asked.isolation, tell=tell)
    for line in judged.lines(asked.output)[len(told) :]:
        print(line)
    return judged.right


def judge(
    path: Path,
    chosen: Sequence[str] | None,
    hint: int,
    isolation: str,
    limits: Limits | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Judged:
    """Run one file where it belongs, and judge it. Raises UserError where that cannot be had.

    `tell` is given the verdict's first line as soon as a value differs.
    """
    run = verdict = None
    try:
        with isolated(path, limits=limits, isolation=isolation) as run:
            if defines(path, "function") and not defines(path, "Network"):
                right, lines = check_activation(path, run.activation(path))
            else:
                load = run.implementation
                verdict = examine(path, chosen, load, tell=lambda known: tell(known.headline(hint)))
                right, lines = verdict.right, verdict.lines(hint)
    except PlugInError as error:
        right, lines = False, [f"FAILS  {path.stem}: {error}"]
    return Judged(path, right, lines, run.sandbox if run else None, verdict)
