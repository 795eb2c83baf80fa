"""The data set in Croissant 1.1, MLCommons' metadata for data sets.

Specification: http://mlcommons.org/croissant/1.1
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlplab.datasets import DatasetInfo
from mlplab.files import file_digest
from mlplab.study.documents import Manifest

# The specification's own names; tools warn where one is missing.
CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
YEAR = re.compile(r"\((\d{4})\)")


def croissant(
    manifest: Manifest, described: DatasetInfo, folder: Path, held: Mapping[str, Path]
) -> dict[str, Any]:
    """The data set as a JSON-LD document.

    `folder` is where its files lie; `held` are those of the crate, which lie beside the document.
    """
    year = YEAR.search(manifest.citation)
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": manifest.name,
        "alternateName": manifest.title,
        "description": manifest.description,
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "license": manifest.license,
        "url": manifest.homepage,
        "citeAs": manifest.citation,
        **({"datePublished": year[1]} if year else {}),
        "distribution": [_file(path, described, held) for path in _files(manifest, folder)],
        "recordSet": [
            _records(
                "classes",
                "The classes: the label in the files, and its name.",
                "sc:Enumeration",
                {"label": "sc:Integer", "name": "sc:Text"},
                [{"label": label, "name": name} for label, name in enumerate(manifest.class_names)],
            ),
            _records(
                "splits",
                "The splits, as their publisher made them, and how many images each has.",
                "cr:Split",
                {"name": "sc:Text", "images": "sc:Integer"},
                [{"name": name, "images": split.images} for name, split in manifest.counts.items()],
            ),
        ],
    }


def _files(manifest: Manifest, folder: Path) -> list[Path]:
    """The files as their publisher names them; the decoded one where nothing is downloaded."""
    raw = [folder / "raw" / file["name"] for file in manifest.files]
    return raw or [folder / "data.safetensors"]


def _file(path: Path, described: DatasetInfo, held: Mapping[str, Path]) -> dict[str, Any]:
    beside = next((name for name, source in held.items() if source == path), path.name)
    first = next(iter(described.mirrors), "").rstrip("/")
    return {
        "@type": "cr:FileObject",
        "@id": path.name,
        "name": path.name,
        "contentUrl": f"{first}/{path.name}" if first else beside,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": (
            "application/gzip" if path.suffix == ".gz" else "application/octet-stream"
        ),
        "md5": file_digest(path, "md5"),
        "sha256": file_digest(path),
    }


def _records(
    name: str, description: str, kind: str, fields: Mapping[str, str], rows: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": description,
        "dataType": kind,
        "key": {"@id": f"{name}/{next(iter(fields))}"},
        "field": [
            {"@type": "cr:Field", "@id": f"{name}/{field}", "name": field, "dataType": of}
            for field, of in fields.items()
        ],
        "data": [{f"{name}/{field}": value for field, value in row.items()} for row in rows],
    }
