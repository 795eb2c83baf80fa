"""A thread that calls a function a few times a second."""

import threading
from collections.abc import Callable

SECONDS = 0.25


class Ticker:
    """Calls a function a few times a second until it is stopped."""

    def __init__(self, tick: Callable[[], None]) -> None:
        self._stopped = threading.Event()
        self._tick = tick
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while not self._stopped.wait(SECONDS):
            self._tick()

    def stop(self) -> None:
        """Have it called no more."""
        self._stopped.set()
