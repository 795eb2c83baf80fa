"""Groups and cells of the grid, and which of them the page shows: all of few, the best of many."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pandas as pd

from mlplab.report.findings._finding import name_of
from mlplab.report.wording import count, is_finite
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

    `accuracy` is None where a run diverged or failed; where all failed, `error` says how.
    """

    path: str
    name: str
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
    accuracy: float | None
    cells: list[Cell]

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


def _confusions(table: pd.DataFrame) -> dict[str, Confusion]:
    """Cell → its most frequent confusion, the first that the table has of it."""
    first = table.drop_duplicates("cell").to_dict("records")
    return {
        row["cell"]: Confusion(row["amount"], row["images"], row["true"], row["predicted"])
        for row in first
    }


def _trouble(records: Sequence[RunRecord]) -> str:
    """How many runs diverged and failed, in words; "" where none did."""
    amounts = [
        (sum(record.run.status == status for record in records), status)
        for status in ("diverged", "failed")
    ]
    return ", ".join(f"{count(amount, 'run')} {status}" for amount, status in amounts if amount)


def _known(values: Iterable[float]) -> list[float | None]:
    return [value if is_finite(value) else None for value in values]


def groups(
    config: Mapping[str, Any],
    records: Mapping[str, RunRecord],
    tables: Mapping[str, pd.DataFrame],
) -> list[Group]:
    """The groups of the grid with their cells, in the order of the grid.

    Their accuracies are those of the tables of groups and of cells ("summary").
    """
    metric = f"{grid.scored_split(config)}_accuracy_mean"
    runs = grid.runs(config)
    by_cell, by_group = grid.by_cell(runs), grid.by_group(runs)
    confused = _confusions(tables["confusions"])
    # The rows of both tables are in the order of the grid.
    of_cells = dict(zip(by_cell, _known(tables["summary"][metric]), strict=True))
    of_groups = dict(zip(by_group, _known(tables["groups"]["mean"]), strict=True))
    found = []
    for path, members in by_group.items():
        cells = []
        for cell in dict.fromkeys(run.cell for run in members):
            own = [records[run.path] for run in by_cell[cell]]
            failed = all(record.run.status == "failed" for record in own)
            cells.append(
                Cell(
                    cell,
                    f"{by_cell[cell][0].implementation}, {name_of(members[0])}",
                    by_cell[cell][0].seed,
                    of_cells[cell],
                    confused.get(cell),
                    _trouble(own),
                    str(own[0].run.error) if failed else "",
                )
            )
        found.append(Group(path, name_of(members[0]), of_groups[path], cells))
    return found
