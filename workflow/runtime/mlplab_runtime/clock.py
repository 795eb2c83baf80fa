"""A clock that was set back leaves files of the future: Snakemake refuses to build on them."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path


def date_now(folders: Sequence[str], files: Sequence[Path] = ()) -> None:
    """Give what is in `folders`, and `files`, where dated in the future, the date of now; say so.

    All of them the same: none is then newer than what was made of it.
    """
    now = time.time_ns()
    places = [*map(str, files), *_within(folders)]
    future = [path for path in places if _is_newer(path, now)]
    for path in future:
        with contextlib.suppress(OSError):
            os.utime(path, ns=(now, now))
    if future:
        print(
            f"{len(future)} files, such as {future[-1]}, were dated in the future, as where a "
            "clock was set back: they are dated now.",
            file=sys.stderr,
        )


def _within(folders: Sequence[str]) -> Iterator[str]:
    for folder in folders:
        for parent, _, names in os.walk(folder):
            yield from (os.path.join(parent, name) for name in names)


def _is_newer(path: str, now: int) -> bool:
    try:
        return os.lstat(path).st_mtime_ns > now and not os.path.islink(path)
    except OSError:
        # Gone meanwhile.
        return False
