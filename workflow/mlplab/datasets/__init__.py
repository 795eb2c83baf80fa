"""The data sets. This folder is the registry: one YAML file each, known by its file name.

A file says where the data comes from (`files` with their MD5, `mirrors`), how it is read
(`reader`), what it holds (`class_names`, `pixel_max`) and how to cite it.
"""

from dataclasses import dataclass
from pathlib import Path

import yaml

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class RemoteFile:
    """One file of a data set, as its publisher names it, with the MD5 of its bytes."""

    name: str
    md5: str


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a data set before any of its files is there."""

    name: str
    title: str
    description: str
    reader: str
    pixel_max: int
    class_names: tuple[str, ...]
    files: dict[str, RemoteFile]
    mirrors: tuple[str, ...]
    homepage: str
    license: str
    citation: str

    def file(self, name: str) -> RemoteFile:
        """The remote file called `name`."""
        return next(file for file in self.files.values() if file.name == name)


def names() -> list[str]:
    """Names of all data sets, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def info(name: str) -> DatasetInfo:
    """The registry's entry for the data set `name`."""
    values = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    values["files"] = {part: RemoteFile(**file) for part, file in values["files"].items()}
    values["class_names"] = tuple(values["class_names"])
    values["mirrors"] = tuple(values["mirrors"])
    return DatasetInfo(name=name, **values)
