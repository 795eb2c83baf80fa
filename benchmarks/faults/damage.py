"""Damaged files: cut off, flipped, edited, emptied, deleted; their dates stay as they were."""

import contextlib
import os
import re
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path

from benchmarks.faults.fault import Fault
from benchmarks.faults.making import DATA, STUDY, Answer, Strike, before, killed
from benchmarks.faults.project import DATABASE, Project

RUN = f"{STUDY}/runs/scratch/relu/seed=0"


def cut_off(path: Path) -> None:
    """The second half is gone."""
    os.truncate(path, path.stat().st_size // 2)


def flipped(path: Path) -> None:
    """A bit in the middle is another."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def header_flipped(path: Path) -> None:
    """A bit in the first byte is another."""
    with path.open("r+b") as file:
        first = file.read(1)[0]
        file.seek(0)
        file.write(bytes([first ^ 1]))


def emptied(path: Path) -> None:
    """Nothing is in it."""
    os.truncate(path, 0)


def deleted(path: Path) -> None:
    """It is not there."""
    path.unlink()


def edited(path: Path) -> None:
    """A better accuracy stands in the last row of a history."""
    rows = path.read_text().splitlines()
    values = rows[-1].split(",")
    values[4] = "0.999"
    path.write_text("\n".join([*rows[:-1], ",".join(values), ""]))


HOW = {
    "edited": edited,
    "cut off": cut_off,
    "flipped": flipped,
    "header flipped": header_flipped,
    "emptied": emptied,
    "deleted": deleted,
}


def spoil(path: Path, how: str) -> None:
    """Damage a file; its dates tell nothing."""
    times = path.stat()
    HOW[how](path)
    if path.exists():
        os.utime(path, (times.st_atime, times.st_mtime))


def damaged(file: str, how: str, stage: str | None) -> Strike:
    """A file of the finished study that is damaged before a stage that reads it comes next."""

    def strike(project: Project) -> Answer:
        before(project, stage)
        spoil(project.folder / file, how)
        return project.run()

    return strike


def checkpoint(how: str) -> Strike:
    """The checkpoint of a run that was killed."""

    def strike(project: Project) -> Answer:
        killed("train", signal.SIGKILL)(project)
        for file in (project.study / "runs").rglob("checkpoint.safetensors"):
            spoil(file, how)
        return project.run()

    return strike


def changed_in_store(project: Project) -> Answer:
    """Somebody has edited a metric in MLflow's database."""
    before(project, "tables")
    with contextlib.closing(sqlite3.connect(project.folder / DATABASE)) as store, store:
        for table in ("metrics", "latest_metrics"):
            store.execute(f"UPDATE {table} SET value = 0.999 WHERE key = 'test_accuracy'")
    return project.run()


def moved_away(file: Path) -> Callable[[Project], None]:
    """What a user does who is told to move a file away."""

    def advice(project: Project) -> None:
        (project.folder / file).rename(project.place / "moved away")

    return advice


TRAIN_AGAIN = "{}: changed since it was written .* train this run again: "
ANEW = "{}: changed since it was written .* make it anew: "
DOWNLOAD = "{}: changed since it was downloaded .* download it anew: "
NO_JSON = "{}: no JSON .* make it anew: "
NO_TABLE = "{}: no table .* make it anew: "
MISSING = "{} is missing, .* train this run again: "
STORE = "{}.* is no whole database of MLflow's"
# File, how it is damaged, the stage that comes next, and what must be said of it. Where nothing
# must be, the workflow makes the file anew by itself.
DAMAGED = (
    (f"{RUN}/history.csv", "cut off", "tables", TRAIN_AGAIN),
    (f"{RUN}/history.csv", "flipped", "tables", TRAIN_AGAIN),
    (f"{RUN}/history.csv", "edited", "tables", TRAIN_AGAIN),
    (f"{RUN}/history.csv", "emptied", "evaluate", TRAIN_AGAIN),
    (f"{RUN}/history.csv", "deleted", "tables", MISSING),
    (f"{RUN}/diagnostics.csv", "flipped", "tables", TRAIN_AGAIN),
    (f"{RUN}/parameters.safetensors", "cut off", "track", TRAIN_AGAIN),
    (f"{RUN}/predictions.parquet", "flipped", "evaluate", TRAIN_AGAIN),
    (f"{RUN}/predictions.parquet", "deleted", "tables", MISSING),
    (f"{RUN}/run.json", "flipped", "tables", ANEW),
    (f"{RUN}/run.json", "emptied", "tables", ANEW),
    (f"{RUN}/evaluation.json", "flipped", "tables", ANEW),
    (f"{RUN}/evaluation.json", "deleted", "tables", MISSING),
    (f"{RUN}/mlflow.json", "emptied", "tables", NO_JSON),
    (f"{RUN}/mlflow.json", "deleted", "tables", ""),
    (f"{DATA}/raw/test_images.gz", "cut off", "decode", DOWNLOAD),
    (f"{DATA}/raw/test_images.gz", "deleted", "decode", ""),
    (f"{DATA}/raw/test_images.gz.source.json", "emptied", "decode", NO_JSON),
    (
        f"{DATA}/data.safetensors",
        "flipped",
        "train",
        "{}: changed since it was decoded .* make it anew: ",
    ),
    (
        f"{DATA}/data.safetensors",
        "emptied",
        "train",
        "{}: changed since it was decoded .* make it anew: ",
    ),
    (f"{DATA}/data.safetensors", "deleted", "train", ""),
    (f"{DATA}/manifest.json", "cut off", "train", NO_JSON),
    (f"{STUDY}/study.json", "emptied", "tables", NO_JSON),
    (f"{STUDY}/tracked.json", "cut off", "page", NO_JSON),
    (f"{STUDY}/tables/runs.parquet", "cut off", "page", NO_TABLE),
    (f"{STUDY}/tables/summary.parquet", "emptied", "page", NO_TABLE),
    (f"{STUDY}/tables/summary.parquet", "deleted", "page", ""),
    (f"{STUDY}/tables/runs.csv", "deleted", "publish", ""),
    (f"{STUDY}/figures/accuracy.svg", "emptied", "page", "{}: expected an SVG .* make it anew: "),
    (f"{STUDY}/config.yaml", "emptied", "publish", "{}: .* make it anew: "),
    (f"{STUDY}/report.html", "deleted", None, ""),
    (f"{STUDY}/published.json", "deleted", None, ""),
    (str(DATABASE), "cut off", "tables", STORE),
    (str(DATABASE), "header flipped", "tables", STORE),
    (str(DATABASE), "emptied", "tables", "does not hold the study's experiment"),
    (str(DATABASE), "deleted", None, "{}, MLflow's database, is gone: all runs are sent"),
)
FAULTS = (
    *(
        Fault(
            "Damage",
            f"{Path(file).name} {how}, before {stage or 'the same command'}",
            damaged(file, how, stage),
            said.format(re.escape(file)),
            moved_away(DATABASE) if said == STORE else None,
        )
        for file, how, stage, said in DAMAGED
    ),
    Fault("Damage", "a checkpoint cut off", checkpoint("cut off")),
    Fault("Damage", "a checkpoint emptied", checkpoint("emptied")),
    Fault(
        "Damage", "a metric edited in MLflow's database", changed_in_store, "contradict each other"
    ),
)
