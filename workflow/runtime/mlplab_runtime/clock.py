"""A clock that was set back leaves files of the future: Snakemake refuses to build on them."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Sequence


def date_now(folders: Sequence[str]) -> None:
    """Give the files in `folders` that are dated in the future the date of now, and say so.

    All of them the same: none is then newer than what was made of it.
    """
    now = time.time_ns()
    future = [path for folder in folders for path in _newer(folder, now)]
    for path in future:
        with contextlib.suppress(OSError):
            os.utime(path, ns=(now, now))
    if future:
        print(
            f"{len(future)} files of {', '.join(folders)} were dated in the future, as where a "
            "clock was set back: they are dated now.",
            file=sys.stderr,
        )


def _newer(folder: str, now: int) -> Iterator[str]:
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            # One that is gone meanwhile has no date.
            with contextlib.suppress(OSError):
                if os.lstat(path).st_mtime_ns > now and not os.path.islink(path):
                    yield path
