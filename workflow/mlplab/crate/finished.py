"""A finished study on disk: complete, and as it was when it was finished."""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlplab import commands
from mlplab.errors import UserError
from mlplab.files import file_digest, read_json
from mlplab.study import grid
from mlplab.study.documents import Manifest, read_manifest
from mlplab.study.grid import Run
from mlplab.study.record import RunFiles, RunRecord

# What every study has beside what it publishes; `published` comes last.
OWN = ("config.yaml", "study.json", "tracked.json", "pictures.json", "published.json")


def read_table(study: Path, name: str) -> list[dict[str, str]]:
    """The rows of a table of the study in a folder, as text."""
    with (study / f"tables/{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@dataclass(frozen=True)
class FinishedStudy:
    """A study by its name, in the project's folder `root`; paths are relative to that."""

    root: Path
    name: str
    config: dict[str, Any]
    manifest: Manifest
    runs: dict[str, Run]
    published: dict[str, str]

    @property
    def folder(self) -> str:
        """The study's folder."""
        return f"results/{self.name}"

    @property
    def data(self) -> str:
        """The folder of its data set."""
        return f"results/data/{self.config['dataset']}"

    def record(self, run: str) -> RunRecord:
        """What is known of the run with this path."""
        return self.files_of(run).load()

    def files_of(self, run: str) -> RunFiles:
        """The files of a run's record."""
        return RunFiles.at(self.root / self.folder / "runs" / run)

    def table(self, name: str) -> list[dict[str, str]]:
        """The rows of one of its tables, as text."""
        return read_table(self.root / self.folder, name)

    def own_files(self) -> list[str]:
        """The files of the study that tell what was run and found; no run's."""
        parity = [f"parity/{name}.json" for name in self.config["grid"]["implementation"]]
        return [*self.published, *(f"{self.folder}/{name}" for name in (*OWN, *parity))]

    def run_files(self) -> list[str]:
        """The files of all runs."""
        paths = [path for run in self.runs for path in self.files_of(run).all()]
        notes = [self.root / self.folder / "runs" / run / "mlflow.json" for run in self.runs]
        return [path.relative_to(self.root).as_posix() for path in (*paths, *notes)]

    def data_files(self) -> list[str]:
        """The files of its data set: the decoded one, its manifest, those that were downloaded."""
        raw = [f"{self.data}/raw/{file['name']}" for file in self.manifest.files]
        sources = [f"{file}.source.json" for file in raw]
        return [f"{self.data}/data.safetensors", f"{self.data}/manifest.json", *raw, *sources]

    def made_files(self) -> list[str]:
        """Every file that a job of the workflow made."""
        return [*self.own_files(), *self.run_files(), *self.data_files()]


def finished_study(root: Path, name: str) -> FinishedStudy:
    """The finished study called `name` in the project's folder.

    Raises UserError, one line, where it is unfinished, lacks a file, or was changed since.
    """
    folder = root / "results" / name
    try:
        published = read_json(folder / "published.json")["sha256"]
        config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, yaml.YAMLError) as error:
        others = sorted(path.parent.name for path in (root / "results").glob("*/published.json"))
        known = f"finished here: {', '.join(others)}" if others else "none is finished here"
        raise UserError(
            f"results/{name}: no finished study ({known}); run it to its end first: "
            "snakemake --cores all --configfile …"
        ) from error
    manifest = read_manifest(root / f"results/data/{config['dataset']}/manifest.json")
    study = FinishedStudy(root, name, config, manifest, grid.runs(config), published)
    # What the messages advise is about this study.
    os.environ.setdefault(
        commands.VARIABLE, f"{commands.USUAL} --configfile results/{name}/config.yaml"
    )
    for file, what in _changes(study):
        raise UserError(
            f"{file} {what}: a study is passed on as it ran. Put the file back, or make it anew: "
            f"{commands.again(file)}"
        )
    for run in study.runs:
        study.files_of(run).check()
    return study


def _changes(study: FinishedStudy) -> Iterator[tuple[str, str]]:
    """Files that are missing or were changed after the study ran, and which of it."""
    for file in study.made_files():
        if not (study.root / file).is_file():
            yield file, "is missing"
    for file, digest in study.published.items():
        if file_digest(study.root / file) != digest:
            yield file, "was changed after the study ran"
    decoded = f"{study.data}/data.safetensors"
    if file_digest(study.root / decoded) != study.manifest.sha256:
        yield decoded, "was changed after it was decoded"
