"""A run's record on disk: the files that hold everything that is known of it.

history.csv, parameters.safetensors, predictions.parquet and run.json are written by training,
evaluation.json by evaluation. The record comes first; MLflow gets what the record says.
"""

import csv
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from mlplab.files import files_digest, read_json, replacing


@dataclass(frozen=True)
class RunFiles:
    """Paths of the files of one run."""

    history: Path
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
            read_json(self.run), read_history(self.history), read_json(self.evaluation)
        )


@dataclass(frozen=True)
class RunRecord:
    """What is known of a run: run.json, history (a row per epoch), evaluation.json."""

    run: dict[str, Any]
    history: list[dict[str, float]]
    evaluation: dict[str, Any]

    def final_metrics(self) -> dict[str, float]:
        """Metrics of the whole run, as they are tracked and tabulated."""
        loss = self.evaluation["test_loss"]
        return {
            "final_test_accuracy": self.evaluation["test_accuracy"],
            "final_test_loss": math.nan if loss is None else loss,
            "macro_f1": self.evaluation["macro_f1"],
            "epochs_run": float(len(self.history)),
            "training_seconds": self.run["training_seconds"],
            "seconds_per_epoch": self.run["seconds_per_epoch"],
        }


def write_history(path: str | os.PathLike[str], rows: Sequence[dict[str, float]]) -> None:
    """Write a row per epoch as CSV; floats keep all their digits."""
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def read_history(path: str | os.PathLike[str]) -> list[dict[str, float]]:
    """The rows of a history; epoch and timestamp (milliseconds) are whole numbers."""
    whole = ("epoch", "timestamp")
    with open(path, newline="") as file:
        return [
            {key: int(text) if key in whole else float(text) for key, text in row.items()}
            for row in csv.DictReader(file)
        ]


def load_records(names: Sequence[str], paths: Any) -> dict[str, RunRecord]:
    """Name → record, from an object with the lists `run`, `history` and `evaluation` of paths."""
    files = zip(names, paths.run, paths.history, paths.evaluation, strict=True)
    return {
        name: RunRecord(read_json(run), read_history(history), read_json(evaluation))
        for name, run, history, evaluation in files
    }
