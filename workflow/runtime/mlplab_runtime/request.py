"""What a client sends to a warm process, and what both know of it.

The request says which script to run, in which folder and with which environment. The client's
standard output and error go with it, and the end of a pipe that is closed when the client ends.
After it the client sends a byte for each SIGTERM. It is answered with the exit status, one byte.

The client imports this before anything else, so it imports nothing itself.
"""

# Bytes of the number that goes ahead of a request and says how long it is.
PREFIX = 8
# How many descriptors go with it.
DESCRIPTORS = 3


def encode(script: bytes, folder: bytes, environment: dict[bytes, bytes]) -> bytes:
    """Script, folder and NAME=value …, separated by NUL bytes, with their length ahead."""
    variables = [name + b"=" + value for name, value in environment.items()]
    body = b"\0".join([script, folder, *variables])
    return len(body).to_bytes(PREFIX, "big") + body


def decode(body: bytes) -> tuple[bytes, bytes, dict[bytes, bytes]]:
    """Script, folder and environment, from a request without its length."""
    script, folder, *variables = body.split(b"\0")
    return script, folder, dict(variable.split(b"=", 1) for variable in variables)
