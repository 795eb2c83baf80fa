"""A finding: what a study found of one thing, in sentences computed from its runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlplab.report.wording import count, human, listed, setting

NAMED_AT_MOST = 5


@dataclass(frozen=True)
class Finding:
    """One finding: its heading, its sentences, the one that goes into the answer, and a list."""

    title: str
    sentences: list[str]
    headline: str = ""
    items: list[str] = field(default_factory=list)


def group_name(activation: str, point: Mapping[str, Any]) -> str:
    """What several implementations and seeds share, in words: relu at learning rate 0.5."""
    settings = [f"{human(axis)} {setting(value)}" for axis, value in point.items()]
    return f"{activation} at {listed(settings)}" if settings else activation


def point_of(run: Mapping[str, Any]) -> dict[str, Any]:
    """A run's values on the further axes of its grid."""
    return {axis: run["settings"][axis] for axis in run["axes"]}


def first_of(names: Sequence[str], noun: str = "") -> str:
    """Names in one phrase, the first few of many: a, b, c, d, e and 7 more runs."""
    if len(names) <= NAMED_AT_MOST:
        return listed(names)
    rest = len(names) - NAMED_AT_MOST
    return listed([*names[:NAMED_AT_MOST], count(rest, f"more {noun}") if noun else f"{rest} more"])
