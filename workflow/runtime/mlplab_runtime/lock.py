"""One snakemake works in a folder."""

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
