"""What processes write to standard error while a block is drawn there."""

import contextlib
import os
import select
import threading
from collections.abc import Callable
from typing import TextIO


class Diverted:
    """Whatever this process and its children write to standard error goes to a function by lines.

    `terminal` is where it went before. Without this a job's words would be written into the block.
    """

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take
        self._real = os.dup(2)
        self.terminal: TextIO = os.fdopen(os.dup(self._real), "w", buffering=1, errors="replace")
        self._pipe, write = os.pipe()
        os.dup2(write, 2)
        os.close(write)
        self._stop, self._stopped = os.pipe()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        """Hand lines on until all is read that was written before the end was asked for."""
        rest = b""
        while True:
            ready, _, _ = select.select([self._pipe, self._stop], [], [])
            if self._pipe not in ready:
                break
            data = os.read(self._pipe, 65536)
            if not data:
                break
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._take(line.decode(errors="replace"))
        if rest:
            self._take(rest.decode(errors="replace"))

    def end(self) -> None:
        """Have standard error lead where it did before."""
        with contextlib.suppress(OSError):
            os.dup2(self._real, 2)
        os.close(self._stopped)
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout=1)
        os.close(self._real)
