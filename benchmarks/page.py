"""The page of all parts, docs/benchmarks.md, from the JSON files that they left."""

import importlib
from collections.abc import Mapping
from typing import Any

from benchmarks.measure import FOLDER
from mlplab.files import read_json, write_text

# In the order of the page and of `make bench`; each is a module with `main` and `page`.
PARTS = (
    "limit",
    "textbook",
    "epoch",
    "memory",
    "tracking",
    "writers",
    "study",
    "warm",
    "scale",
    "cluster",
    "gpu",
)
PAGE = "docs/benchmarks.md"

HEAD = """# Benchmarks

<!-- Written by `make bench`; from the results that are there: python -m benchmarks --page -->

`make bench` measures all of this and writes this page; `.venv/bin/python -m benchmarks epoch`
measures one part. What is compared was measured side by side in one run; the results are in
`results/benchmarks/`.
"""


def measured_on(document: Mapping[str, Any]) -> str:
    """Date, machine, versions and commit of a part, in one line."""
    machine, git = document["machine"], document["git"]
    versions = ", ".join(f"{name} {version}" for name, version in document["versions"].items())
    commit = f"commit {git['commit'][:10]}" if git["commit"] else "no commit"
    return (
        f"*Measured {document['measured']} on {machine['processor']}, {machine['cores']} cores, "
        f"{machine['system']}, load before {document['load']:.1f}; Python {machine['python']}, "
        f"{versions}; {commit}{', with changes' if git['dirty'] else ''}.*\n"
    )


def section(document: Mapping[str, Any]) -> str:
    """A part's section, with what it was measured on."""
    part = importlib.import_module(f"benchmarks.{document['part']}")
    return f"{part.page(document['result']).rstrip()}\n\n{measured_on(document)}"


def documents() -> list[dict[str, Any]]:
    """What the parts left, in their order."""
    files = [FOLDER / f"{part}.json" for part in PARTS]
    return [read_json(file) for file in files if file.is_file()]


def write() -> None:
    """Write the page from the parts that are there."""
    found = documents()
    write_text(PAGE, "\n".join([HEAD, *map(section, found)]))
    print(f"{PAGE}: {', '.join(document['part'] for document in found) or 'no part'}")
