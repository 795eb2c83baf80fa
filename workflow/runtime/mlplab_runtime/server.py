"""A warm process: it imports what jobs need, and every job that is handed over is a fork of it.

A fork has the folder, the environment, the output and the exit status of the client, the process
that handed over. The two are connected until the job ends. No other fork holds the connection, so
a client that finds it closed knows that nobody works on its job.
"""

import contextlib
import gc
import importlib
import os
import selectors
import signal
import socket
import struct
import sys
from typing import NoReturn

from mlplab_runtime.fork import become_job
from mlplab_runtime.lifetime import end_with_parent

CREDENTIALS = struct.Struct("3i")


class Server:
    """Forks a job for each connection, and tells the client its exit status."""

    def __init__(self, listener: socket.socket, tasks: list[str]) -> None:
        """`tasks` are done in turn, the first ones at once, others when no job waits.

        Each is a module to import, or a function to call as `module:function=argument`, or without
        an argument. Of those that one string names, with commas between them, no job waits for one
        alone.
        """
        self._listener = listener
        self._tasks = tasks
        self._selector = selectors.DefaultSelector()
        # Descriptor by which a fork's end is seen → its number and the connection to its client.
        self._jobs: dict[int, tuple[int, socket.socket]] = {}

    def run(self) -> NoReturn:
        """Serve until the process is killed."""
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._do_next()
        while True:
            # With tasks left, only what is due now is waited for.
            events = self._selector.select(timeout=0 if self._tasks else None)
            for key, _ in events:
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    self._finish(key.fd)
            if not events and self._tasks:
                self._do_next()

    def _do_next(self) -> None:
        if not self._tasks:
            return
        # What modules make stays: to look through it for garbage takes a sixth of the import.
        gc.disable()
        for task in self._tasks.pop(0).split(","):
            # One that cannot be done is a matter of the job that needs it.
            with contextlib.suppress(Exception):
                do(task)
        # Nor need a fork look through it, or copy it.
        gc.freeze()
        gc.enable()

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        _, user, _ = CREDENTIALS.unpack(
            connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
        )
        parent = os.getpid()
        try:
            # Anybody on this machine may connect.
            pid = os.fork() if user == os.geteuid() else None
        except OSError:
            pid = None
        if pid is None:
            # The client runs its script by itself.
            connection.close()
        elif pid == 0:
            self._become_job(connection, parent)
        else:
            descriptor = os.pidfd_open(pid)
            self._jobs[descriptor] = pid, connection
            self._selector.register(descriptor, selectors.EVENT_READ)

    def _become_job(self, connection: socket.socket, parent: int) -> NoReturn:
        try:
            end_with_parent(parent)
            self._selector.close()
            self._listener.close()
            for descriptor, (_, other) in self._jobs.items():
                os.close(descriptor)
                other.close()
            become_job(connection)
        finally:
            os._exit(1)

    def _finish(self, descriptor: int) -> None:
        self._selector.unregister(descriptor)
        os.close(descriptor)
        pid, connection = self._jobs.pop(descriptor)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with connection, contextlib.suppress(OSError):
            # A job that was killed by signal n exits with 128 + n, as shells say it.
            connection.send(bytes([code if code >= 0 else 128 - code]))


def do(task: str) -> None:
    """Import a module; call its function where `task` is `module:function[=argument]`."""
    name, _, call = task.partition(":")
    module = importlib.import_module(name)
    if call:
        function, *arguments = call.split("=", 1)
        getattr(module, function)(*arguments)


def main(listener: int, parent: int, tasks: list[str]) -> NoReturn:
    """Serve on a socket that listens already, until the process `parent` ends."""
    end_with_parent(parent)
    # What is sent to all processes at once is for the workflow and the jobs to deal with.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    Server(socket.socket(fileno=listener), tasks).run()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
