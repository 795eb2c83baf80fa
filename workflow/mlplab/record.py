"""A run's record on disk: the files that hold everything that is known of it.

history.csv, diagnostics.csv, parameters.safetensors, predictions.parquet and run.json are written
by training, evaluation.json by evaluation. The record comes first; MLflow gets what it says.
"""

import csv
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from mlplab.files import files_digest, read_json, replacing


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
    def of(cls, paths: Any) -> "RunFiles":
        """From any object with these attributes, such as named inputs."""
        return cls(**{field.name: Path(getattr(paths, field.name)) for field in fields(cls)})

    def all(self) -> list[Path]:
        """Every file of the record."""
        return [getattr(self, field.name) for field in fields(self)]

    def digest(self) -> str:
        """Digest of the whole record: another training gives another digest."""
        return files_digest(self.all())

    def load(self) -> "RunRecord":
        """What the files say, apart from parameters and predictions."""
        return RunRecord(
            read_json(self.run),
            read_rows(self.history),
            read_json(self.evaluation),
            read_rows(self.diagnostics),
        )


@dataclass(frozen=True)
class RunRecord:
    """What is known of a run: run.json, history (a row per epoch), evaluation.json, diagnostics.

    A run whose implementation or activation is broken has the status "failed" and no history.
    """

    run: dict[str, Any]
    history: list[dict[str, Any]]
    evaluation: dict[str, Any]
    diagnostics: list[dict[str, Any]] = field(default_factory=list)

    @property
    def last(self) -> dict[str, float]:
        """Losses and accuracies of the last epoch; empty for a failed run."""
        last = self.history[-1] if self.history else {}
        return {name: v for name, v in last.items() if name.endswith(("_loss", "_accuracy"))}

    @property
    def sanity(self) -> str:
        """Whether all of the article's bounds (B11) are met; a failed run misses them."""
        checks = self.run["sanity"].values()
        return "met" if checks and all(check["met"] for check in checks) else "missed"

    def final_metrics(self) -> dict[str, float]:
        """Metrics of the whole run, as they are tracked and tabulated; none for a failed run."""
        if not self.history:
            return {}
        split, scores = self.run["scored_on"], self.evaluation
        return {
            f"final_{split}_accuracy": scores["accuracy"],
            f"final_{split}_loss": math.nan if scores["loss"] is None else scores["loss"],
            "macro_f1": scores["macro_f1"],
            "epochs_run": float(len(self.history)),
            "training_seconds": self.run["training_seconds"],
            "seconds_per_epoch": self.run["seconds_per_epoch"],
        }


def write_rows(path: str | os.PathLike[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows with the same keys as CSV; floats keep all their digits. No row, no heading."""
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else [])
        if rows:
            writer.writeheader()
        writer.writerows(rows)


WHOLE = ("epoch", "timestamp")
TEXT = ("quantity", "of")


def _value(key: str, text: str) -> Any:
    if key in TEXT:
        return text
    return int(text) if key in WHOLE else float(text)


def read_rows(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The rows of a history or of diagnostics; epoch and timestamp (ms) are whole numbers."""
    with open(path, newline="") as file:
        return [
            {key: _value(key, text) for key, text in row.items()} for row in csv.DictReader(file)
        ]


def load_records(names: Sequence[str], paths: Any) -> dict[str, RunRecord]:
    """Name → record, from an object with the lists `run`, `history` and `evaluation` of paths.

    Where it has the list `diagnostics`, these are read as well.
    """
    files = zip(names, paths.run, paths.history, paths.evaluation, strict=True)
    records = {
        name: RunRecord(read_json(run), read_rows(history), read_json(evaluation))
        for name, run, history, evaluation in files
    }
    if not hasattr(paths, "diagnostics"):
        return records
    return {
        name: replace(record, diagnostics=read_rows(diagnostics))
        for (name, record), diagnostics in zip(records.items(), paths.diagnostics, strict=True)
    }
