"""A process for strangers' files, seen from outside: started, asked, ended.

Its networks and activations are used as if they were the caller's own. Whatever becomes of the
process, the caller gets a PlugInError that says so.
"""

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

import torch

from mlplab.activations import Activation
from mlplab.implementations import Build
from mlplab.isolation import launch
from mlplab.isolation.messages import Channel, Closed, ProtocolError, Tensors
from mlplab.isolation.process import Exceeded, Limits, Process, connected
from mlplab.isolation.remote import remote_activation, remote_build
from mlplab.plugins import PlugInError

# How long the process may take to import the library, on a busy machine.
SECONDS_TO_START = 120.0
MOST_OF_A_LINE = 1000
MOST_NOTES = 20
# Bytes: what comes back is kept here, where it is compared.
MOST_OF_AN_ANSWER = 1 << 29
REFUSED = ("PermissionError", "Operation not permitted", "Read-only file system")


class Stopped(PlugInError):
    """A file's process has ended, or was ended at a limit: nothing more is to be had from it."""


class Sandbox:
    """A process that has loaded nothing yet but the library; use it in a `with` statement.

    It is waited for with the first question.

    `notes` are what the files were seen doing that is no mistake but worth knowing.
    """

    def __init__(
        self, paths: Sequence[Path], limits: Limits | None = None, isolation: str = "auto"
    ) -> None:
        """`paths` are the strangers' files; raises UserError where `isolation` cannot be had."""
        self.notes: list[str] = []
        self.limits = limits or Limits()
        self.with_bwrap = launch.uses_bwrap(isolation)
        self._shown = {path.absolute(): path for path in paths}
        self._left = self.limits.seconds
        self._stopped: Stopped | None = None
        self._dropped: list[int] = []
        self._scratch = Path(tempfile.mkdtemp(prefix="mlplab-")).resolve()
        (self._scratch / launch.HOME).mkdir()
        ours, theirs = connected()
        reads = launch.readable(list(self._shown))
        settings = {
            "threads": torch.get_num_threads(),
            "matmul_precision": torch.get_float32_matmul_precision(),
            "paths": list(map(str, self._shown)),
            "limits": asdict(self.limits),
            "readable": [*map(str, reads), *launch.KERNEL],
            "scratch": str(self._scratch),
        }
        with theirs:
            self._process = Process(
                theirs, json.dumps(settings), reads, self._scratch, self.with_bwrap, self.limits
            )
        self._connection = ours
        self._channel = Channel(ours, MOST_OF_AN_ANSWER, self._process.watch)
        self._held: list[str] | None = None

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def output(self) -> str:
        """The beginning of what the files have printed."""
        return self._process.output.decode(errors="replace")

    @property
    def printed(self) -> int:
        """How many bytes the files have printed."""
        return self._process.printed

    def close(self) -> None:
        """End the process and all that it started; remove what it wrote."""
        self._process.close()
        self._channel.close()
        written = [path.name for path in self._scratch.glob("*") if path.name != launch.HOME]
        if written:
            self._note(f"it writes {', '.join(sorted(written))[:200]}: removed")
        try:
            shutil.rmtree(self._scratch, ignore_errors=True)
        except RecursionError:
            # Folders in folders, deeper than Python goes.
            subprocess.run(["rm", "-rf", "--", str(self._scratch)], capture_output=True)

    def _meet(self) -> None:
        """Wait for the process, which starts while this one computes; raises Stopped."""
        self._process.answer_within(SECONDS_TO_START)
        try:
            self._process.meet(self._connection)
            hello, _ = self._channel.receive()
        except (Closed, ProtocolError, Exceeded) as error:
            self._process.end()
            end = self.output[-MOST_OF_A_LINE:] or "it says nothing"
            self._stopped = Stopped(f"the process for strangers' files does not start: {end}")
            raise self._stopped from error
        self._held = list(hello["held"])

    def not_isolated(self) -> list[str]:
        """What the files could reach, since there is no bwrap or the kernel lacks something."""
        if self.with_bwrap or self._held is None:
            return []
        open_to_them = ["they see which processes run here"]
        if "files" not in self._held:
            open_to_them.append("they can read and write the files of this account")
        if "calls" not in self._held:
            open_to_them.append("they can use the network and start processes")
        return open_to_them

    def renew(self) -> None:
        """Count `limits.seconds` from here on."""
        self._left = self.limits.seconds

    def implementation(self, source: Path, watch: bool) -> Build:
        """What builds the networks of an implementation, of its file, in the process.

        With `watch` a network that changes what it is given changes it here, too.
        """
        self.ask("load_implementation", "the import", {"source": str(source.absolute())})
        return remote_build(self, source, watch)

    def activation(self, source: Path) -> Activation:
        """An activation, of its file, whose functions are computed in the process."""
        said, _ = self.ask("load_activation", "the import", {"source": str(source.absolute())})
        return remote_activation(self, source, said)

    def drop(self, network: int) -> None:
        """Have a network forgotten, with the next call."""
        self._dropped.append(network)

    def ask(
        self, call: str, words: str, about: dict[str, Any], tensors: Tensors | None = None
    ) -> tuple[dict[str, Any], Tensors]:
        """The answer to a call, in words `words`; raises PlugInError where there is none."""
        if self._stopped:
            raise self._stopped
        if self._held is None:
            self._meet()
        dropped, self._dropped = self._dropped, []
        start = time.monotonic()
        if self._left >= self.limits.call_seconds:
            self._process.answer_within(self.limits.call_seconds)
        else:
            limit = f"the {self.limits.seconds:.0f} s of all its answers"
            self._process.answer_within(max(self._left, 0.0), limit)
        try:
            self._channel.send({"call": call, "words": words, "drop": dropped, **about}, tensors)
            while "note" in (answer := self._channel.receive())[0]:
                self._note(str(answer[0]["note"]))
                # Whoever tells without end is waited for all the same.
                self._process.watch()
        except Closed as error:
            raise self._stop(f"{words} {self._process.how_it_ended()}") from error
        except Exceeded as error:
            raise self._stop(f"{words} {error}") from error
        except ProtocolError as error:
            raise self._stop(f"{words} is answered with {error}") from error
        finally:
            self._left -= time.monotonic() - start
        head, found = answer
        if "error" in head:
            message = self.one_line(str(head["error"]))
            if any(each in message for each in REFUSED):
                message += " (isolated: no network, no other process, no file but in its folder)"
            raise PlugInError(message)
        said = head.get("answer")
        if not isinstance(said, dict):
            raise self._stop(f"{words} is answered with what is no answer")
        return said, found

    def _stop(self, words: str) -> Stopped:
        """End the process; the error that this and every later call raises."""
        self._process.end()
        place = self._process.place(list(self._shown)) or str(next(iter(self._shown)))
        self._stopped = Stopped(self.one_line(f"{place}: {words}"))
        return self._stopped

    def _note(self, words: str) -> None:
        line = self.one_line(words)
        if line not in self.notes and len(self.notes) < MOST_NOTES:
            self.notes.append(line)

    def one_line(self, text: str) -> str:
        """What came as one line that cannot be taken for another; paths as they were given."""
        printable = "".join(c if c.isprintable() else " " for c in text)
        line = " ".join(printable.split())[:MOST_OF_A_LINE]
        for absolute, shown in self._shown.items():
            line = line.replace(str(absolute), str(shown))
        return line
