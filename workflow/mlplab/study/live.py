"""A run under way: epochs.jsonl in its folder, a line for each epoch, until its record is complete.

Whoever watches a study reads it, from another process or another node. It decides nothing.
"""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = "epochs.jsonl"


@dataclass(frozen=True)
class Live:
    """How far a run is: rows of its history so far, of as many `epochs` as it will have."""

    epochs: int
    rows: list[dict[str, Any]]


@contextmanager
def shown(folder: Path, epochs: int) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Yield what writes an epoch of the run in `folder`; the file is gone at the end.

    A disk that is full or away is no reason for a run to fail here.
    """
    file = folder / FILE

    def write(mode: str, value: Mapping[str, Any]) -> None:
        # Opened for each line: closing shows it to the other nodes of a cluster.
        with contextlib.suppress(OSError), file.open(mode, encoding="utf-8") as stream:
            stream.write(json.dumps(dict(value)) + "\n")

    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    write("w", {"epochs": epochs})
    try:
        yield lambda row: write("a", row)
    finally:
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)


def read(folder: Path) -> Live | None:
    """How far the run in `folder` is; None where none is under way."""
    try:
        first, *lines = (folder / FILE).read_text(encoding="utf-8").splitlines()
        epochs = json.loads(first)["epochs"]
    except (OSError, ValueError, KeyError):
        return None
    rows: list[dict[str, Any]] = []
    # The last line may be half written.
    with contextlib.suppress(ValueError):
        for line in lines:
            rows.append(json.loads(line))
    return Live(epochs, rows)
