"""Warm processes: they have imported what the jobs need, and every job is a fork of one of them.

Importing torch takes two seconds, MLflow three more, and training a small network hardly longer.
A process that has done so once, started with the workflow and ending with it, saves each job its
imports. There are two: one has torch, the other MLflow and pandas, so that neither waits for the
other's imports and training carries no MLflow in its memory. A job's script is handed over where
there is such a process (handover/sitecustomize.py) and runs by itself where there is none, as on
the nodes of a cluster.

A fork has the working directory, the environment, the output and the exit status of the process
that handed over; it is killed when that process dies, and all are when the workflow does.
"""

import contextlib
import gc
import importlib
import os
import runpy
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

VARIABLE = "MLPLAB_WARM"
LENGTH = 8
HANDOVER = Path(__file__).parent / "handover"
# Modules are imported in this order, each as soon as no job waits.
MODULES = {
    "torch": (
        "mlplab.training.run",
        "snakemake.iocontainers",
        # torch's optimizers import it when the first one is made.
        "torch._dynamo",
        "mlplab.judging.compare",
        "mlplab.figures.runs",
    ),
    "mlflow": (
        "mlplab.tracking.send.collect",
        "mlflow.store.tracking.sqlalchemy_store",
        "snakemake.iocontainers",
        "mlplab.analysis.scores",
        "mlplab.analysis.comparisons",
        "mlplab.figures.runs.diagnostics",
        "mlplab.report",
    ),
}
# Script → the process that it is a fork of.
SCRIPTS = {
    "train": "torch",
    "compare_implementation": "torch",
    "select_best": "torch",
    "plot_activation": "torch",
    "plot_samples": "torch",
    "plot_cell": "torch",
    "start_study": "mlflow",
    "save_config": "mlflow",
    "evaluate": "mlflow",
    "track": "mlflow",
    "collect_runs": "mlflow",
    "summarize": "mlflow",
    "tabulate_parity": "mlflow",
    "plot_curves": "mlflow",
    "plot_diagnostics": "mlflow",
    "plot_overview": "mlflow",
    "render_report": "mlflow",
    "publish_study": "mlflow",
}


def available() -> bool:
    """Whether this system can do it: Linux, with process file descriptors."""
    return hasattr(os, "pidfd_open") and hasattr(socket, "send_fds")


def start() -> list[subprocess.Popen[bytes]]:
    """Start the warm processes and tell jobs of them in the environment; they end with the caller.

    Returns none where it cannot be done, or where the environment says MLPLAB_WARM=off.
    """
    if not available() or os.environ.get(VARIABLE) == "off":
        return []
    # The path of a Unix socket must be short; the folder is closed to other users.
    folder = Path(tempfile.mkdtemp(prefix="mlplab-"))
    processes = [_start(name, folder / name) for name in MODULES]
    for script, name in SCRIPTS.items():
        (folder / f"{script}.py").symlink_to(name)
    # Jobs of another environment, such as conda's, have modules of their own.
    os.environ.update({VARIABLE: f"{sys.prefix}:{folder}"})
    search = filter(None, [str(HANDOVER), os.environ.get("PYTHONPATH")])
    os.environ.update(PYTHONPATH=os.pathsep.join(search))
    return processes


def _start(name: str, address: Path) -> subprocess.Popen[bytes]:
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "OPENBLAS_NUM_THREADS": "1"}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        listener.listen(1024)
        return subprocess.Popen(
            [sys.executable, __file__, name, str(listener.fileno())],
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno()],
            env={**os.environ, **quiet},
        )


@dataclass(frozen=True)
class Request:
    """A script that is to run, in which folder and with which environment."""

    script: str
    folder: str
    environment: dict[bytes, bytes]

    @classmethod
    def read(cls, body: bytes) -> "Request":
        """From what is sent: script, folder and NAME=value …, separated by NUL bytes."""
        script, folder, *variables = body.split(b"\0")
        environment = dict(variable.split(b"=", 1) for variable in variables)
        return cls(os.fsdecode(script), os.fsdecode(folder), environment)


