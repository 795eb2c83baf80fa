"""Groups and cells of the grid, and which of them the page shows: all of few, the best of many."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from mlplab.report.findings._finding import group_name
from mlplab.report.wording import count
from mlplab.study import grid
from mlplab.study.record import RunRecord

# More details than this are not drawn on the page; the others are files beside it.
SHOWN_AT_MOST = 24


@dataclass(frozen=True)
class Confusion:
    """The most frequent confusion of a cell: how many images of one class, taken for another."""

    amount: int
    images: int
    true: str
    predicted: str


@dataclass(frozen=True)
class Cell:
    """One implementation with one activation and settings, over all seeds.

    `accuracy` is None where all runs failed, with the message of the first as `error`.
    """

    path: str
    seed: int
    accuracy: float | None
    confusion: Confusion | None
    trouble: str
    error: str


@dataclass(frozen=True)
class Group:
    """What several implementations share: an activation, and settings of the grid's other axes."""

    path: str
    name: str
    cells: list[Cell]

    @property
    def accuracy(self) -> float | None:
        """The mean over its cells."""
        known = [cell.accuracy for cell in self.cells if cell.accuracy is not None]
        return sum(known) / len(known) if known else None

    @property
    def trouble(self) -> str:
        """What went wrong in any of its cells."""
        return next((cell.trouble for cell in self.cells if cell.trouble), "")


Either = TypeVar("Either", Cell, Group)


def choose(items: Sequence[Either], most: int = SHOWN_AT_MOST) -> tuple[list[Either], list[Either]]:
    """What is shown and what is linked: of many, the most accurate and some of those in trouble."""
    if len(items) <= most:
        return list(items), []
    troubled = [item for item in items if item.trouble][: most // 2]
    sound = [item for item in items if not item.trouble]
    ranked = sorted(sound, key=lambda item: -(item.accuracy or 0))
    shown: list[Either] = ranked[: most - len(troubled)] + troubled
    return shown, [item for item in items if item not in shown]


def _confusion(records: Sequence[RunRecord], class_names: Sequence[str]) -> Confusion | None:
    """The most frequent confusion, summed over runs; None where all predictions are right."""
    sums = [
        [sum(cells) for cells in zip(*rows, strict=True)]
        for rows in zip(*(record.evaluation["confusion"] for record in records), strict=True)
    ]
    wrong = [
        (amount, true, predicted)
        for true, row in enumerate(sums)
        for predicted, amount in enumerate(row)
        if true != predicted and amount
    ]
    if not wrong:
        return None
    amount, true, predicted = max(wrong, key=lambda entry: entry[0])
    return Confusion(amount, sum(sums[true]), class_names[true], class_names[predicted])


def _trouble(records: Sequence[RunRecord]) -> str:
    """How many runs diverged and failed, in words; "" where none did."""
    amounts = [
        (sum(record.run["status"] == status for record in records), status)
        for status in ("diverged", "failed")
    ]
    return ", ".join(f"{count(amount, 'run')} {status}" for amount, status in amounts if amount)


def _cell(path: str, seed: int, records: Sequence[RunRecord], class_names: Sequence[str]) -> Cell:
    accuracies = [r.evaluation["metrics"][f"{r.run['scored_on']}_accuracy"] for r in records]
    known = [accuracy for accuracy in accuracies if accuracy is not None]
    return Cell(
        path,
        seed,
        sum(known) / len(known) if known else None,
        _confusion(records, class_names),
        _trouble(records),
        "" if known else str(records[0].run["error"]),
    )


def groups(
    config: Mapping[str, Any], records: Mapping[str, RunRecord], class_names: Sequence[str]
) -> list[Group]:
    """The groups of the grid with their cells, in the order of the grid."""
    found = []
    for path, runs in grid.by_group(grid.runs(config)).items():
        first = runs[0]
        cells = [
            _cell(cell, members[0].seed, [records[run.path] for run in members], class_names)
            for cell, members in grid.by_cell({run.path: run for run in runs}).items()
        ]
        point = {axis: first.settings[axis] for axis in first.axes}
        found.append(Group(path, group_name(first.activation, point), cells))
    return found
