"""A job's own process hands its script over to a warm process, waits, and ends as the job did.

This runs before the script, in each job: it imports next to nothing (`_socket` and not `socket`,
which takes as long to import as all the rest).
"""

import os
import sys

from mlplab_runtime.processes import VARIABLE, address, process_of
from mlplab_runtime.request import encode


def is_job() -> bool:
    """Whether this is a script of a workflow whose warm processes have the modules it needs."""
    prefix = os.environ.get(VARIABLE, "off").rpartition(":")[0]
    folder = os.path.join(".snakemake", "scripts", "")
    return prefix == sys.prefix and len(sys.orig_argv) == 2 and folder in sys.orig_argv[1]


def hand_over() -> None:
    """Have the script run as a fork of a warm process and exit as it does.

    Returns where the script has to run by itself: no fork has begun with it.
    """
    parent = os.getppid()
    try:
        answer = _ask(sys.orig_argv[1])
    except OSError:
        # Refused, or closed with something of the request unread. If who wanted the job has gone,
        # so has the warm process.
        if os.getppid() == parent:
            return
        os._exit(1)
    except KeyboardInterrupt:
        # As a shell says of an interrupted process. The fork is killed when this one ends.
        os._exit(130)
    if not answer:
        os.write(2, b"The warm process was killed, and this job with it: run snakemake again.\n")
    os._exit(answer[0] if answer else 1)


def _ask(script: str) -> bytes:
    """The exit status of `script` as one byte; none where the fork was killed with its parent.

    Raises OSError where no fork has begun with it.
    """
    import _signal  # type: ignore[import-not-found]
    import _socket
    from array import array

    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    name = os.environ[VARIABLE].rpartition(":")[2]
    connection.connect(address(name, process_of(script)))
    # Process, user and group, each an int. Anybody might listen at a name that is free.
    credentials = array("i", connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12))
    if credentials[1] != os.geteuid():
        raise PermissionError("the socket is another user's")
    request = encode(os.fsencode(script), os.fsencode(os.getcwd()), dict(os.environb))
    # Its other end stays open as long as this process lives.
    lifeline, _ = os.pipe()
    descriptors = array("i", [1, 2, lifeline])
    sent = connection.sendmsg([request], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, descriptors)])
    connection.sendall(request[sent:])

    terminated = False

    def hand_on(*_: object) -> None:
        nonlocal terminated
        terminated = True
        try:  # noqa: SIM105 - contextlib takes longer to import than all the rest
            connection.send(b"\0")
        except OSError:
            # The job has ended, and its status is about to be read.
            pass

    before = _signal.signal(_signal.SIGTERM, hand_on)
    try:
        return connection.recv(1)
    except OSError:
        if terminated:
            # Of the request everything may have been read, and only this not.
            return b""
        raise
    finally:
        _signal.signal(_signal.SIGTERM, before)
