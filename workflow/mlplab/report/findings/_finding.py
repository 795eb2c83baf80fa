"""A finding: what a study found of one thing, in sentences computed from its runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mlplab.report.wording import count, listed, setting
from mlplab.study import words
from mlplab.study.documents import RunInfo
from mlplab.study.grid import Run

NAMED_AT_MOST = 5


@dataclass(frozen=True)
class Finding:
    """One finding: its key and heading, its sentences, that of the answer, and a list.

    It stands among the findings of the page, or in another `section`. `article` is the item of the
    article that it is on.
    """

    key: str
    title: str
    sentences: list[str]
    headline: str = ""
    items: list[str] = field(default_factory=list)
    section: str = "Findings"
    article: str = ""


def name_of(run: Run | RunInfo) -> str:
    """What several implementations and seeds share, in words: relu at learning rate 0.5."""
    return words.point(run.activation, {axis: setting(run.settings[axis]) for axis in run.axes})


def run_named(run: RunInfo) -> str:
    """One run in words: scratch with relu at learning rate 0.5 (seed 0)."""
    return f"{run.implementation} with {name_of(run)} (seed {run.seed})"


def first_of(names: Sequence[str], noun: str = "") -> str:
    """Names in one phrase, the first few of many: a, b, c, d, e and 7 more runs."""
    if len(names) <= NAMED_AT_MOST:
        return listed(names)
    rest = len(names) - NAMED_AT_MOST
    return listed([*names[:NAMED_AT_MOST], count(rest, f"more {noun}") if noun else f"{rest} more"])
