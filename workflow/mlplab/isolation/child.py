"""The first that runs in a sandbox's process: it is confined before anything else is imported."""

import json
import os
import socket
import sys

from mlplab.isolation.confinement import confine


def main(connection: int, dump: int, settings: str) -> None:
    """Confine this process, say who it is, and serve."""
    told = json.loads(settings)
    held = confine(told["limits"], told["readable"], told["scratch"])
    # The kernel adds the process number, as who reads it knows it.
    channel = socket.socket(fileno=os.dup(connection))
    channel.send(b"\0")
    channel.detach()

    from mlplab.garbage import collect_rarely

    collect_rarely()
    from mlplab.isolation.worker import serve

    serve(connection, dump, told, held)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
