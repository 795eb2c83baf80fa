"""A confined process, watched while it answers: how it uses time and memory, and how it ends."""

import contextlib
import ctypes
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlplab.isolation import launch
from mlplab.plugins import at

# Of what a file prints, this many bytes are kept.
KEPT_OUTPUT = 1 << 16
# How long a process that is asked where it is may take to say so.
SECONDS_TO_SAY = 1.0
SECONDS_TO_END = 5.0
PR_GET_DUMPABLE, PR_SET_DUMPABLE = 3, 4
CREDENTIALS = struct.Struct("3i")


@dataclass(frozen=True)
class Limits:
    """How much a process may use.

    `seconds` is the wall time of all its answers since the start or the last `renew`,
    `call_seconds` that of one, and `cpu_seconds` that of its processors from start to end. In
    bytes: its `memory`, `file_bytes` of one file that it writes, `scratch_bytes` of all.
    """

    seconds: float = 120.0
    call_seconds: float = 10.0
    cpu_seconds: int = 600
    memory: int = 4 << 30
    file_bytes: int = 16 << 20
    scratch_bytes: int = 64 << 20
    threads: int = 128


class Exceeded(Exception):
    """A process is over one of its limits: which one, in words that follow what it did."""


def connected() -> tuple[socket.socket, socket.socket]:
    """Our end of a connection to a process, and its own."""
    ours, theirs = socket.socketpair()
    for each in (ours, theirs):
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            each.setsockopt(socket.SOL_SOCKET, option, 4 << 20)
    if sys.platform == "linux":
        # The kernel says who sends a byte only where this was asked for before it was sent.
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    return ours, theirs


