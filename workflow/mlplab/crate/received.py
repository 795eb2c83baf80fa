"""A crate that somebody has sent: checked file by file, then read."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml

from mlplab.crate.archive import unpack
from mlplab.crate.provenance import METADATA
from mlplab.errors import UserError
from mlplab.files import file_digest, read_json
from mlplab.study.record import RunFiles

CONFIGURATION = {"@id": "#configuration"}


@dataclass(frozen=True)
class ReceivedCrate:
    """An unpacked crate: its folder, its study's configuration, and what its metadata say."""

    folder: Path
    config: dict[str, Any]
    entities: Mapping[str, Mapping[str, Any]]

    @property
    def study(self) -> Path:
        """The folder of the study within the crate."""
        return self.folder / "results" / str(self.config["study"])

    @property
    def plug_ins(self) -> list[str]:
        """The files of code or data sets that the crate brings, besides the project's own."""
        found = self.folder.glob("plugins/**/*")
        return sorted(str(path.relative_to(self.folder)) for path in found if path.is_file())

    def run_files(self, run: str) -> RunFiles:
        """The files of a run's record; some may not be held."""
        return RunFiles.at(self.study / "runs" / run)

    def check_records(self, runs: Iterable[str]) -> None:
        """Raise UserError where what is compared of a run is missing or no record."""
        for run in runs:
            try:
                self.run_files(run).load()
            except (OSError, ValueError, UserError) as error:
                # What is advised after it is for a study that ran here.
                reason = str(error).partition("; ")[0]
                raise UserError(
                    f"{run}: its record in the crate is unreadable: {reason}"
                ) from error

    def digest(self, file: Path) -> str | None:
        """The SHA-256 of a file of the study, also of one that the crate describes only."""
        name = file.relative_to(self.folder).as_posix()
        entity = self.entities.get(name) or self.entities.get(f"#{name}") or {}
        digest = entity.get("sha256")
        return str(digest) if digest else None


def receive(crate: Path, folder: Path) -> ReceivedCrate:
    """Unpack a crate to a new folder and check each of its files.

    Raises UserError where it is no crate of a study, or a file is not what its metadata say.
    """
    unpack(crate, folder)
    try:
        graph = read_json(folder / METADATA)["@graph"]
        entities = {unquote(entity["@id"]): entity for entity in graph}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{crate}: expected a crate with {METADATA}, as `mlplab crate` makes it, found none "
            f"({type(error).__name__}: {error})"
        ) from error
    if wrong := list(_altered(folder, entities)):
        raise UserError("\n".join(f"{crate}: {line}" for line in wrong))
    return ReceivedCrate(folder, _config(crate, folder, entities), entities)


def _altered(folder: Path, entities: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A line for each file that is not what the metadata say, or of which they say nothing."""
    described = {name: of["sha256"] for name, of in entities.items() if _is_file(name, of)}
    held = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    for name, expected in described.items():
        if name not in held:
            yield f"{shown(name)} is missing"
        elif (found := file_digest(folder / name)) != expected:
            yield f"{name} was altered: SHA-256 {found}, its metadata say {shown(str(expected))}"
    for name in sorted(held - set(described) - {METADATA}):
        yield f"{name} is in the crate, but its metadata say nothing of it"


def shown(text: str) -> str:
    """A stranger's text for a terminal, which obeys some characters that do not print."""
    return text if text.isprintable() else ascii(text)


def _is_file(name: str, entity: Mapping[str, Any]) -> bool:
    kinds = entity.get("@type", [])
    is_file = "File" in ([kinds] if isinstance(kinds, str) else kinds)
    return is_file and not name.startswith("#") and "sha256" in entity


def _config(crate: Path, folder: Path, entities: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The configuration of the crate's study, as it was resolved when it ran."""
    files = [
        name
        for name, of in entities.items()
        if _is_file(name, of) and of.get("exampleOfWork") == CONFIGURATION
    ]
    if len(files) != 1:
        raise UserError(f"{crate}: expected the configuration of one study, found {len(files)}")
    try:
        config = yaml.safe_load((folder / files[0]).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{crate}: {files[0]} is no configuration: {error}") from error
    if not isinstance(config, dict) or files[0] != f"results/{config.get('study')}/config.yaml":
        raise UserError(f"{crate}: {files[0]} is not the configuration of the study that it names")
    return config
