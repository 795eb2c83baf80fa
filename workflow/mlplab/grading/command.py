"""Check a class at a time: `mlplab grade FOLDER`.

Every file, notebook or sub-folder of the folder is a submission. Each is checked as `mlplab check`
does, in a process of its own that can read no other's files. Beside the folder, in FOLDER-grades,
there are then grades.csv, the page grades.html, junit.xml, and for each submission
gradescope/NAME.json and the page students/NAME.html. Who is interrupted calls it again: what has
been checked is kept, and only what has changed is checked anew.
"""

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType

from mlplab import activations, implementations
from mlplab.errors import UserError
from mlplab.files import value_digest, write_json, write_text
from mlplab.grading import documents, finding, handed_in, page, points, pool
from mlplab.grading.documents import Graded
from mlplab.grading.finding import Finding
from mlplab.grading.handed_in import Refused, Submission
from mlplab.grading.points import Points
from mlplab.grading.pool import Options
from mlplab.judging.verdict import add_hint
from mlplab.study.code import code_digest

# In the folder of grades: findings by the digest of what they depend on.
CHECKED = "checked"
INTERRUPTED = 130


def keys(handed: Sequence[Submission], options: Options) -> dict[str, str]:
    """By slug, a digest of the submission's files, of the code that checks, and of the options."""
    library = [*map(implementations.source, implementations.names())]
    library += map(activations.source, activations.names())
    here = Path(__file__).parent
    judging = [here / name for name in ("pool.py", "finding.py", "handed_in.py")]
    isolated = sorted((here.parent / "isolation").glob("*.py"))
    code = code_digest(here.parent / "judging" / "check.py", *judging, *isolated, *library)
    found = {}
    for each in handed:
        try:
            content = handed_in.digest(handed_in.contents(each))
        except Refused as error:
            content = str(error)
        found[each.slug] = value_digest([each.name, content, code, asdict(options)])
    return found


def grade(
    handed: Sequence[Submission], output: Path, options: Options, cores: int
) -> dict[str, Finding]:
    """What is found of each submission, by its slug; what has been checked before is read."""
    by_key = keys(handed, options)
    places = {each.slug: output / CHECKED / f"{by_key[each.slug]}.json" for each in handed}
    kept = {each.slug: finding.read(places[each.slug]) for each in handed}
    found = {slug: each for slug, each in kept.items() if each is not None}
    waiting = [each for each in handed if each.slug not in found]
    if found:
        print(f"{len(found)} of {len(handed)} are checked already", file=sys.stderr)
    for submission, new in pool.check_all(waiting, options, cores):
        finding.write(places[submission.slug], new)
        found[submission.slug] = new
        done = f"{len(found):{len(str(len(handed)))}}/{len(handed)}"
        print(f"{done}  {new.word:6} {submission.name}", file=sys.stderr, flush=True)
    return found


def write(title: str, graded: Sequence[Graded], worth: Points, output: Path, hint: int) -> None:
    """All that is made of the findings."""
    for folder, ending in (("gradescope", ".json"), ("students", ".html")):
        names = {f"{each.submission.slug}{ending}" for each in graded}
        for path in (output / folder).glob(f"*{ending}"):
            # Of a submission that is no longer there.
            if path.name not in names:
                path.unlink()
    for each in graded:
        slug = each.submission.slug
        write_json(output / "gradescope" / f"{slug}.json", documents.gradescope(each, hint))
        write_text(output / "students" / f"{slug}.html", page.of_student(title, each, hint))
    write_text(output / "junit.xml", documents.junit(graded))
    write_text(output / "grades.html", page.of_class(title, graded, worth))
    write_text(output / "grades.csv", documents.table(graded))


def summary(graded: Sequence[Graded], output: Path) -> str:
    """What is said at the end."""
    words = [each.found.word for each in graded]
    told = ", ".join(f"{words.count(word)} {word}" for word in page.WORDS)
    return f"{len(graded)} submissions: {told}\n{output / 'grades.html'}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status: 0 where all are checked, whatever their grades."""
    asked = _parser().parse_args(arguments)
    folder = asked.folder.resolve()
    output = asked.output or folder.with_name(f"{folder.name}-grades")
    chosen = tuple(asked.activation) if asked.activation else None
    options = Options(chosen, asked.isolation, asked.file)
    try:
        worth = points.read(asked.points)
        handed, others = handed_in.submissions(asked.folder)
        _prepare(output, folder)
        if others:
            print(f"no submissions: {', '.join(others)}", file=sys.stderr)
        with _interruptible():
            found = grade(handed, output, options, max(1, asked.cores))
            graded = [Graded(each, found[each.slug], worth) for each in handed]
            write(folder.name, graded, worth, output, asked.hint)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        count = len(list((output / CHECKED).glob("*.json")))
        print(f"interrupted; {count} findings are kept: the same command goes on", file=sys.stderr)
        return INTERRUPTED
    print(summary(graded, output))
    return 0


def _prepare(output: Path, folder: Path) -> None:
    """Make the folder of grades; one that holds something else is left alone."""
    if output.resolve().is_relative_to(folder):
        raise UserError(f"{output}: grades in the folder of submissions would be graded as well")
    other = output.exists() and not (output / CHECKED).is_dir()
    if other and not (output.is_dir() and not any(output.iterdir())):
        raise UserError(f"{output}: this holds something else than grades; name another --output")
    (output / CHECKED).mkdir(parents=True, exist_ok=True)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Within, SIGTERM interrupts as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mlplab grade", description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder with the submissions")
    parser.add_argument("--output", type=Path, help="the folder of grades (default: FOLDER-grades)")
    parser.add_argument(
        "--points", type=Path, metavar="FILE", help="points for each requirement, in YAML"
    )
    add_hint(parser, "how much students are told")
    parser.add_argument(
        "--activation",
        nargs="+",
        metavar="NAME",
        choices=activations.names(),
        help="check with these only (default: all)",
    )
    parser.add_argument(
        "--file",
        default="",
        metavar="NAME",
        help="what the file is called, where sub-folders have several with a class Network",
    )
    parser.add_argument(
        "--cores", type=int, default=os.cpu_count() or 1, help="submissions at once (default: all)"
    )
    parser.add_argument(
        "--isolation",
        choices=("auto", "require"),
        default="auto",
        help="how submissions are run: within bwrap where that is installed (auto), or not at all "
        "(require)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
