"""Check an unpacked crate with the validators of its formats, without a network.

Called by a test with the Python of .ci/.validators; prints a line for each thing that is wrong.
"""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import mlcroissant
import requests
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from requests_cache import CachedSession
from rocrate_validator import models, services
from urllib3 import HTTPResponse

SCHEMAS = Path(__file__).parents[1] / "tests" / "schemas"
PROFILE = "provenance-run-crate-0.5"
# What the crate's metadata name as their vocabulary, kept here.
CONTEXTS = {
    "https://w3id.org/ro/crate/1.1/context": SCHEMAS / "ro-crate-1.1.jsonld",
    "https://w3id.org/ro/terms/workflow-run/context": SCHEMAS / "workflow-run.jsonld",
}


def seed(cache: Path) -> None:
    """Put the vocabularies where the validator looks before it asks the network."""
    session = CachedSession(str(cache), backend="sqlite", expire_after=-1)
    for url, file in CONTEXTS.items():
        headers = {"Content-Type": "application/ld+json"}
        response = requests.Response()
        response.status_code, response.url = 200, url
        response.headers.update(headers)
        response.request = requests.Request("GET", url).prepare()
        body = io.BytesIO(file.read_bytes())
        response.raw = HTTPResponse(body, headers, status=200, preload_content=False)
        session.cache.save_response(response)


def ro_crate(crate: Path) -> Iterator[str]:
    """What the metadata lack of the profile."""
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        seed(cache)
        settings = services.ValidationSettings(
            rocrate_uri=crate,
            profile_identifier=PROFILE,
            requirement_severity=models.Severity.REQUIRED,
            offline=True,
            cache_path=cache,
        )
        # The same is said of each entity that lacks something.
        issues = services.validate(settings).get_issues()
        yield from {f"{issue.check.identifier}: {issue.message}": None for issue in issues}


def croissant(crate: Path) -> Iterator[str]:
    """What is wrong with the metadata of the data set."""
    try:
        mlcroissant.Dataset(crate / "croissant.json")
    except mlcroissant.ValidationError as error:
        yield str(error)


def citation(crate: Path) -> Iterator[str]:
    """What is wrong with the citation."""
    command = [Path(sys.executable).with_name("cffconvert"), "--validate", "-i"]
    answer = subprocess.run(
        [*command, crate / "CITATION.cff"], capture_output=True, text=True, check=False
    )
    if answer.returncode:
        # Above the whole schema stands what of it is not met.
        lines = answer.stderr.splitlines()
        yield next((line for line in lines if "ValidationError: " in line), lines[-1])


def bill_of_materials(crate: Path) -> Iterator[str]:
    """What is wrong with the software bill of materials."""
    text = (crate / "sbom.cdx.json").read_text(encoding="utf-8")
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        yield str(error).partition("\n")[0]


def main(crate: Path) -> int:
    """Print what each validator finds; returns 1 where it is anything."""
    logging.disable(logging.WARNING)
    wrong = 0
    for check in (ro_crate, croissant, citation, bill_of_materials):
        found = list(check(crate))
        wrong += len(found)
        print(f"{check.__name__}: {'valid' if not found else ''}", *found, sep="\n  ")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
