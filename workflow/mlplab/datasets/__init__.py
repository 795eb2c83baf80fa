"""The data sets. This folder is the registry: one YAML file each, known by its file name.

A file says where the data comes from (`files` with their MD5, `mirrors`), how it is read
(`reader`), what it holds (`class_names`, `pixel_max`, `size`) and how to cite it. Folders that a
configuration names under `datasets` hold further ones.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from mlplab.errors import UserError
from mlplab.plugins import Registry

FOLDER = Path(__file__).parent
REGISTRY = Registry("dataset", __name__, FOLDER, ".yaml")
PARTS = {"training_images", "training_labels", "test_images", "test_labels"}
FILE_NAME = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)
MD5 = re.compile(r"[0-9a-f]{32}")
SIZES = ("training", "test", "height", "width")
# Pixels are kept as bytes.
BYTE = 255


@dataclass(frozen=True)
class RemoteFile:
    """One file of a data set, as its publisher names it, with the MD5 of its bytes."""

    name: str
    md5: str


@dataclass(frozen=True)
class Size:
    """How many images a data set has, and of how many pixels each."""

    training: int
    test: int
    height: int
    width: int

    @property
    def pixels(self) -> int:
        """Number of pixels of one image."""
        return self.height * self.width


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a data set before any of its files is there; `size` need not be said."""

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
    size: Size | None = None

    def file(self, name: str) -> RemoteFile:
        """The remote file called `name`."""
        return next(file for file in self.files.values() if file.name == name)


def names(folders: Sequence[str | Path] = ()) -> list[str]:
    """Names of all data sets, sorted."""
    return list(REGISTRY.sources(folders))


def source(name: str, folders: Sequence[str | Path] = ()) -> Path:
    """The file that describes the data set `name`."""
    return REGISTRY.sources(folders)[name]


def info(described: str | Path) -> DatasetInfo:
    """What a file says of a data set, or for a name the library's own of that name.

    Raises UserError, which names the file, where it is not such a description.
    """
    path = described if isinstance(described, Path) else FOLDER / f"{described}.yaml"
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path}: no description of a data set: {error}") from error
    if mistake := _mistake(values):
        raise UserError(f"{path}: {mistake}; mend the file (fashion_mnist.yaml is an example)")
    return DatasetInfo(
        **{
            **values,
            "name": path.stem,
            "class_names": tuple(map(str, values["class_names"])),
            "files": {part: RemoteFile(**file) for part, file in values["files"].items()},
            "mirrors": tuple(values["mirrors"]),
            "size": Size(**values["size"]) if "size" in values else None,
        }
    )


def _mistake(values: Any) -> str:
    """What is wrong with a description; "" where nothing is."""
    if not isinstance(values, dict):
        return "expected keys such as `title: …`, found none"
    expected = {field.name for field in fields(DatasetInfo)} - {"name"}
    if missing := sorted(expected - {"size"} - set(values)):
        return f"{', '.join(missing)}: missing"
    if unknown := sorted(map(str, set(values) - expected)):
        return f"{', '.join(unknown)}: not known, expected only {', '.join(sorted(expected))}"
    for key in ("title", "description", "reader", "homepage", "license", "citation"):
        if not isinstance(values[key], str):
            return f"{key}: expected text, found {values[key]!r}"
    pixel_max = values["pixel_max"]
    if not isinstance(pixel_max, int) or not 1 <= pixel_max <= BYTE:
        return f"pixel_max: expected a whole number from 1 to {BYTE}, found {pixel_max!r}"
    names = values["class_names"]
    if not isinstance(names, list) or len(set(map(str, names))) < max(len(names), 2):
        return f"class_names: expected a list of two different names or more, found {names!r}"
    if not isinstance(values["mirrors"], list):
        return f"mirrors: expected a list of addresses, found {values['mirrors']!r}"
    if "size" in values and not _is_size(values["size"]):
        return f"size: expected {', '.join(SIZES)} as whole numbers, found {values['size']!r}"
    return _mistake_in_files(values["files"])


def _is_size(size: Any) -> bool:
    return (
        isinstance(size, dict)
        and set(size) == set(SIZES)
        and all(type(number) is int and number > 0 for number in size.values())
    )


def _mistake_in_files(files: Any) -> str:
    if not isinstance(files, dict) or set(files) not in (set(), PARTS):
        return f"files: expected {', '.join(sorted(PARTS))} (or {{}} for none), found {files!r}"
    for part, file in files.items():
        if not isinstance(file, dict) or set(file) != {"name", "md5"}:
            return f"files.{part}: expected the keys name and md5, found {file!r}"
        # It becomes part of a path.
        if not FILE_NAME.fullmatch(str(file["name"])):
            return f"files.{part}.name: expected a plain file name, found {file['name']!r}"
        if not MD5.fullmatch(str(file["md5"])):
            return f"files.{part}.md5: expected 32 hexadecimal digits, found {file['md5']!r}"
    return ""
