"""The page of all parts, docs/benchmarks.md, from the JSON files that they left."""

import importlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.measure import FOLDER
from mlplab.files import read_json, write_text

# Each is a module with `main` and `page`, here with the heading of its section; in the order of the
# page and of `make bench`.
PARTS = {
    "limit": "The machine's limit",
    "textbook": "The textbook's loop",
    "epoch": "Seconds per epoch",
    "memory": "Memory of a training job",
    "tracking": "Tracking in MLflow",
    "writers": "Many writers on one tracking server",
    "study": "A study",
    "warm": "Warm processes",
    "scale": "Many runs",
    "cluster": "On a cluster",
    "gpu": "On a GPU",
}
PAGE = "docs/benchmarks.md"

HEAD = """# Benchmarks

<!-- Written by `make bench`; from the results that are there: python -m benchmarks --page -->

`make bench` measures all of this and writes this page; `.venv/bin/python -m benchmarks epoch`
measures one part and leaves the others as they stand. What is compared was measured side by side in
one run, and each part says on which machine; the results are in `results/benchmarks/`.
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


def documents() -> dict[str, dict[str, Any]]:
    """What the parts left on this machine."""
    files = {part: FOLDER / f"{part}.json" for part in PARTS}
    return {part: read_json(file) for part, file in files.items() if file.is_file()}


def written() -> dict[str, str]:
    """The sections that the page has, by heading."""
    text = Path(PAGE).read_text(encoding="utf-8") if Path(PAGE).is_file() else ""
    _, *sections = re.split(r"^## ", text, flags=re.MULTILINE)
    return {each.partition("\n")[0]: f"## {each.rstrip()}\n" for each in sections}


def write() -> None:
    """Write the page: the parts that are there, and of all others what it says already."""
    found, before = documents(), written()
    sections = [
        section(found[part]) if part in found else before.get(heading, "")
        for part, heading in PARTS.items()
    ]
    write_text(PAGE, "\n".join([HEAD, *filter(None, sections)]))
    print(f"{PAGE}: {', '.join(found) or 'no part'}")
