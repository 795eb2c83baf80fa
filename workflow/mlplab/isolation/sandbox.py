"""A process for strangers' files, seen from outside: started, asked, watched, ended.

Its networks and activations are used as if they were the caller's own. Whatever becomes of the
process, the caller gets a PlugInError that says so.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import torch

from mlplab.activations import Activation
from mlplab.implementations import Build
from mlplab.isolation import launch
from mlplab.isolation.messages import Channel, Closed, ProtocolError, Tensors
from mlplab.isolation.remote import remote_activation, remote_build
from mlplab.plugins import PlugInError

# Of what a file prints, this many bytes are kept.
KEPT_OUTPUT = 1 << 16
# How long a process that is asked where it is may take to say so, in seconds.
SECONDS_TO_SAY = 1.0
MOST_OF_A_MESSAGE = 1000


@dataclass(frozen=True)
class Limits:
    """How much a process may use.

    `seconds` is the wall time of all its answers since the start or the last `renew`, and
    `call_seconds` that of one; `cpu_seconds` counts from the start to the end. Bytes: `memory`,
    `file_bytes` of each file, `scratch_bytes` of all.
    """

    seconds: float = 120.0
    call_seconds: float = 10.0
    cpu_seconds: int = 3600
    memory: int = 4 << 30
    file_bytes: int = 16 << 20
    scratch_bytes: int = 64 << 20
    threads: int = 64


class Stopped(PlugInError):
    """A file's process has ended, or was ended at a limit: nothing more is to be had from it."""


