"""Files that are written whole or not at all, and their digests."""

import glob
import hashlib
import json
import os
import platform
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlplab.commands import again
from mlplab.errors import UserError

PathLike = str | os.PathLike[str]
# It can only be read by setting it.
_UMASK = os.umask(0)
os.umask(_UMASK)


@contextmanager
def replacing(path: PathLike) -> Iterator[Path]:
    """Yield a temporary path beside `path`, renamed on success and removed on failure.

    What a killed process of this machine has left of an earlier attempt is removed first.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    begin = f".{target.name}.{platform.node()}-"
    # A database leaves a journal beside it, …part-journal.
    for part in target.parent.glob(f"{glob.escape(begin)}*.part*"):
        process = part.name.removeprefix(begin).partition(".part")[0]
        if process.isdecimal() and not _alive(int(process)):
            part.unlink(missing_ok=True)
    temporary = target.with_name(f"{begin}{os.getpid()}.part")
    try:
        yield temporary
        # Some libraries make files that nobody else may read.
        temporary.chmod(0o666 & ~_UMASK)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _alive(process: int) -> bool:
    """Whether there is a process of this number, whosever it is."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def write_text(path: PathLike, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def as_json(value: Any) -> str:
    """`value` as strict JSON, as files have it (a NaN is an error: use None)."""
    return json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def write_json(path: PathLike, value: Any) -> None:
    """Write `value` as strict JSON, whole or not at all."""
    write_text(path, as_json(value))


def read_json(path: PathLike) -> Any:
    """The value stored in a JSON file. Raises UserError where it is none."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: no JSON ({error}); make it anew: {again(path)}") from error


def file_digest(path: PathLike, algorithm: str = "sha256") -> str:
    """Hexadecimal digest of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def files_digest(paths: Iterable[PathLike]) -> str:
    """One SHA-256 over the names and contents of several files, whatever their order or folder."""
    lines = sorted(f"{Path(path).name} {file_digest(path)}" for path in paths)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def value_digest(value: Any) -> str:
    """SHA-256 of a JSON-able value, independent of the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
