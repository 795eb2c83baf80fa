"""How often Python looks through what it holds for garbage: for a program of few, large parts."""

import atexit
import gc


def collect_rarely() -> None:
    """Collect garbage more rarely from now on.

    What is imported and planned stays: to look through it takes a tenth of a start.
    """
    gc.set_threshold(50_000, 50, 100)


def leave_at_exit() -> None:
    """Have nothing collected when this process ends, which takes Snakemake a fifth of a second.

    Not for a process that holds torch: what triton has left would be told as leaks.
    """
    atexit.register(gc.freeze)