class Sandbox:
    """A process that has loaded nothing yet but the library; use it in a `with` statement.

    `notes` are what the files were seen doing that is no mistake but worth knowing; `output` is the
    beginning of what they printed.
    """

    def __init__(
        self, paths: Sequence[Path], limits: Limits | None = None, isolation: str = "auto"
    ) -> None:
        """`paths` are the strangers' files; Raises UserError where `isolation` cannot be had."""
        self.limits = limits or Limits()
        self.notes: list[str] = []
        self.output = b""
        self._paths = [path.absolute() for path in paths]
        self._shown = {path.absolute(): path for path in paths}
        self._left = self.limits.seconds
        self._call = ""
        self._call_ends = 0.0
        self._stopped: Stopped | None = None
        self._dropped: list[int] = []
        self._scratch = Path(tempfile.mkdtemp(prefix="mlplab-"))
        self._dump = os.memfd_create("dump")
        ours, theirs = socket.socketpair()
        for each in (ours, theirs):
            for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                each.setsockopt(socket.SOL_SOCKET, option, 4 << 20)
        self._channel = Channel(ours, self.limits.memory, self._watch)
        readable = launch.readable(self._paths)
        self._process = launch.start(theirs, self._dump, readable, self._scratch, isolation)
        theirs.close()
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        self._call_ends = time.monotonic() + 60.0
        try:
            self._channel.send(
                {
                    "threads": torch.get_num_threads(),
                    "matmul_precision": torch.get_float32_matmul_precision(),
                    "paths": list(map(str, self._paths)),
                    "limits": asdict(self.limits),
                    "readable": list(map(str, readable)),
                    "scratch": str(self._scratch),
                }
            )
            hello, _ = self._channel.receive()
        except (Closed, ProtocolError) as error:
            self._drain()
            self.close()
            raise Stopped(
                "the process for strangers' files does not start: "
                + self.output.decode(errors="replace")[-MOST_OF_A_MESSAGE:]
            ) from error
        self.confined: list[str] = hello.get("confined", [])

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process and all that it started; remove what it wrote."""
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(ValueError):
            self._drain()
        self._channel.close()
        assert self._process.stdout is not None
        self._process.stdout.close()
        if self._dump >= 0:
            os.close(self._dump)
            self._dump = -1
        shutil.rmtree(self._scratch, ignore_errors=True)

    def renew(self) -> None:
        """Count `limits.seconds` from here on."""
        self._left = self.limits.seconds

    def implementation(self, source: Path, watch: bool = True) -> Build:
        """What builds the networks of an implementation, of its file, in the process.

        With `watch` a network that changes what it is given changes it here, too.
        """
        self.ask("load_implementation", {"source": str(source.absolute())})
        return remote_build(self, source, watch)

    def activation(self, source: Path) -> Activation:
        """An activation, of its file, whose functions are computed in the process."""
        said, _ = self.ask("load_activation", {"source": str(source.absolute())})
        return remote_activation(self, source, said)

    def drop(self, network: int) -> None:
        """Have a network forgotten, with the next call."""
        self._dropped.append(network)

    def ask(
        self, call: str, about: dict[str, Any], tensors: Tensors | None = None, words: str = ""
    ) -> tuple[dict[str, Any], Tensors]:
        """The answer to a call, `words` in a message; raises PlugInError where there is none."""
        if self._stopped:
            raise self._stopped
        dropped, self._dropped = self._dropped, []
        self._call = words or call.replace("_", " ")
        start = time.monotonic()
        self._call_ends = start + min(self.limits.call_seconds, self._left)
        try:
            self._channel.send({"call": call, "drop": dropped, **about}, tensors)
            while "note" in (answer := self._channel.receive())[0]:
                self._note(str(answer[0]["note"]))
        except Closed as error:
            raise self._stop(self._ended()) from error
        except ProtocolError as error:
            raise self._stop(f"{self._call} is answered with {error}") from error
        finally:
            self._left -= time.monotonic() - start
        self._drain()
        head, found = answer
        if "error" in head:
            raise PlugInError(self._one_line(str(head["error"])))
        said = head.get("answer")
        if not isinstance(said, dict):
            raise self._stop(f"{self._call} is answered with what is no answer")
        return said, found

    def _one_line(self, text: str) -> str:
        """What came as one line that cannot be taken for another; paths as they were given."""
        printable = "".join(c if c.isprintable() else " " for c in text)
        line = " ".join(printable.split())[:MOST_OF_A_MESSAGE]
        for absolute, shown in self._shown.items():
            line = line.replace(str(absolute), str(shown))
        return line

    def _note(self, words: str) -> None:
        line = self._one_line(words)
        if line not in self.notes and len(self.notes) < 20:
            self.notes.append(line)

    def _stop(self, words: str) -> Stopped:
        """End the process; the error that this and every later call raises."""
        place = self._place() or str(next(iter(self._shown.values())))
        self._stopped = Stopped(self._one_line(f"{place}: {words}"))
        self._process.kill()
        return self._stopped

    def _ended(self) -> str:
        """How the process ended, in words."""
        try:
            status = self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            return f"{self._call} closes the connection to the judge"
        # Under bwrap, and in a shell, 128 + n stands for signal n.
        number = -status if status < 0 else status - 128
        with contextlib.suppress(ValueError):
            if number > 0:
                name = signal.Signals(number).name
                return f"{self._call} ends Python: killed by signal {number} ({name})"
        return f"{self._call} ends Python: exit status {status}"

    def _place(self) -> str:
        """Where the process was when it crashed, or was asked, as file:line."""
        os.lseek(self._dump, 0, os.SEEK_SET)
        text = os.read(self._dump, KEPT_OUTPUT).decode(errors="replace")
        for path, line in re.findall(r'File "([^"]+)", line (\d+)', text):
            if Path(path) in self._shown:
                return f"{self._shown[Path(path)]}:{line}"
        return ""

    def _drain(self) -> None:
        """Read what was printed; the beginning of it is kept."""
        assert self._process.stdout is not None
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._process.stdout.fileno(), KEPT_OUTPUT):
                self.output += chunk[: KEPT_OUTPUT - len(self.output)]

    def _watch(self) -> None:
        """While an answer is waited for: limits."""
        self._drain()
        if time.monotonic() > self._call_ends:
            self._say_where()
            seconds = self._call_ends and min(self.limits.call_seconds, self._left)
            raise self._stop(
                f"{self._call} has not ended after {seconds:.0f} s, the limit: an endless loop?"
            )

    def _say_where(self) -> None:
        """Have the process write where it is."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGUSR1)
        ends = time.monotonic() + SECONDS_TO_SAY
        while not self._place() and time.monotonic() < ends:
            time.sleep(0.02)
