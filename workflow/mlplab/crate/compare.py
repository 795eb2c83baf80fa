"""Two trainings of the same run, number by number: bitwise the same, within rounding, different."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from itertools import combinations
from typing import Any

from mlplab.study.record import PACE, RunRecord
from mlplab.study.rounding import LOSS, is_share

# What rounding makes of a run differs from machine to machine as from implementation to
# implementation, and by chance a few times more: Fashion-MNIST's ReLU with two threads for one was
# 9.2e-3 of a loss off, where its implementations were 6.8e-3 apart.
TIMES_APART = 3


class Verdict(IntEnum):
    """How alike two trainings are; the greatest of several is that of all."""

    BITWISE = 0
    ROUNDING = 1
    DIFFERENT = 2


@dataclass(frozen=True)
class Allowed:
    """How far a number may be off by rounding: a share absolutely, a loss relative to its size."""

    share: float
    loss: float = LOSS


@dataclass(frozen=True)
class Difference:
    """A number that is not the same: where it stands, what it was and what it is."""

    run: str
    epoch: int | None
    quantity: str
    there: Any
    here: Any
    verdict: Verdict

    def __str__(self) -> str:
        where = f"{self.run}, epoch {self.epoch}" if self.epoch is not None else self.run
        return f"{where}, {self.quantity}: {self.there} in the crate, {self.here} here"

    @property
    def size(self) -> float:
        """How far apart two numbers are; NaN where they are none."""
        both = (self.there, self.here)
        return abs(self.here - self.there) if all(map(_is_number, both)) else math.nan


def apart(records: Iterable[RunRecord]) -> float:
    """How far the losses of some trainings are from one another, relative to their size; or 0.

    They are of one seed, by implementations that agree step by step: what rounding alone makes.
    """
    greatest = 0.0
    for one, other in combinations(records, 2):
        for row, twin in zip(one.history, other.history, strict=False):
            pairs = [(row[name], twin[name]) for name in row if not is_share(name)]
            for a, b in pairs:
                if _is_number(a) and _is_number(b) and a != b:
                    greatest = max(greatest, abs(a - b) / max(abs(a), abs(b)))
    return greatest


def differences(
    run: str, there: RunRecord, here: RunRecord, allowed: Allowed
) -> Iterator[Difference]:
    """Every number in which two records of a run differ, epoch by epoch, then of its scores."""
    old = {"status": there.run.status, "epochs": len(there.history)}
    new = {"status": here.run.status, "epochs": len(here.history)}
    yield from value_differences(run, old, new, allowed)
    for before, now in zip(there.history, here.history, strict=False):
        measured = {name: value for name, value in before.items() if name not in PACE}
        yield from value_differences(run, measured, now, allowed, before["epoch"])
    scores = (there.evaluation.metrics, here.evaluation.metrics)
    yield from value_differences(run, *scores, allowed)


def value_differences(
    of: str,
    there: Mapping[str, Any],
    here: Mapping[str, Any],
    allowed: Allowed,
    epoch: int | None = None,
) -> Iterator[Difference]:
    """Every value of `there` that `here` does not have, bit for bit."""
    for name, old in there.items():
        if not _same(old, new := here.get(name)):
            yield Difference(of, epoch, name, old, new, _verdict(name, old, new, allowed))


def _same(old: Any, new: Any) -> bool:
    """Whether two values are the same bit for bit, NaN included."""
    if isinstance(old, float) and isinstance(new, float):
        return old.hex() == new.hex()
    return bool(old == new)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _verdict(quantity: str, old: Any, new: Any, allowed: Allowed) -> Verdict:
    if not (_is_number(old) and _is_number(new)) or quantity == "epochs":
        return Verdict.DIFFERENT
    most = allowed.share if is_share(quantity) else allowed.loss * max(abs(old), abs(new))
    return Verdict.ROUNDING if abs(new - old) <= most else Verdict.DIFFERENT


def summary(
    runs: Mapping[str, list[Difference]], files: Mapping[str, bool], allowed: Allowed
) -> tuple[Verdict, list[str]]:
    """The verdict on a study, and the lines that say it.

    `runs` maps a run's path to its differences, `files` to whether parameters and predictions are
    the same; it lacks runs of which the crate has no digests. `allowed` is the most that any run
    may be off.
    """
    verdicts = {
        run: max((of.verdict for of in found), default=_of_files(files.get(run, True)))
        for run, found in runs.items()
    }
    verdict = max(verdicts.values(), default=Verdict.BITWISE)
    same = sum(each == Verdict.BITWISE for each in verdicts.values())
    count = f"{len(runs)} run{'s' if len(runs) != 1 else ''}"
    if verdict == Verdict.BITWISE:
        parts = "loss, accuracy, score and parameter" if files else "loss, accuracy and score"
        return verdict, [f"Bitwise the same: every {parts} of {count}."]
    most = f"losses within {allowed.loss:.2g} of their size, shares within {allowed.share:g}"
    if allowed.loss > LOSS:
        most += (
            f" (for losses {TIMES_APART} times what is here between implementations that agree "
            "step by step, with each activation and its settings)"
        )
    found = [each for of in runs.values() for each in of]
    worst = [each for each in found if each.verdict == verdict]
    lines = [
        f"Within rounding: {same} of {count} bitwise the same, in the others {most}."
        if verdict == Verdict.ROUNDING
        else f"Different: {sum(v == verdict for v in verdicts.values())} of {count}; {most} "
        "would count as rounding."
    ]
    if worst:
        greatest = max(worst, key=lambda each: (not math.isnan(each.size), each.size))
        lines += [f"First: {worst[0]}.", f"Greatest: {greatest}."]
    else:
        lines.append("Scores are the same to the last bit, parameters or predictions are not.")
    return verdict, lines


def _of_files(same: bool) -> Verdict:
    return Verdict.BITWISE if same else Verdict.ROUNDING
