"""The benchmark of mistakes: `mlplab benchmark-mistakes [FOLDER]`.

Checks every right and every wrong network of a corpus (judging/corpus.py has its form) as
`mlplab check` does, and prints how many mistakes are detected, of how many the first line names the
cause, and how many right networks are called wrong. The exit status is 1 where a mistake is missed,
a cause is false or a right network is called wrong.
"""

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import torch

from mlplab.errors import UserError
from mlplab.files import write_text
from mlplab.isolation.run import isolated
from mlplab.judging.check import examine
from mlplab.judging.corpus import Wrong, read
from mlplab.judging.page import with_table
from mlplab.judging.verdict import Verdict

# The repository's own.
CORPUS = Path(__file__).parents[3] / "tests" / "mistakes"
NONE = "none"


@dataclass(frozen=True)
class Outcome:
    """What became of one file; `expected` is a name of the catalogue, "" for a right file."""

    name: str
    expected: str
    held_out: bool
    right: bool
    cause: str
    headline: str
    seconds: float

    @property
    def detected(self) -> bool:
        """Whether a wrong file was called wrong."""
        return bool(self.expected) and not self.right

    @property
    def named(self) -> bool:
        """Whether the first line has the cause."""
        return self.detected and self.cause == self.expected

    @property
    def false_cause(self) -> bool:
        """Whether another cause was named than the file's."""
        return bool(self.cause) and self.cause != self.expected

    @property
    def false_alarm(self) -> bool:
        """Whether a right file was called wrong."""
        return not self.expected and not self.right


def judged(path: Path, isolation: str) -> tuple[Verdict, float]:
    """The verdict on a file as `mlplab check` gives it, and the CPU seconds that it took.

    They are those of one core, the file's own process included.
    """
    torch.set_num_threads(1)
    began = _used()
    with isolated(path, isolation=isolation) as run:
        verdict = examine(path, None, run.implementation)
    return verdict, _used() - began


def _used() -> float:
    """CPU seconds of this process and of those that it has waited for."""
    return sum(os.times()[:4])


def _outcome(path: Path, expected: str, held_out: bool, isolation: str) -> Outcome:
    verdict, seconds = judged(path, isolation)
    cause = verdict.mistake.name if verdict.mistake else ""
    return Outcome(path.stem, expected, held_out, verdict.right, cause, verdict.headline(), seconds)


def outcomes(
    folder: Path, names: Sequence[str] = (), jobs: int = 1, isolation: str = "auto"
) -> Iterator[Outcome]:
    """Check a corpus, or those of its files that are named; in its order, the wrong ones first."""
    corpus = read(folder)
    unknown = set(names) - set(corpus.wrong) - {path.stem for path in corpus.right}
    if unknown:
        raise UserError(f"{folder}: it has no {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="mistakes-") as made:
        tasks: list[tuple[Path, str, bool, str]] = []
        for wrong in corpus.wrong.values():
            if not names or wrong.name in names:
                path = _written(wrong, Path(made))
                tasks.append((path, wrong.cause, wrong.held_out, isolation))
        tasks += [(p, "", False, isolation) for p in corpus.right if not names or p.stem in names]
        if jobs == 1:
            yield from (_outcome(*task) for task in tasks)
            return
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            yield from pool.map(_outcome, *zip(*tasks, strict=True))


def _written(wrong: Wrong, folder: Path) -> Path:
    path = folder / f"{wrong.name}.py"
    path.write_text(wrong.source(), encoding="utf-8")
    return path


def table(found: Sequence[Outcome]) -> str:
    """The benchmark's result as a Markdown table."""
    wrong = [one for one in found if one.expected]
    right = [one for one in found if not one.expected]
    first = [one for one in wrong if not one.held_out]
    after = [one for one in wrong if one.held_out]
    lines = [
        "| | wrong networks | detected | cause in the first line | false causes | CPU seconds: "
        "median, most |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for words, chosen in (
        ("that the recognisers were written with", first),
        ("written afterwards, nothing changed since", after),
        ("all", wrong),
    ):
        if chosen:
            lines.append(
                f"| {words} | {len(chosen)} | {_share(chosen, 'detected')} | "
                f"{_share(chosen, 'named')} | {sum(one.false_cause for one in chosen)} | "
                f"{_seconds(chosen)} |"
            )
    if right:
        alarms = sum(one.false_alarm for one in right)
        lines += [
            "",
            "| right networks | false alarms | CPU seconds: median, most |",
            "|---:|---:|---:|",
            f"| {len(right)} | {alarms} | {_seconds(right)} |",
        ]
    return "\n".join(lines) + "\n"


def _share(chosen: Sequence[Outcome], what: str) -> str:
    count = sum(getattr(one, what) for one in chosen)
    return f"{count} ({100 * count / len(chosen):.0f} %)"


def _seconds(chosen: Sequence[Outcome]) -> str:
    seconds = [one.seconds for one in chosen]
    return f"{statistics.median(seconds):.1f}, {max(seconds):.1f}"


def complaints(found: Sequence[Outcome]) -> list[str]:
    """A line for each file that was not judged as it should be."""
    lines = []
    for one in found:
        if one.expected and not one.detected:
            lines.append(f"missed       {one.name}: {one.expected}")
        elif one.false_cause:
            lines.append(f"false cause  {one.name}: {one.expected}; told: {one.headline}")
        elif one.false_alarm:
            lines.append(f"false alarm  {one.name}: {one.headline}")
        elif one.expected not in ("", NONE) and not one.named:
            lines.append(f"not named    {one.name}: {one.expected}; told: {one.headline}")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="mlplab benchmark-mistakes", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=CORPUS, help="a corpus")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these files alone")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="files at once (default: all cores)"
    )
    parser.add_argument(
        "--isolation",
        choices=("auto", "require", "off"),
        default="auto",
        help="how the files are run, as in mlplab check",
    )
    parser.add_argument("--page", type=Path, help="put the table into this page (docs/mistakes.md)")
    chosen = parser.parse_args(arguments)
    try:
        found = []
        for one in outcomes(chosen.folder, chosen.only, max(1, chosen.jobs), chosen.isolation):
            found.append(one)
            print(f"{one.seconds:5.1f} s  {one.headline}", file=sys.stderr, flush=True)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print(table(found), end="")
    wrong = complaints(found)
    print("\n".join(["", *wrong]) if wrong else "", end="\n" if wrong else "")
    if chosen.page:
        page = chosen.page.read_text(encoding="utf-8")
        write_text(chosen.page, with_table(page, table(found)))
    return int(any(not line.startswith("not named") for line in wrong))


if __name__ == "__main__":
    sys.exit(main())
