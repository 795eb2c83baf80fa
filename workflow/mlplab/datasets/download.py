"""Fetching a data set's files from mirrors, one after another, until one serves the right bytes."""

import hashlib
import http.client
import os
import shlex
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, BinaryIO

from mlplab.addresses import has_credentials, without_credentials
from mlplab.datasets import DatasetInfo, RemoteFile
from mlplab.errors import UserError
from mlplab.files import replacing, write_json

# Mirrors in this variable (separated by blanks, quoted where they contain some) replace all others.
MIRRORS_VARIABLE = "MLPLAB_MIRRORS"
SCHEMES = ("http", "https", "file")
CHUNK = 1 << 20
# A mirror is given up where nothing comes for so long, or fewer bytes a second than this after it.
TIMEOUT_SECONDS = 30
SLOWEST = 1000
# The most that a file may take, and may have.
LIMIT_SECONDS = 600
LARGEST = 4 << 30
# Answers of a mirror that has too much to do: it is asked once more, after so many seconds.
BUSY = (429, 503)
PAUSE = 2.0
LONGEST_PAUSE = 30.0


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


class _Unwritable(Exception):
    """The file cannot be written here, whatever a mirror sends."""


def _receive(response: IO[bytes], expected: int | None, file: RemoteFile, output: BinaryIO) -> int:
    """Copy a response to `output` and return its size; raise Rejected unless it is the file."""
    md5 = hashlib.md5(usedforsecurity=False)
    received = 0
    beginning = b""
    start = time.monotonic()
    # What has come, and not a whole chunk: a mirror may send a byte now and then.
    while chunk := response.read1(CHUNK):  # type: ignore[attr-defined]
        beginning = beginning or chunk[:512]
        md5.update(chunk)
        try:
            received += output.write(chunk)
        except OSError as error:
            raise _Unwritable from error
        seconds = time.monotonic() - start
        if seconds > TIMEOUT_SECONDS and received < seconds * SLOWEST:
            raise Rejected(f"is too slow: {received:,} bytes in {seconds:.0f} s")
        if received > LARGEST:
            raise Rejected(f"sent more than {LARGEST:,} bytes, the most that a file may have")
    if md5.hexdigest() == file.md5:
        return received
    if expected is not None and received < expected:
        raise Rejected(f"stopped after {received:,} of {expected:,} bytes")
    if beginning.lstrip()[:1] == b"<":
        raise Rejected(f"sent a web page instead of the file ({received:,} bytes)")
    raise Rejected(f"sent {received:,} bytes with MD5 {md5.hexdigest()}, expected MD5 {file.md5}")


@contextmanager
def _hanging_up() -> Iterator[urllib.request.OpenerDirector]:
    """What opens addresses, for LIMIT_SECONDS altogether: then its connections are shut down."""
    sockets: list[socket.socket] = []

    class Plain(http.client.HTTPConnection):
        def connect(self) -> None:
            super().connect()
            sockets.append(self.sock)

    class Secure(http.client.HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            sockets.append(self.sock)

    class PlainHandler(urllib.request.HTTPHandler):
        def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Plain, request)

    class SecureHandler(urllib.request.HTTPSHandler):
        def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Secure, request)

    late = False

    def hang_up() -> None:
        nonlocal late
        late = True
        for each in sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(LIMIT_SECONDS, hang_up)
    timer.start()
    try:
        yield urllib.request.build_opener(PlainHandler, SecureHandler)
    except (Rejected, OSError, ValueError, http.client.HTTPException) as error:
        if late:
            raise Rejected(f"was not ready after {LIMIT_SECONDS:g} s") from error
        raise
    finally:
        timer.cancel()


def _fetch(url: str, file: RemoteFile, output: BinaryIO, again: bool = True) -> int:
    """Write what an address serves to `output`; once more where it asks for patience."""
    request = urllib.request.Request(url, headers={"User-Agent": "mlp-lab"})
    try:
        with (
            _hanging_up() as opener,
            opener.open(request, timeout=TIMEOUT_SECONDS) as response,
        ):
            length = response.headers.get("Content-Length")
            return _receive(response, int(length) if length else None, file, output)
    except urllib.error.HTTPError as error:
        if again and error.code in BUSY:
            pause = _pause(error.headers.get("Retry-After", ""))
            print(f"  answered {error.code} {error.reason}: asking once more in {pause:g} s")
            time.sleep(pause)
            return _fetch(url, file, output, again=False)
        raise Rejected(f"answered {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise Rejected(f"could not be reached: {error.reason}") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Rejected(f"failed: {type(error).__name__}: {error}") from error


def _pause(wish: str) -> float:
    """Seconds that a busy mirror wants to be left alone, within reason."""
    return min(int(wish), LONGEST_PAUSE) if wish.isdecimal() else PAUSE


def download(
    dataset: DatasetInfo,
    file: RemoteFile,
    mirrors: Sequence[str],
    target: str | os.PathLike[str],
    source: str | os.PathLike[str],
) -> None:
    """Fetch `file` from the first mirror that serves it with the right MD5.

    Writes the file to `target` and where it came from to `source` (JSON), each whole or not at all.
    Raises UserError, with what each mirror answered, where none serves it, and where the file
    cannot be written.
    """
    answers = []
    for mirror in mirrors:
        try:
            url = address(mirror, file.name)
            print(f"{file.name}: trying {url}", flush=True)
            with replacing(target) as temporary, temporary.open("wb") as output:
                size = _fetch(url, file, output)
        except Rejected as rejected:
            print(f"  {rejected}", flush=True)
            answers.append(f"  {without_credentials(mirror)}: {rejected}")
            continue
        except (OSError, _Unwritable) as error:
            cause = error if isinstance(error, OSError) else error.__cause__
            raise UserError(
                f"{target}: cannot be written ({getattr(cause, 'strerror', cause)}), whatever the "
                "mirror; see to the disk and the folder's permissions, and run the workflow again"
            ) from error
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
