"""A fork of a warm process becomes the job that was handed over to it."""

import os
import runpy
import signal
import socket
import sys
import traceback
from typing import NoReturn

from mlplab_runtime.lifetime import signal_on
from mlplab_runtime.processes import VARIABLE
from mlplab_runtime.request import DESCRIPTORS, PREFIX, decode

# How long a client may take to send some more of its request.
SECONDS_TO_WAIT = 60.0


def become_job(connection: socket.socket) -> NoReturn:
    """Run the script that is asked for on `connection`, and end with its exit status."""
    status = 1
    try:
        _run(connection)
        status = 0
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            status = end.code or 0
        else:
            print(end.code, file=sys.stderr)
    except MemoryError:
        # Before the script's own words begin.
        print("error: out of memory, before the job has begun", file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _run(connection: socket.socket) -> None:
    try:
        body, descriptors = receive(connection)
    except (EOFError, OSError):
        # The client has died; one that is only slow finds this end closed and works by itself.
        os._exit(1)
    # The warm process ignores these.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    *output, lifeline = descriptors
    signal_on(lifeline, signal.SIGKILL)
    signal_on(connection.fileno(), signal.SIGTERM)
    for number, descriptor in zip((1, 2), output, strict=True):
        os.dup2(descriptor, number)
        os.close(descriptor)
    script, folder, environment = decode(body)
    os.chdir(folder)
    os.environ.clear()
    os.environb.update(environment)
    os.environ[VARIABLE] = "off"
    sys.argv = [os.fsdecode(script)]
    runpy.run_path(sys.argv[0], run_name="__main__")


def receive(connection: socket.socket) -> tuple[bytes, list[int]]:
    """A whole request, without its length, and the descriptors that came with it.

    Raises EOFError where the client ended before all was sent, TimeoutError where it stalls.
    """
    connection.settimeout(SECONDS_TO_WAIT)
    prefix, descriptors, _, _ = socket.recv_fds(
        connection, PREFIX, DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
    )
    if len(prefix) < PREFIX:
        raise EOFError
    body = bytearray(int.from_bytes(prefix, "big"))
    rest = memoryview(body)
    while rest:
        size = connection.recv_into(rest)
        if not size:
            raise EOFError
        rest = rest[size:]
    return bytes(body), descriptors
