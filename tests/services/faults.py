"""A fault that a study gets over, and what of its results must not depend on it."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.faults.judging import records as results

__all__ = ["Fault", "results"]


@dataclass
class Fault:
    """A fault, and how the study got over it."""

    name: str
    happened: str = ""
    seconds: float = 0.0
    lost: int = 0
    doubled: int = 0

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Take the time of the whole study."""
        start = time.monotonic()
        yield
        self.seconds = time.monotonic() - start

    def count(self, held: Mapping[str, int]) -> None:
        """Take over what `benchmarks.writers.count` found in MLflow's database."""
        self.lost = held["runs_lost"] + held["points_lost"]
        self.doubled = held["runs_doubled"] + held["points_doubled"]

    def line(self) -> str:
        """A row of the table."""
        return (
            f"| {self.name} | {self.happened} | {self.seconds:.0f} | {self.lost} | {self.doubled} |"
        )
