"""Fetching a data set's files from mirrors, one after another, until one serves the right bytes."""

import hashlib
import http.client
import os
import shlex
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from mlplab.addresses import has_credentials, without_credentials
from mlplab.datasets import DatasetInfo, RemoteFile
from mlplab.errors import UserError
from mlplab.files import replacing, write_json

# Mirrors in this variable (separated by blanks, quoted where they contain some) replace all others.
MIRRORS_VARIABLE = "MLPLAB_MIRRORS"
SCHEMES = ("http", "https", "file")
TIMEOUT_SECONDS = 30
CHUNK = 1 << 20


class Rejected(Exception):
    """A mirror did not serve the file; the message says what it did instead."""


def mirrors_of(
    dataset: DatasetInfo, configured: Sequence[str], environment: Mapping[str, str] = os.environ
) -> list[str]:
    """The mirrors to try in order: the environment's, else the configured, else the official."""
    text = environment.get(MIRRORS_VARIABLE, "")
    try:
        overriding = shlex.split(text)
    except ValueError as error:
        raise UserError(
            f"{MIRRORS_VARIABLE}: {text!r} cannot be split into mirrors ({error}); "
            "separate them by blanks and put quotes around one that contains a blank"
        ) from error
    return overriding or list(configured) or list(dataset.mirrors)


def address(mirror: str, name: str) -> str:
    """The URL of a file on a mirror, which is an http, https or file URL, or a plain folder.

    Raises Rejected for any other, and for one with credentials: it would be written down.
    """
    if has_credentials(mirror):
        raise Rejected(
            "was given with a user name, password or token, expected an address without; "
            "download the files to a folder, and name that"
        )
    try:
        scheme = urllib.parse.urlsplit(mirror).scheme
    except ValueError as error:
        raise Rejected(f"is no address: {error}") from error
    if not scheme:
        return (Path(mirror).expanduser().resolve() / name).as_uri()
    if scheme not in SCHEMES:
        raise Rejected(
            f"unknown kind of address {scheme!r}, expected http, https, file or a folder"
        )
    return f"{mirror.rstrip('/')}/{name}"


def _receive(response: IO[bytes], expected: int | None, file: RemoteFile, target: Path) -> int:
    """Copy a response to `target` and return its size; raise Rejected unless it is the file."""
    md5 = hashlib.md5(usedforsecurity=False)
    received = 0
    beginning = b""
    with target.open("wb") as output:
        while chunk := response.read(CHUNK):
            beginning = beginning or chunk[:512]
            md5.update(chunk)
            received += output.write(chunk)
    if md5.hexdigest() == file.md5:
        return received
    if expected is not None and received < expected:
        raise Rejected(f"stopped after {received:,} of {expected:,} bytes")
    if beginning.lstrip()[:1] == b"<":
        raise Rejected(f"sent a web page instead of the file ({received:,} bytes)")
    raise Rejected(f"sent {received:,} bytes with MD5 {md5.hexdigest()}, expected MD5 {file.md5}")


def _fetch(url: str, file: RemoteFile, target: Path) -> int:
    request = urllib.request.Request(url, headers={"User-Agent": "mlp-lab"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            length = response.headers.get("Content-Length")
            return _receive(response, int(length) if length else None, file, target)
    except urllib.error.HTTPError as error:
        raise Rejected(f"answered {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise Rejected(f"could not be reached: {error.reason}") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Rejected(f"failed: {type(error).__name__}: {error}") from error


def download(
    dataset: DatasetInfo,
    file: RemoteFile,
    mirrors: Sequence[str],
    target: str | os.PathLike[str],
    source: str | os.PathLike[str],
) -> None:
    """Fetch `file` from the first mirror that serves it with the right MD5.

    Writes the file to `target` and where it came from to `source` (JSON), each whole or not at all.
    Raises UserError, with what each mirror answered, where none serves it.
    """
    answers = []
    for mirror in mirrors:
        try:
            url = address(mirror, file.name)
            print(f"{file.name}: trying {url}", flush=True)
            with replacing(target) as temporary:
                size = _fetch(url, file, temporary)
        except Rejected as rejected:
            print(f"  {rejected}", flush=True)
            answers.append(f"  {without_credentials(mirror)}: {rejected}")
            continue
        print(f"  {size:,} bytes, MD5 {file.md5} as expected", flush=True)
        record: dict[str, Any] = {
            "name": file.name,
            "url": url,
            "bytes": size,
            "md5": file.md5,
            "downloaded": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        write_json(source, record)
        return
    raise UserError(
        "\n".join(
            [
                f"{dataset.title}: no mirror serves {file.name}.",
                *(answers or ["  (no mirror is named)"]),
                "Name another mirror, a URL or a folder that holds the file, under `mirrors` in",
                f"the config or in the environment variable {MIRRORS_VARIABLE}; or run the demo,",
                "which needs no download: make demo",
            ]
        )
    )
