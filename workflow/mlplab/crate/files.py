"""The files of a study as entities of a crate: those that it holds, and those that it describes."""

import mimetypes
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mlplab.crate.contents import Contents
from mlplab.crate.graph import Graph, Reference
from mlplab.files import file_digest

# What Python's table of media types does not know.
MEDIA_TYPES = {
    ".cff": "application/yaml",
    ".lock": "text/plain",
    ".parquet": "application/vnd.apache.parquet",
    ".safetensors": "application/octet-stream",
    ".smk": "text/x-snakemake",
    ".toml": "application/toml",
    ".yaml": "application/yaml",
    "": "text/plain",
}


def media_type(path: str) -> str:
    """The media type of a file, by its name."""
    ending = Path(path).suffix
    return MEDIA_TYPES.get(ending) or mimetypes.guess_type(path)[0] or "application/octet-stream"


def file_id(path: str) -> str:
    """The @id of a file in the crate: its path as a relative URI."""
    return quote(path, safe="/=,+~@")


class Files:
    """The files in a crate's graph; `parts` are the @id of those that the crate holds."""

    def __init__(self, graph: Graph, root: Path, contents: Contents) -> None:
        self.graph = graph
        self.root = root
        self.parts: list[str] = []
        self._held = {source.resolve(): path for path, source in contents.items()}

    def hold(self, path: str, source: Path, kind: str | list[str], **said: Any) -> Reference:
        """Add a file that the crate holds, as it is on disk."""
        size, digest = str(source.stat().st_size), file_digest(source)
        return self.add(path, kind, **{"contentSize": size, "sha256": digest, "name": path, **said})

    def add(self, path: str, kind: str | list[str], **said: Any) -> Reference:
        """Add a file that the crate holds."""
        identifier = file_id(path)
        self.parts.append(identifier)
        return self.graph.add(identifier, kind, **{"encodingFormat": media_type(path), **said})

    def refer(self, file: str) -> str:
        """The @id of a file that a job read or made; one that the crate lacks has its digest."""
        source = self.root / file
        if held := self._held.get(source.resolve()):
            return file_id(held)
        identifier = f"#{file_id(file)}"
        if identifier not in self.graph:
            self.graph.add(
                identifier,
                "CreativeWork",
                name=file,
                description="Not in this crate.",
                encodingFormat=media_type(file),
                sha256=file_digest(source) if source.is_file() else None,
            )
        return identifier
