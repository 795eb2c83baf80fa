"""What a class has handed in: each file, notebook or sub-folder of a folder is a submission.

Nothing here is trusted. Names become paths only as slugs, links are not followed, archives not
unpacked, and what is copied for a check is bounded.
"""

import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlplab import notebooks
from mlplab.errors import UserError
from mlplab.files import value_digest
from mlplab.judging.submissions import ENDINGS, to_check
from mlplab.plugins import PlugInError, defines

MOST_BYTES = {".py": 1 << 20, notebooks.ENDING: 16 << 20}
MOST_BYTES_OF_ANY = 16 << 20
MOST_BYTES_OF_ALL = 64 << 20
MOST_FILES = 1000
MOST_FOLDERS_DEEP = 8
MOST_OF_A_NAME = 80
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
# What systems and editors leave in a folder, beside names that begin with "." or "_".
LEFT_BEHIND = ("node_modules",)
# What Moodle puts behind the name of a participant.
OF_MOODLE = re.compile(r"_assignsubmission_(file|onlinetext)_?$")


class Refused(PlugInError):
    """A submission that cannot be checked: why, and what would be checked."""


@dataclass(frozen=True)
class Submission:
    """A submission: its `name` as it is shown, and `slug`, under which files are written."""

    name: str
    slug: str
    path: Path


def submissions(folder: Path) -> tuple[list[Submission], list[str]]:
    """All that was handed in, by name, and the names of what is none. Raises UserError for none."""
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder; name one with a file for each student")
    found: list[Submission] = []
    others: list[str] = []
    slugs: set[str] = set()
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "_")) or path.name in LEFT_BEHIND:
            continue
        if path.is_symlink() or path.is_dir() or path.suffix.lower() in (*ENDINGS, *ARCHIVES):
            name = path.name if path.is_dir() else path.stem
            name = OF_MOODLE.sub("", name) or name
            slug = _slug(name, path.name, slugs)
            slugs.add(slug.casefold())
            found.append(Submission(printable(name), slug, path))
        else:
            others.append(printable(path.name))
    if not found:
        endings = " or ".join(ENDINGS)
        raise UserError(
            f"{folder}: nothing to grade; each file that ends in {endings}, and each sub-folder, "
            "is a submission"
        )
    return found, others


def printable(text: str, most: int = MOST_OF_A_NAME) -> str:
    """A name as one line that cannot be taken for another, nor for more than a name."""
    plain = unicodedata.normalize("NFC", text)
    line = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in plain)
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _slug(name: str, file: str, taken: set[str]) -> str:
    """A file name of letters, digits, "-" and "_", which no other submission has."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", plain)[:MOST_OF_A_NAME].strip("-")
    if slug == name and slug.casefold() not in taken:
        return slug
    # The name was another one, or some system takes both for the same.
    digest = hashlib.sha256(os.fsencode(file)).hexdigest()[:8]
    return f"{slug}-{digest}" if slug else digest


def contents(submission: Submission) -> dict[str, bytes]:
    """The files of a submission by their relative paths; raises Refused with what is wrong."""
    path = submission.path
    if path.is_symlink():
        raise Refused(f"{path.name}: a link, which is not followed; hand in the file itself")
    if path.is_dir():
        return _all_of(path)
    if path.suffix.lower() in ARCHIVES:
        raise Refused(f"{path.name}: archives are not unpacked; hand in the files themselves")
    content = _read(path, MOST_BYTES.get(path.suffix.lower(), MOST_BYTES_OF_ANY))
    if content is None:
        raise Refused(f"{path.name}: this is no regular file")
    return {path.name: content}


def _all_of(folder: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    total = 0
    for path in _files_below(folder, MOST_FOLDERS_DEEP):
        ending = path.suffix.lower()
        content = _read(path, MOST_BYTES.get(ending, MOST_BYTES_OF_ANY))
        if content is None or ending in ARCHIVES:
            continue
        total += len(content)
        if total > MOST_BYTES_OF_ALL or len(found) >= MOST_FILES:
            raise Refused(
                f"more than {MOST_FILES:,} files or {MOST_BYTES_OF_ALL >> 20} MiB; hand in what "
                "the network needs, and no data"
            )
        found[str(path.relative_to(folder))] = content
    return found


def _files_below(folder: Path, deep: int) -> Iterator[Path]:
    """Regular files, without following links."""
    with os.scandir(folder) as entries:
        inside = sorted(entries, key=lambda entry: entry.name)
    for entry in inside:
        if entry.name.startswith((".", "__MACOSX", "__pycache__")) or entry.name in LEFT_BEHIND:
            continue
        if entry.is_dir(follow_symlinks=False) and deep:
            yield from _files_below(Path(entry.path), deep - 1)
        elif entry.is_file(follow_symlinks=False):
            yield Path(entry.path)


def _read(path: Path, most: int) -> bytes | None:
    """A file's bytes; None for what is no regular file. Raises Refused for one that is too big."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Refused(f"{printable(path.name)}: cannot be read: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            return None
        content = file.read(most + 1) if about.st_size <= most else b""
        if about.st_size > most or len(content) > most:
            limit = f"{most >> 20} MiB"
            raise Refused(f"{printable(path.name)}: greater than the limit of {limit} for a file")
    return content


def digest(files: dict[str, bytes]) -> str:
    """SHA-256 over the names and contents of files."""
    return value_digest({name: hashlib.sha256(text).hexdigest() for name, text in files.items()})


def copy(files: dict[str, bytes], folder: Path) -> None:
    """Write the files into a folder of their own, in which a check may read them."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def main_file(folder: Path, wanted: str = "") -> Path:
    """Of a submission that was copied to a folder, the file that is to be checked.

    It is the one that is called `wanted`, or else the one that defines a Network, or else the only
    one that no other imports. Raises Refused where there is none, or where there are several.
    """
    files = to_check(folder)
    files = [path for path in files if defines(path, "Network")] or files
    named = [path for path in files if path.name == wanted]
    if wanted and len(files) > 1:
        if len(named) == 1:
            return named[0]
        raise Refused(f"expected one file {wanted}, found {_listed(files, folder)}")
    if len(files) == 1:
        return files[0]
    if not files:
        raise Refused(f"there is neither a Python file nor a notebook ({' or '.join(ENDINGS)})")
    raise Refused(
        f"which is to be checked? Found {_listed(files, folder)}; hand in one file with a class "
        "Network, and its helper modules"
    )


def _listed(files: Sequence[Path], folder: Path) -> str:
    names = [printable(str(path.relative_to(folder))) for path in files]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
