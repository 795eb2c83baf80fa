"""A warm process: it has imported what the jobs need, and every job is a fork of it.

Importing torch takes two seconds, MLflow three more, and training a small network hardly longer.
One process that has done so once, started with the workflow and ending with it, saves each job its
imports. A job's script hands itself over where there is such a process and runs by itself where
there is none, as on the nodes of a cluster.

A fork has the working directory, the environment, the output and the exit status of the process
that handed over; it is killed when that process dies, and all are when the workflow does.
"""

import contextlib
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

VARIABLE = "MLPLAB_WARM"
# Imported in this order, each as soon as no job waits: what training needs comes first.
MODULES = (
    "mlplab.experiment",
    "mlplab.tracking",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlplab.evaluation",
    "mlplab.parity",
    "mlplab.comparisons",
    "mlplab.gradient_flow",
    "mlplab.report",
)
LENGTH = 8


def available() -> bool:
    """Whether this system can do it: Linux, with process file descriptors."""
    return hasattr(os, "pidfd_open") and hasattr(socket, "send_fds")


def start() -> subprocess.Popen[bytes] | None:
    """Start the warm process and tell jobs of it in the environment; it ends with the caller."""
    if not available() or os.environ.get(VARIABLE) == "off":
        return None
    # The path of a Unix socket must be short; the folder is closed to other users.
    address = f"{tempfile.mkdtemp(prefix='mlplab-')}/socket"
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "OPENBLAS_NUM_THREADS": "1"}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(1024)
        process = subprocess.Popen(
            [sys.executable, __file__, str(listener.fileno())],
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno()],
            env={**os.environ, **quiet},
        )
    # Jobs of another environment, such as conda's, have modules of their own.
    os.environ.update({VARIABLE: f"{sys.prefix}:{address}"})
    return process


def hand_over(script: str) -> None:
    """Run `script` as a fork of the warm process and exit as it does; return if there is none."""
    prefix, _, address = os.environ.get(VARIABLE, "off").rpartition(":")
    if prefix != sys.prefix:
        return
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(address)
        except OSError:
            return
        request = {"script": script, "folder": os.getcwd(), "environment": dict(os.environ)}
        body = json.dumps(request).encode()
        socket.send_fds(connection, [len(body).to_bytes(LENGTH, "big")], [1, 2])
        connection.sendall(body)
        answer = connection.recv(1)
    if not answer:
        sys.exit("the warm process ended before this job did")
    sys.exit(answer[0])


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
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    jobs: list[Job] = field(default_factory=list)
    modules: list[str] = field(default_factory=lambda: list(MODULES))

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

    def _accept(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        head, descriptors, _, _ = socket.recv_fds(connection, LENGTH, 2)
        body = b""
        length = int.from_bytes(head, "big")
        while len(body) < length:
            body += connection.recv(length - len(body))
        pid = os.fork()
        if pid == 0:
            self._become(json.loads(body), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        job = Job(pid, os.pidfd_open(pid), connection)
        self.jobs.append(job)
        self.selector.register(job.descriptor, selectors.EVENT_READ, lambda _: self._ended(job))
        self.selector.register(connection, selectors.EVENT_READ, lambda _: self._abandoned(job))

    def _become(self, request: dict[str, Any], descriptors: list[int]) -> NoReturn:
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
            os.chdir(request["folder"])
            os.environ.clear()
            os.environ.update(request["environment"])
            os.environ[VARIABLE] = "off"
            sys.argv = [request["script"]]
            runpy.run_path(request["script"], run_name="__main__")
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
        address = Path(self.listener.getsockname())
        with contextlib.suppress(OSError):
            address.unlink()
            address.parent.rmdir()
        os._exit(0)


def main(listener: int) -> None:
    """The warm process itself, on a socket that listens already."""
    # An interrupt at the terminal is for the workflow to deal with.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Server(socket.socket(fileno=listener)).run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
