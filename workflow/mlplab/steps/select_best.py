"""Choose the best combination on validation images, and test it once."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from mlplab.analysis import agreement, selection, tables
from mlplab.datasets import store
from mlplab.errors import UserError
from mlplab.files import PathLike, write_json, write_text
from mlplab.study.record import beside
from mlplab.training.testing import test_runs


def select_best(
    table: PathLike,
    agreed: PathLike,
    data: PathLike,
    runs: Mapping[str, PathLike],
    axes: Sequence[str],
    implementations: Mapping[str, PathLike],
    activations: Mapping[str, PathLike],
    device: str,
    isolation: str,
    threads: int,
    readings: PathLike,
    target: PathLike,
) -> None:
    """Write to `target` (JSON) what was selected among what, and what the test set says of it.

    `table` is that of all runs, `agreed` says which implementations are right; `runs` maps a run's
    path to its run.json. `readings` (JSON lines) gets a further one for this reading of the test
    set, and is never begun anew.
    """
    torch.set_num_threads(threads)
    right = agreement.right(tables.read(agreed))
    winners, ranked = selection.winner(tables.read(table), axes, right)
    first = winners.iloc[0]
    files = beside(runs.values(), "parameters")
    tested = test_runs(
        selection.rows(winners),
        dict(zip(runs, map(Path, files.parameters), strict=True)),
        Path(implementations[first["implementation"]]),
        Path(activations[first["activation"]]),
        store.load(data),
        device,
        isolation,
    )
    found = selection.summary(ranked, tested, axes)
    log = [*_lines(readings), selection.reading(found, datetime.now(UTC))]
    write_text(readings, "".join(f"{json.dumps(reading)}\n" for reading in log))
    summary = found | selection.counted(log)
    write_json(target, summary)
    print(summary)


def _lines(readings: PathLike) -> list[dict[str, Any]]:
    """The earlier readings; UserError where the log is damaged."""
    file = Path(readings)
    try:
        return [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    except FileNotFoundError:
        return []
    except ValueError as error:
        raise UserError(
            f"{file}: not the log of readings of the test set, one JSON object in a line "
            f"({error}); put the file back, or move it away and say so where you publish"
        ) from error
