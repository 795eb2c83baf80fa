"""A crate on disk: a folder, or a ZIP of one."""

import os
import shutil
import zipfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from mlplab.errors import UserError
from mlplab.files import replacing


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