@dataclass
class Job:
    """A fork at work, the descriptor by which its end is seen, and who waits for it."""

    pid: int
    descriptor: int
    connection: socket.socket


@dataclass
class Server:
    """Forks a job for each connection; tells its exit status to whoever handed it over."""

    listener: socket.socket
    modules: list[str]
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    jobs: list[Job] = field(default_factory=list)

    def run(self) -> None:
        """Serve until standard input ends, which it does with the process that started this."""
        self.selector.register(self.listener, selectors.EVENT_READ, self._accept)
        self.selector.register(sys.stdin, selectors.EVENT_READ, self._end)
        self._import_next()
        while True:
            # With modules left to import, only what is due now is waited for.
            events = self.selector.select(timeout=0 if self.modules else None)
            for key, _ in events:
                key.data(key.fileobj)
            if not events and self.modules:
                self._import_next()

    def _import_next(self) -> None:
        # A module that cannot be imported is a matter of the job that needs it.
        with contextlib.suppress(Exception):
            importlib.import_module(self.modules.pop(0))
        # What is there now stays: a fork need not look through it for garbage, nor copy it.
        gc.freeze()

    def _accept(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        head, descriptors, _, _ = socket.recv_fds(connection, LENGTH, 2)
        body = b""
        length = int.from_bytes(head, "big")
        while len(body) < length:
            body += connection.recv(length - len(body))
        pid = os.fork()
        if pid == 0:
            self._become(Request.read(body), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        job = Job(pid, os.pidfd_open(pid), connection)
        self.jobs.append(job)
        self.selector.register(job.descriptor, selectors.EVENT_READ, lambda _: self._ended(job))
        self.selector.register(connection, selectors.EVENT_READ, lambda _: self._abandoned(job))

    def _become(self, request: Request, descriptors: list[int]) -> NoReturn:
        """In the fork: be the job."""
        status = 1
        try:
            self.selector.close()
            self.listener.close()
            for job in self.jobs:
                os.close(job.descriptor)
                job.connection.close()
            with open(os.devnull) as nothing:
                os.dup2(nothing.fileno(), 0)
            for number, descriptor in zip((1, 2), descriptors, strict=True):
                os.dup2(descriptor, number)
                os.close(descriptor)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.chdir(request.folder)
            os.environ.clear()
            os.environb.update(request.environment)
            os.environ[VARIABLE] = "off"
            sys.argv = [request.script]
            runpy.run_path(request.script, run_name="__main__")
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
            if isinstance(end.code, str):
                print(end.code, file=sys.stderr)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _forget(self, job: Job) -> None:
        for watched in (job.descriptor, job.connection):
            self.selector.unregister(watched)
        os.close(job.descriptor)
        job.connection.close()
        self.jobs.remove(job)

    def _ended(self, job: Job) -> None:
        if job not in self.jobs:
            return
        _, status = os.waitpid(job.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        with contextlib.suppress(OSError):
            # A job that was killed by signal n exits with 128 + n, as shells say it.
            job.connection.send(bytes([code if code >= 0 else 128 - code]))
        self._forget(job)

    def _abandoned(self, job: Job) -> None:
        """Nobody waits for the job any longer: its process was killed."""
        if job not in self.jobs:
            return
        os.kill(job.pid, signal.SIGKILL)
        os.waitpid(job.pid, 0)
        self._forget(job)

    def _end(self, _: object) -> None:
        if os.read(sys.stdin.fileno(), 1):
            return
        for job in self.jobs:
            os.kill(job.pid, signal.SIGKILL)
        shutil.rmtree(Path(self.listener.getsockname()).parent, ignore_errors=True)
        os._exit(0)


def main(name: str, listener: int) -> None:
    """A warm process itself, on a socket that listens already."""
    # An interrupt at the terminal is for the workflow to deal with.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Server(socket.socket(fileno=listener), list(MODULES[name])).run()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
