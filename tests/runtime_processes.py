"""What the tests of the runtime share."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from conftest import REPOSITORY

# The search path that the workflow sets for its jobs.
SEARCH = os.pathsep.join([str(REPOSITORY / "workflow"), str(REPOSITORY / "workflow/runtime")])
# Of a process's flags, in the kernel's include/linux/sched.h.
PF_EXITING = 0x4


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Wait for a condition; whether it came about in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def alive(pid: int) -> bool:
    """Whether a process can still do something: it has not begun to end."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return not int(fields[6]) & PF_EXITING
