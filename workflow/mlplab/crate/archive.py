"""A crate on disk: a folder, or a ZIP of one."""

import os
import shutil
import stat
import zipfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path, PurePosixPath

from mlplab.errors import UserError
from mlplab.files import replacing

# Of all files together, unpacked: more than any study, less than a disk.
LARGEST = 50 * 2**30


def write_archive(
    target: Path, files: Mapping[str, Path], texts: Mapping[str, str], date: str
) -> None:
    """Write files and texts, by their paths in the archive, to a ZIP, whole or not at all.

    The same files at the same `date` (ISO 8601) give the same bytes.
    """
    when = datetime.fromisoformat(date).timetuple()[:6]
    with replacing(target) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for path in sorted({*files, *texts}):
            entry = zipfile.ZipInfo(path, when)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            if path in texts:
                archive.writestr(entry, texts[path])
                continue
            with files[path].open("rb") as source, archive.open(entry, "w") as held:
                shutil.copyfileobj(source, held)


def write_folder(target: Path, files: Mapping[str, Path], texts: Mapping[str, str]) -> None:
    """Write files and texts to a new folder, whole or not at all.

    Raises UserError where there is something already.
    """
    if target.exists():
        raise UserError(f"{target} is there already; name a folder that is not, or remove it")
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        for path in {*files, *texts}:
            file = temporary / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if path in texts:
                file.write_text(texts[path], encoding="utf-8")
            else:
                shutil.copyfile(files[path], file)
        temporary.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def unpack(crate: Path, target: Path) -> None:
    """Copy a crate, a ZIP or a folder, to a new folder, whole or not at all.

    A stranger may have made it. Raises UserError where it is none, or holds anything but plain
    files that lie within it.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        if crate.is_dir():
            _copy(crate, temporary)
        else:
            _extract(crate, temporary)
        temporary.replace(target)
    except (OSError, zipfile.BadZipFile) as error:
        raise UserError(f"{crate}: expected a crate, a ZIP or a folder: {error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _copy(crate: Path, target: Path) -> None:
    paths = sorted(crate.rglob("*"))
    for path in paths:
        _refuse_name(crate, str(path.relative_to(crate)))
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise UserError(f"{crate}: {path.relative_to(crate)} is a link, expected plain files")
    _refuse_size(crate, (path.stat().st_size for path in paths))
    shutil.copytree(crate, target)


def _extract(crate: Path, target: Path) -> None:
    with zipfile.ZipFile(crate) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        _refuse_size(crate, (entry.file_size for entry in entries))
        for entry in entries:
            _refuse_place(crate, entry)
            file = target / entry.filename
            file.parent.mkdir(parents=True, exist_ok=True)
            # "x": an entry that comes twice is refused.
            with archive.open(entry) as held, file.open("xb") as unpacked:
                shutil.copyfileobj(held, unpacked)


def _refuse_size(crate: Path, sizes: Iterable[int]) -> None:
    if (total := sum(sizes)) > LARGEST:
        raise UserError(f"{crate}: {total:,} bytes unpacked, at most {LARGEST:,} are taken")


def _refuse_place(crate: Path, entry: zipfile.ZipInfo) -> None:
    """Raise UserError for an entry that is a link, or would lie outside of the folder."""
    _refuse_name(crate, entry.filename)
    path = PurePosixPath(entry.filename)
    outside = path.is_absolute() or ".." in path.parts or "\\" in entry.filename
    if outside or ":" in entry.filename:
        raise UserError(f"{crate}: {entry.filename!r} would lie outside of the crate's folder")
    # ZIPs made on other systems than Unix have no mode.
    if (mode := entry.external_attr >> 16) and not stat.S_ISREG(mode) and stat.S_IFMT(mode):
        raise UserError(f"{crate}: {entry.filename!r} is a link, expected plain files")


def _refuse_name(crate: Path, name: str) -> None:
    """Raise UserError for a name that a terminal or another system takes for something else."""
    if not name.isprintable():
        raise UserError(f"{crate}: {name!a} is no plain file name")
