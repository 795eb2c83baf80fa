"""How often Python looks through what it holds for garbage: for a program of few, large parts."""

import atexit
import gc


def collect_rarely() -> None:
    """Collect garbage more rarely from now on, and none of it when this process ends.

    What is imported and planned stays until then: to look through it takes a tenth of a start, and
    a third of a second at the end of a process that holds torch.
    """
    gc.set_threshold(50_000, 50, 100)
    atexit.register(gc.freeze)
