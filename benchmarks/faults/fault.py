"""What a fault is."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.faults.making import Strike
from benchmarks.faults.project import Project


@dataclass(frozen=True)
class Fault:
    """A fault by its name: the function that makes it, and the pattern of what must be said.

    `advice` is what a user does by hand before the next command, as the message says. That command
    is the one that the message advises, where it advises one, and else the same again.
    """

    group: str
    name: str
    strike: Strike
    says: str = ""
    advice: Callable[[Project], None] | None = None
