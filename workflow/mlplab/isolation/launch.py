"""How the process for strangers' files is started: with what environment, and what it sees."""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

LIBRARY = Path(__file__).parents[1]
# Of the environment, what a computation needs and no secret is in.
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "CONDA_PREFIX")


def readable(paths: Sequence[Path]) -> list[Path]:
    """What the process may read: Python, the packages, the library, the files' own folders."""
    return [LIBRARY, *dict.fromkeys(path.parent for path in paths)]


def environment(scratch: Path) -> dict[str, str]:
    """The environment of the process."""
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    threads = {
        f"{library}_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")
        for library in ("OMP", "MKL", "OPENBLAS")
    }
    return {
        **kept,
        **threads,
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "USER": "nobody",
        "PYTHONPATH": str(LIBRARY.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
    }


def start(
    connection: socket.socket,
    dump: int,
    readable: Sequence[Path],
    scratch: Path,
    isolation: str,
) -> subprocess.Popen[bytes]:
    """The process, connected; its output is one pipe."""
    descriptors = [connection.fileno(), dump]
    python = [sys.executable, "-P", "-m", "mlplab.isolation.worker", *map(str, descriptors)]
    return subprocess.Popen(
        python,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=descriptors,
        cwd=scratch,
        env=environment(scratch),
        start_new_session=True,
    )
