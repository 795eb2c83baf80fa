"""The locked packages as a software bill of materials, in CycloneDX 1.6.

Specification: https://cyclonedx.org/docs/1.6/json/
"""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from mlplab.study.citation import Citation

_PACKAGE = re.compile(r"^([\w.-]+)(?:\[[^\]]*\])?==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_VIA = re.compile(r"^    # (?:via |  )([A-Za-z0-9][\w.-]*)")
# Longer texts are whole licences, and no names.
NAME_LENGTH = 60


@dataclass(frozen=True)
class Package:
    """A package of the lock: its hashes, and by what it is needed."""

    name: str
    version: str
    hashes: tuple[str, ...]
    needed_by: tuple[str, ...]

    @property
    def url(self) -> str:
        """The package's URL, the name of packages across ecosystems."""
        return f"pkg:pypi/{self.name}@{self.version}"


def packages(lock: str) -> Iterator[Package]:
    """The packages of a requirements.lock, as `uv pip compile` writes it."""
    for block in re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE):
        if found := _PACKAGE.match(block):
            lines = block.splitlines()
            needed_by = tuple(via[1] for via in map(_VIA.match, lines) if via)
            yield Package(found[1], found[2], tuple(_HASH.findall(block)), needed_by)


def sbom(lock: str, citation: Citation, created: str) -> dict[str, Any]:
    """The bill of materials of a lock; `created` is a time in ISO 8601."""
    locked = list(packages(lock))
    own = {
        "type": "application",
        "bom-ref": "mlp-lab",
        "name": citation.title,
        "version": citation.version,
        "licenses": [{"license": {"id": citation.licence}}],
    }
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, lock)}",
        "version": 1,
        "metadata": {"timestamp": created, "component": own},
        "components": [_component(package) for package in locked],
        "dependencies": [
            {"ref": ref, "dependsOn": sorted(p.url for p in locked if name in p.needed_by)}
            for name, ref in [("mlp-lab", "mlp-lab"), *((p.name, p.url) for p in locked)]
        ],
    }


def _component(package: Package) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": package.url,
        "name": package.name,
        "version": package.version,
        "purl": package.url,
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in package.hashes],
        **({"licenses": licences} if (licences := _licences(package)) else {}),
    }


def _licences(package: Package) -> list[dict[str, Any]]:
    """What the installed package says of its licence; nothing where this version is not here."""
    try:
        said = metadata.metadata(package.name).json
    except metadata.PackageNotFoundError:
        return []
    if said["version"] != package.version:
        return []
    if expression := said.get("license_expression"):
        return [{"expression": expression}]
    classifiers = [
        text.rpartition(" :: ")[2]
        for text in said.get("classifier", [])
        if text.startswith("License :: ") and text != "License :: OSI Approved"
    ]
    named = " ".join(str(said.get("license", "")).split())
    names = classifiers or ([named] if 0 < len(named) <= NAME_LENGTH else [])
    return [{"license": {"name": name}} for name in names]
