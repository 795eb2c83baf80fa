"""Secrets that a test plants, and where they are found again: in no file, database or command."""

import base64
import contextlib
import gzip
import io
import os
import re
import sqlite3
import threading
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self


def forms(secret: str) -> set[bytes]:
    """A secret as it may be written down: plain, quoted for an address, as or within base64."""
    plain = secret.encode()
    found = {plain, urllib.parse.quote(secret, safe="").encode()}
    found |= {urllib.parse.quote(secret).encode(), urllib.parse.quote_plus(secret).encode()}
    for before in range(3):
        # What is before and after a secret changes the first and the last letters of base64.
        encoded = base64.b64encode(b"\0" * before + plain)
        whole = encoded[(8 * before + 5) // 6 : 8 * (before + len(plain)) // 6]
        found |= {whole, whole.translate(bytes.maketrans(b"+/", b"-_"))}
    return found


class Search:
    """Looks for secrets in all that a study leaves."""

    def __init__(self, secrets: Sequence[str]) -> None:
        every = sorted(set().union(*map(forms, secrets)))
        self._pattern = re.compile(b"|".join(map(re.escape, every)))

    def text(self, text: str) -> list[str]:
        """The forms of secrets in a text."""
        return self.content(text.encode())

    def content(self, content: bytes) -> list[str]:
        """Those in bytes, unpacked where they are packed."""
        found = self._pattern.findall(content)
        if content[:2] == b"\x1f\x8b":
            with contextlib.suppress(OSError, EOFError, zlib.error):
                found += self._pattern.findall(gzip.decompress(content))
        return [each.decode() for each in found]

    def folder(self, folder: Path) -> list[str]:
        """Where they are below a folder: in names, bytes, archives and databases."""
        return sorted({place for place, content in _contents(folder) if self.content(content)})


def _contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every name and every content below a folder, with where it is."""
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder).as_posix()
        yield f"{place} (name)", os.fsencode(place)
        if path.is_symlink() or not path.is_file():
            continue
        content = path.read_bytes()
        yield place, content
        if content[:16] == b"SQLite format 3\0":
            yield from ((f"{place} {where}", value) for where, value in _values(path))
        if zipfile.is_zipfile(path):
            yield from _members(place, content)


def _members(place: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            yield f"{place}/{name} (name)", name.encode()
            yield f"{place}/{name}", archive.read(name)


def _values(database: Path) -> Iterator[tuple[str, bytes]]:
    """Every row of a database: on its pages a long value may be in pieces."""
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as store:
        store.text_factory = bytes
        tables = store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            name = table.decode()
            for row in store.execute(f'SELECT * FROM "{name}"'):
                values = (v if isinstance(v, bytes) else str(v).encode() for v in row)
                yield f"table {name}", b"\n".join(values)


class CommandLines:
    """What everybody on a machine sees of the processes that work in a folder, while within."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.seen: set[str] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.05):
            for process in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    if Path(os.readlink(process / "cwd")).is_relative_to(self._folder):
                        self.seen.add((process / "cmdline").read_text(errors="replace"))
