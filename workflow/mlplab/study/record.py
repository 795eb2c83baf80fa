"""A run's record on disk: the files that hold everything that is known of it.

history.csv, diagnostics.csv, parameters.safetensors, predictions.parquet and run.json are written
by training, evaluation.json by evaluation. The record comes first; MLflow gets what it says.
"""

import csv
import gc
import itertools
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mlplab.commands import again
from mlplab.errors import UserError
from mlplab.files import file_digest, files_digest, replacing
from mlplab.study.documents import Evaluation, RunInfo, read_evaluation, read_run

# Names of the files in a run's folder.
NAMES = {
    "history": "history.csv",
    "diagnostics": "diagnostics.csv",
    "parameters": "parameters.safetensors",
    "predictions": "predictions.parquet",
    "run": "run.json",
    "evaluation": "evaluation.json",
}

# Beside them until the run is evaluated: what an interrupted run goes on from. One that is complete
# keeps it so long for the sake of bundles of runs, which are begun anew when one of them fails.
CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True)
class RunFiles:
    """Paths of the files of one run."""

    history: Path
    diagnostics: Path
    parameters: Path
    predictions: Path
    run: Path
    evaluation: Path

    @classmethod
    def at(cls, folder: Path) -> "RunFiles":
        """Those of the run whose folder it is."""
        return cls(**{kind: folder / name for kind, name in NAMES.items()})

    @classmethod
    def each(cls, paths: Any) -> "list[RunFiles]":
        """From any object with a list of each of these, as `beside` returns it."""
        columns = [getattr(paths, field.name) for field in fields(cls)]
        return [cls(*map(Path, row)) for row in zip(*columns, strict=True)]

    def all(self) -> list[Path]:
        """Every file of the record."""
        return [getattr(self, field.name) for field in fields(self)]

    def check(self) -> None:
        """Raise UserError, which names the file, where one has changed since it was written."""
        self.check_training()
        read_evaluation(self.evaluation)

    def check_training(self) -> None:
        """The same of what training has written."""
        for kind, written in read_run(self.run).files.items():
            path: Path = getattr(self, kind)
            found = file_digest(path)
            if found != written:
                raise UserError(
                    f"{path}: changed since it was written (SHA-256 {found}, {self.run.name} says "
                    f"{written}); train this run again: {again(self.run)}"
                )

    def digest(self) -> str:
        """Digest of the whole record: another training gives another digest."""
        return files_digest(self.all())

    def load(self) -> "RunRecord":
        """What the files say, apart from parameters and predictions."""
        return RunRecord(
            read_run(self.run),
            read_rows(self.history),
            read_evaluation(self.evaluation),
            read_rows(self.diagnostics),
        )


def beside(files: Iterable[str | os.PathLike[str]], *kinds: str) -> SimpleNamespace:
    """The files of some kinds that lie beside each of `files` in its run's folder: a list of each.

    Raises UserError where one is missing.
    """
    folders = [Path(file).parent for file in files]
    found = {kind: [folder / NAMES[kind] for folder in folders] for kind in kinds}
    for path in itertools.chain(*found.values()):
        if not path.exists():
            raise UserError(
                f"{path} is missing, though later files of its run are there; train this run "
                f"again: {again(path.parent / NAMES['run'])}"
            )
    return SimpleNamespace(**found)


@dataclass(frozen=True)
class RunRecord:
    """What is known of a run: run.json, history (a row per epoch), evaluation.json, diagnostics.

    A run whose implementation or activation is broken has the status "failed" and no history.
    """

    run: RunInfo
    history: list[dict[str, Any]]
    evaluation: Evaluation
    diagnostics: list[dict[str, Any]] = field(default_factory=list)

    @property
    def last(self) -> dict[str, float]:
        """What the last epoch was measured by, losses and accuracies; empty for a failed run."""
        last = self.history[-1] if self.history else {}
        return {name: value for name, value in last.items() if name not in PACE}

    @property
    def sanity(self) -> str:
        """Whether all of the article's bounds (B11) are met; a failed run misses them."""
        bounds = self.run.sanity.values()
        return "met" if bounds and all(bound.met for bound in bounds) else "missed"


def write_rows(path: str | os.PathLike[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows with the same keys as CSV; floats keep all their digits. No row, no heading."""
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else [])
        if rows:
            writer.writeheader()
        writer.writerows(rows)


# Columns of a history that say which epoch it was and how fast; all others are metrics.
PACE = frozenset({"epoch", "seconds", "cpu_seconds", "samples_per_second", "timestamp"})

# Columns that hold no floats. The few different texts are kept once for all rows.
KINDS: dict[str, Callable[[str], Any]] = {
    "epoch": int,
    "timestamp": int,
    "quantity": sys.intern,
    "of": sys.intern,
}


def read_rows(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The rows of a history or of diagnostics; epoch and timestamp (ms) are whole numbers.

    Raises UserError where the file holds anything else.
    """
    with open(path, newline="") as file:
        lines = csv.reader(file, strict=True)
        try:
            names = next(lines, [])
            kinds = [KINDS.get(name, float) for name in names]
            return [
                {name: kind(text) for name, kind, text in zip(names, kinds, line, strict=True)}
                for line in lines
            ]
        except (ValueError, csv.Error) as error:
            raise UserError(
                f"{path}:{lines.line_num}: no table of numbers ({error}); train this run again: "
                f"{again(Path(path).with_name(NAMES['run']))}"
            ) from error


@contextmanager
def collection_paused() -> Iterator[None]:
    """Make many objects that all live on: Python's search for garbage would take half the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def load_records(names: Sequence[str], paths: Any) -> dict[str, RunRecord]:
    """Name → record, from an object with the lists `run`, `history` and `evaluation` of paths.

    Where it has the list `diagnostics`, these are read as well.
    """
    columns = [paths.run, paths.history, paths.evaluation]
    if hasattr(paths, "diagnostics"):
        columns.append(paths.diagnostics)
    with collection_paused():
        return {
            name: RunRecord(
                read_run(run),
                read_rows(history),
                read_evaluation(evaluation),
                *map(read_rows, diagnostics),
            )
            for name, run, history, evaluation, *diagnostics in zip(names, *columns, strict=True)
        }
