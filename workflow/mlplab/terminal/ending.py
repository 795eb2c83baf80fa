"""How a study ended, in six lines: what it found, what went wrong, where to read on."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlplab.terminal import verdicts
from mlplab.terminal.progress import Failure, Progress
from mlplab.terminal.words import duration, number

# Of failed jobs no more than so many different messages are shown.
MESSAGES = 5
# Of wrong implementations no more than so many.
WRONG = 3
AGAIN = "the same command goes on from there"


@dataclass(frozen=True)
class Line:
    """A line of the end: good news, bad news or neither."""

    text: str
    mood: Literal["plain", "good", "warning", "bad"] = "plain"


def ending(progress: Progress, seconds: float) -> list[Line]:
    """How a study ended that has run for so many seconds."""
    study = Path(progress.study)
    if progress.status == "finished":
        time = f"{number(progress.done, 'job')} in {duration(seconds)}"
        return [*outcome(study), *reading(study, time)]
    done = f"{progress.done} of {number(progress.total, 'job')}"
    if progress.status == "stopped":
        return [Line(f"Stopped after {done}: {AGAIN}", "bad")]
    lines = [Line(f"✗ {message}", "bad") for message in _messages(progress.failures.values())]
    return [*lines, Line(f"{done} are done, in {duration(seconds)}: once it is mended, {AGAIN}")]


def _messages(failures: Iterable[Failure]) -> list[str]:
    """Each message once, with the jobs that have it."""
    by_message: dict[str, list[Failure]] = {}
    for failure in failures:
        by_message.setdefault(failure.said, []).append(failure)
    messages = []
    for said, (first, *rest) in by_message.items():
        others = f" and {number(len(rest), 'other job')}" if rest else ""
        log = f" ({first.log})" if first.log else ""
        # What it says comes last: it may have several lines, or end in a command to copy.
        messages.append(f"{first.name}{others} failed{log}: {said}")
    more = len(messages) - MESSAGES
    return messages[:MESSAGES] + [f"{number(more, 'other message')}"] * (more > 0)


def outcome(study: Path) -> list[Line]:
    """What a study that is complete has found: what is best, who agrees, what went wrong."""
    findings: dict[str, list[str]] = {}
    for row in verdicts.rows(study, "findings"):
        findings.setdefault(row["finding"], []).append(row["sentence"])
    best = findings.get("selection") or findings.get("best") or []
    broken = verdicts.broken(study)
    good, bad = verdicts.agreement(study, findings.get("parity", []))
    # An implementation that breaks down has crashed in its runs as well, in the same place: limits
    # of time are others there.
    wrong = [words for words, detail in bad if not detail or detail.split(": ")[0] not in broken]
    more = len(wrong) - WRONG
    also = [f"{number(more, 'other implementation')} wrong: the page says how"] * (more > 0)
    return [
        *(Line(sentence) for sentence in best[:1]),
        *(Line(sentence, "good") for sentence in good),
        *(Line(f"✗ {sentence}", "bad") for sentence in [*wrong[:WRONG], *also]),
        *([Line(f"✗ {broken}", "bad")] if broken else []),
    ]


def reading(study: Path, time: str = "") -> list[Line]:
    """Where to read on, after the time that it took."""
    page = study / "report.html"
    if not page.exists():
        return [Line(time)] if time else []
    runs = f"make ui STUDY={study.name}"
    return [
        Line(f"The page: {page.resolve()}"),
        Line(f"{time}; all runs: {runs}" if time else f"All runs: {runs}"),
    ]
