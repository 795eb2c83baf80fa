"""Warm processes: they have imported what the jobs need, and every job is a fork of one of them.

Importing torch takes two seconds, MLflow three more, and training a small network hardly longer.
A process that has done so once, started with the workflow and ending with it, saves each job its
imports.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlplab_runtime.processes import MODULES, VARIABLE, address

HANDOVER = Path(__file__).parents[1] / "handover"


def available() -> bool:
    """Whether this system can do it: Linux, with process file descriptors."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open")


def switch_off() -> None:
    """Have every job run by itself."""
    os.environ[VARIABLE] = "off"


def start(
    tasks: Mapping[str, Sequence[Sequence[str]]] = MODULES,
) -> list[subprocess.Popen[bytes]]:
    """Start the warm processes and tell jobs of them in the environment; they end with the caller.

    To be called in the main thread. Returns none where the system cannot do it, or where the
    environment says MLPLAB_WARM=off.
    """
    if not available() or os.environ.get(VARIABLE) == "off":
        return []
    name = f"mlplab-{os.getpid()}-{os.urandom(8).hex()}"
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for process, own in tasks.items():
            processes.append(_start(address(name, process), own))
    except OSError as error:
        for started in processes:
            started.kill()
            started.wait()
        print(f"No warm processes ({error}): jobs run by themselves, slower.", file=sys.stderr)
        return []
    # Jobs of another environment, such as conda's, have modules of their own.
    os.environ[VARIABLE] = f"{sys.prefix}:{name}"
    search = filter(None, [str(HANDOVER), os.environ.get("PYTHONPATH")])
    os.environ["PYTHONPATH"] = os.pathsep.join(search)
    return processes


def _start(name: bytes, tasks: Sequence[Sequence[str]]) -> subprocess.Popen[bytes]:
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "OPENBLAS_NUM_THREADS": "1"}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(name)
        listener.listen(1024)
        descriptor = listener.fileno()
        # -P: nothing is imported from the folder that snakemake runs in.
        server = [sys.executable, "-P", "-m", "mlplab_runtime.server"]
        return subprocess.Popen(
            [*server, str(descriptor), str(os.getpid()), *map(",".join, tasks)],
            stdin=subprocess.DEVNULL,
            pass_fds=[descriptor],
            env={**os.environ, **quiet},
        )
