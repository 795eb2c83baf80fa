"""Hands a job's script over to a warm process of the workflow before anything is imported for it.

Python imports a module of this name when it starts; `warm.start` puts this folder on the search
path. A process that is no job goes on, with the `sitecustomize` that it would have had otherwise.
"""

import os
import sys
from importlib.machinery import PathFinder

VARIABLE = "MLPLAB_WARM"


def _is_job() -> bool:
    prefix = os.environ.get(VARIABLE, "off").rpartition(":")[0]
    folder = os.path.join(".snakemake", "scripts", "")
    return prefix == sys.prefix and len(sys.orig_argv) == 2 and folder in sys.orig_argv[1]


def _hand_over(script: str) -> None:
    """Run `script` as a fork of the warm process and exit as it does; return if there is none."""
    # Leaner than `socket`, whose import takes as long as all the rest.
    import _socket
    from array import array

    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        # Snakemake calls the script tmp….name.py; the process for it listens at its name.
        name = script.split(".", script.count(".") - 1)[-1]
        connection.connect(os.path.join(os.environ[VARIABLE].rpartition(":")[2], name))
    except OSError:
        return
    environment = [name + b"=" + value for name, value in os.environb.items()]
    body = b"\0".join([os.fsencode(script), os.fsencode(os.getcwd()), *environment])
    rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array("i", [1, 2]))
    connection.sendmsg([len(body).to_bytes(8, "big")], [rights])
    connection.sendall(body)
    try:
        answer = connection.recv(1)
    except KeyboardInterrupt:
        # The fork dies with this process, which ends as a shell says of an interrupted one.
        os._exit(130)
    if not answer:
        os.write(2, b"the warm process ended before this job did\n")
    os._exit(answer[0] if answer else 1)


if _is_job():
    _hand_over(sys.orig_argv[1])

_folder = os.path.dirname(os.path.abspath(__file__))
_elsewhere = [path for path in sys.path if os.path.abspath(path) != _folder]
_shadowed = PathFinder.find_spec("sitecustomize", _elsewhere)
if _shadowed and _shadowed.loader:
    _shadowed.loader.exec_module(sys.modules[__name__])
