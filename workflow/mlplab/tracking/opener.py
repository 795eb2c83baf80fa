"""Waits for MLflow's UI, says where a study is seen, and opens a browser there if asked to.

A process of its own beside the server; it ends when the server answers, or with the server.
"""

import os
import sys
import time
import urllib.request
import webbrowser
from collections.abc import Sequence
from urllib.parse import urldefrag

PATIENCE, PAUSE = 120.0, 0.2


def answers(address: str) -> bool:
    """Whether MLflow says there that it is well."""
    health = f"{urldefrag(address).url.rstrip('/')}/health"
    try:
        with urllib.request.urlopen(health, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def main(arguments: Sequence[str]) -> int:
    """Wait for the server; the arguments are STUDY ADDRESS [--browser]."""
    study, address, *options = arguments
    server, deadline = os.getppid(), time.monotonic() + PATIENCE
    while not answers(address):
        if os.getppid() != server or time.monotonic() > deadline:
            return 1
        time.sleep(PAUSE)
    print(f"{study}, the best runs first:\n  {address}\n(Ctrl-C ends it.)", flush=True)
    if "--browser" in options:
        webbrowser.open(address)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
