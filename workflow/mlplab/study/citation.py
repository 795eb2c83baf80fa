"""CITATION.cff, as far as a page and a crate need it."""

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


# What TeX would take for its own.
_SPECIAL = str.maketrans({sign: f"\\{sign}" for sign in "#$%&_{}"})


def bibtex(citation: Citation, commit: str) -> str:
    """A BibTeX entry of the software, at a git commit where there is one."""
    # Braces of their own keep a group's name and a title as they are.
    authors = " and ".join(
        f"{{{_tex(each.name)}}}" if each.kind == "Organization" else _tex(each.name)
        for each in citation.authors
    )
    fields = {
        "title": f"{{{_tex(citation.title)}}}",
        "author": authors,
        "version": _tex(citation.version),
        "license": _tex(citation.licence),
    }
    if commit:
        fields["note"] = f"git commit {_tex(commit)}"
    key = "".join(letter for letter in citation.title.lower() if letter.isalnum())
    lines = [f"  {name} = {{{text}}}" for name, text in fields.items()]
    return "\n".join([f"@software{{{key},", ",\n".join(lines), "}"])


def _tex(text: str) -> str:
    return text.translate(_SPECIAL)
