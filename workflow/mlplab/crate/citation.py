"""CITATION.cff, as far as a crate needs it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlplab.errors import UserError


@dataclass(frozen=True)
class Author:
    """A person, or where `kind` is Organization a group; `identifier` is an ORCID or empty."""

    kind: str
    name: str
    identifier: str = ""


@dataclass(frozen=True)
class Citation:
    """Who wrote the software, under which licence (of SPDX's list), in which version."""

    title: str
    abstract: str
    version: str
    licence: str
    keywords: tuple[str, ...]
    authors: tuple[Author, ...]


def read_citation(file: Path) -> Citation:
    """What a CITATION.cff says. Raises UserError where it lacks something that it must have."""
    try:
        said = yaml.safe_load(file.read_text(encoding="utf-8"))
        return Citation(
            title=said["title"],
            abstract=" ".join(said.get("abstract", "").split()),
            version=str(said["version"]),
            licence=said["license"],
            keywords=tuple(said.get("keywords", ())),
            authors=tuple(map(_author, said["authors"])),
        )
    except (OSError, KeyError, TypeError, yaml.YAMLError) as error:
        raise UserError(
            f"{file}: expected a citation with title, version, license and authors, found none "
            f"({type(error).__name__}: {error})"
        ) from error


def _author(said: dict[str, Any]) -> Author:
    if "name" in said:
        return Author("Organization", said["name"], said.get("website", ""))
    name = " ".join(said[key] for key in ("given-names", "family-names") if key in said)
    return Author("Person", name, said.get("orcid", ""))
