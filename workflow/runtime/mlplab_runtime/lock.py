"""One snakemake works in a folder; what one that was killed has left, the next one removes."""

import contextlib
import fcntl
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

LOCK = Path(".snakemake/mlplab.lock")


def hold_for_deletion(arguments: Sequence[str], path: Path = LOCK) -> TextIO | None:
    """Hold the lock where the command line is to delete results, which does not start jobs."""
    deletes = any(argument.startswith("--delete-") for argument in arguments)
    return hold_lock(path) if deletes else None


def hold_lock(path: Path = LOCK) -> TextIO:
    """Hold the lock at `path` as long as the returned file lives; exit where another process does.

    The system frees the lock with its process, however that ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(f"Another snakemake works in this folder ({path}): wait for it, or stop it.")
    return file


def sweep(lock: TextIO, temporary: str) -> None:
    """Remove what who held the lock before has left, where it was killed: Snakemake never does.

    That is scripts of its jobs, and its folder of temporary files; this one's, `temporary`, is
    noted in the lock's file for the next.
    """
    for script in Path(lock.name).parent.glob("scripts/tmp*"):
        script.unlink(missing_ok=True)
    lock.seek(0)
    if before := lock.read():
        # Another's, or one that is in use, is not empty.
        with contextlib.suppress(OSError, ValueError):
            Path(before).rmdir()
    lock.truncate(0)
    lock.write(temporary)
    lock.flush()
