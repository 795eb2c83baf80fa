"""Who ends with whom.

The kernel sees to it, and not one of the processes: it holds whatever they are busy with, and
however they end.
"""

import ctypes
import fcntl
import os
import select
import signal

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


def end_with_parent(parent: int) -> None:
    """Have this process killed once its parent, of the process number `parent`, has ended.

    What counts is the parent's thread that started this process: use its main thread.
    """
    if LIBC.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        os._exit(1)


def signal_on(descriptor: int, number: int) -> None:
    """Have signal `number` sent to this process once there is something to read from `descriptor`.

    The other end being closed counts, as the end of what can be read.
    """
    fcntl.fcntl(descriptor, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(descriptor, fcntl.F_SETSIG, number)
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_ASYNC)
    # It may have been there before.
    if select.select([descriptor], [], [], 0)[0]:
        os.kill(os.getpid(), number)