class Process:
    """A process, from its start to its end. What it prints is kept in `output`, up to a limit."""

    def __init__(
        self,
        connection: socket.socket,
        settings: str,
        reads: Sequence[Path],
        scratch: Path,
        with_bwrap: bool,
        limits: Limits,
    ) -> None:
        """Start it, at the other end of `connection`."""
        self.output, self.printed = b"", 0
        self._limits = limits
        self._scratch = scratch
        self._seconds, self._ends, self._limit = 0.0, 0.0, ""
        self._computed_before: float | None = None
        # Where it writes at which line it is, when it crashes or is asked.
        self._dump, name = tempfile.mkstemp()
        os.unlink(name)
        descriptors = [connection.fileno(), self._dump]
        arguments = [*map(str, descriptors), settings]
        # Without namespaces of its own it sees this process: its memory must not be read.
        self._was_dumpable = None if with_bwrap else _set_dumpable(0)
        self._popen = launch.start(arguments, descriptors, reads, scratch, with_bwrap)
        self._number = self._popen.pid
        self._within: int | None = None
        assert self._popen.stdout is not None
        self._pipe = self._popen.stdout
        os.set_blocking(self._pipe.fileno(), False)

    def meet(self, connection: socket.socket) -> None:
        """Wait for its first byte, with which the kernel says its number: bwrap is in between.

        `connection` is the end of a pair from `connected`.
        """
        while True:
            try:
                byte, about, _, _ = connection.recvmsg(1, socket.CMSG_SPACE(CREDENTIALS.size))
                break
            except BlockingIOError:
                self.watch()
                time.sleep(0.01)
        if sys.platform == "linux":
            for level, kind, data in about:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                    number, _, _ = CREDENTIALS.unpack(data[: CREDENTIALS.size])
                    # The kernel says 0 where it is gone already.
                    if number:
                        self._number, self._within = number, os.pidfd_open(number)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
        if not byte:
            raise Exceeded("ends before it has begun")

    def answer_within(self, seconds: float, limit: str = "") -> None:
        """Give it so much time, from now on, until `watch` finds it too slow: over its `limit`."""
        self._seconds, self._ends = seconds, time.monotonic() + seconds
        self._limit = limit or f"its limit of {seconds:.0f} s"
        self._computed_before = None

    def watch(self) -> None:
        """Look at it while it is waited for; raises Exceeded."""
        self._read_output()
        computed = self._computed()
        if self._computed_before is None:
            self._computed_before = computed
        late = time.monotonic() - self._ends
        # On a busy machine it may not have had the time: it is then waited for up to three times.
        idle = computed - self._computed_before < self._seconds / 2
        if late > (2 * self._seconds if idle else 0):
            self._say_where()
            raise Exceeded(f"has not ended within {self._limit}: is it an endless loop?")
        memory, threads = self._use()
        if memory > self._limits.memory:
            raise Exceeded(f"takes more than its limit of {_size(self._limits.memory)} of memory")
        if threads > self._limits.threads:
            raise Exceeded(f"starts more than its limit of {self._limits.threads} threads")
        if _bytes_below(self._scratch) > self._limits.scratch_bytes:
            limit = _size(self._limits.scratch_bytes)
            raise Exceeded(f"writes more than its limit of {limit} to files")

    def place(self, paths: Sequence[Path]) -> str:
        """Where in these files it was when it crashed, or was asked, as file:line; else ""."""
        os.lseek(self._dump, 0, os.SEEK_SET)
        text = os.read(self._dump, KEPT_OUTPUT).decode(errors="replace")
        for path, line in re.findall(r'File "([^"\n]+)", line (\d+)', text):
            if Path(path) in paths:
                return at(Path(path), int(line))
        return ""

    def how_it_ended(self) -> str:
        """How it ended by itself, in words."""
        try:
            status = self._popen.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            return "closes its connection to the judge"
        # 128 + n stands for signal n where bwrap, as a shell, tells of its child.
        number = -status if status < 0 else status - 128
        if number in (signal.SIGXCPU, signal.SIGKILL):
            return (
                f"ends Python: killed by signal {number}, as after its limit of "
                f"{self._limits.cpu_seconds} CPU seconds or when memory runs out"
            )
        with contextlib.suppress(ValueError):
            return f"ends Python: killed by signal {number} ({signal.Signals(number).name})"
        return f"ends Python with status {status}"

    def end(self) -> None:
        """Kill it, with all that it started; what it printed stays."""
        if self._pipe.closed:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.kill()
        self._popen.wait()
        if self._within is not None:
            # Where bwrap is killed, what it has started ends a moment later.
            select.select([self._within], [], [], SECONDS_TO_END)
        self._read_output()

    def close(self) -> None:
        """End it, and give back what it took here."""
        self.end()
        if not self._pipe.closed:
            self._pipe.close()
            os.close(self._dump)
            if self._within is not None:
                os.close(self._within)
            if self._was_dumpable is not None:
                _set_dumpable(self._was_dumpable)

    def _read_output(self) -> None:
        with contextlib.suppress(BlockingIOError, ValueError):
            while chunk := os.read(self._pipe.fileno(), KEPT_OUTPUT):
                self.printed += len(chunk)
                self.output += chunk[: KEPT_OUTPUT - len(self.output)]

    def _say_where(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self._number, signal.SIGUSR1)
        ends = time.monotonic() + SECONDS_TO_SAY
        while not os.fstat(self._dump).st_size and time.monotonic() < ends:
            time.sleep(0.02)

    def _computed(self) -> float:
        """Its processor seconds; 0 where that is not told."""
        try:
            fields = Path(f"/proc/{self._number}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _use(self) -> tuple[int, int]:
        """Its memory in bytes and its number of threads; zeros where that is not told."""
        try:
            status = Path(f"/proc/{self._number}/status").read_text()
        except OSError:
            return 0, 0
        found = dict(re.findall(r"^(VmRSS|Threads):\s+(\d+)", status, re.MULTILINE))
        return int(found.get("VmRSS", 0)) << 10, int(found.get("Threads", 0))


def _bytes_below(folder: Path) -> int:
    """What a folder takes on the disk, each entry at least a page."""
    total, waiting = 0, [str(folder)]
    while waiting:
        with contextlib.suppress(OSError):
            for entry in os.scandir(waiting.pop()):
                total += max(4096, entry.stat(follow_symlinks=False).st_blocks * 512)
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
    return total


def _size(count: int) -> str:
    return f"{count >> 30} GiB" if count >= 1 << 30 else f"{count >> 20} MiB"


def _set_dumpable(value: int) -> int:
    """Whether processes of the same user may read this one's memory; returns what it was."""
    if sys.platform != "linux":
        return value
    libc = ctypes.CDLL(None)
    before = int(libc.prctl(PR_GET_DUMPABLE, 0, 0, 0, 0))
    libc.prctl(PR_SET_DUMPABLE, value, 0, 0, 0)
    return before
