"""Make .venv what requirements.lock says, where it is not that already: `make setup`.

.venv/.ready says from what the environment was made, and is written last: one without it, or from
something else, is made anew. A .venv that is a symbolic link is another checkout's; it is used if
it was made from the same lock, and is never changed.

Written for Python 3.7 and later, so that an old one is told in words, not by a syntax error.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

OLDEST = (3, 11)
LOCK = Path("requirements.lock")
PROJECT = Path("pyproject.toml")
VENV = Path(".venv")
PYTHON = VENV / "bin" / "python"
READY = VENV / ".ready"
# Some packages hold files for other Pythons, which cannot be compiled.
COMPILE = """
import compileall, sysconfig
compileall.compile_dir(sysconfig.get_path("purelib"), quiet=2, workers=0)
"""
# Seconds without a word after which a line says that the step goes on.
PATIENCE = 4


def wanted() -> dict[str, str]:
    """What decides the environment: the hashes of two files, and where it stands."""
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (LOCK, PROJECT)}
    # Scripts and the editable library name their place: a copied or moved folder is made anew.
    return {**hashes, "folder": str(Path.cwd() / VENV)}


def found() -> dict[str, str]:
    """What .venv was made from; nothing where it is unfinished or its Python is gone."""
    try:
        made: dict[str, str] = json.loads(READY.read_text())
    except (OSError, ValueError):
        return {}
    return made if isinstance(made, dict) and PYTHON.exists() else {}


def check_linked() -> None:
    """End with a message where the environment behind the link is from another lock."""
    if found().get(LOCK.name) != wanted()[LOCK.name]:
        sys.exit(
            f"{VENV} is a link to {os.readlink(VENV)}, which `make setup` has not made from this "
            f"{LOCK}; expected one from an equal file. It is left as it is: link to another, or "
            f"remove the link (rm {VENV}) to have an environment made here."
        )


def check_python() -> None:
    """End with a message where Python is too old."""
    if sys.version_info < OLDEST:
        sys.exit(
            f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed, found {sys.version.split()[0]}; "
            "name one: make PYTHON=python3.12 …"
        )


def locked(lock: IO[str]) -> None:
    """Wait until no other `make` is at work on .venv here."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"Waiting: another make is at work on {VENV} …", flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)


def step(words: str, command: list[str], lock: IO[str], bar: bool = False) -> None:
    """Run a command, with a line now and then where it draws no progress bar of its own.

    The command holds the lock too: if this process is killed, the next one waits for its end.
    """
    print(words, flush=True)
    silent = not (bar and sys.stderr.isatty())
    start = time.monotonic()
    with subprocess.Popen(command, pass_fds=[lock.fileno()]) as process:
        while process.poll() is None:
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                if silent:
                    print(f"  … {time.monotonic() - start:.0f} s", flush=True)
    if process.returncode:
        sys.exit(
            f"{VENV} is unfinished: {command[0]} ended with {process.returncode}. "
            "The next make begins anew."
        )


def make_packages(lock: IO[str]) -> None:
    """An environment with the locked packages; what was there before is removed."""
    # First, so that what is half removed is not taken for ready.
    if READY.exists():
        READY.unlink()
    version = ".".join(map(str, sys.version_info[:3]))
    venv = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    step(f"Making {VENV} with Python {version} …", venv, lock)
    pins = re.findall(r"^uv==.*\n(?: .*\n)*", LOCK.read_text(), re.MULTILINE)
    own = VENV / "uv.lock"
    own.write_text("".join(pins))
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check"]
    step("Fetching uv …", [*pip, "--require-hashes", "-r", str(own)], lock, bar=True)
    packages = [*uv(), "--require-hashes", "-r", str(LOCK)]
    words = "Installing the locked packages (about 6.5 GB with CUDA's libraries) …"
    step(words, packages, lock, bar=True)
    step("Compiling them, so that jobs start quickly …", [str(PYTHON), "-c", COMPILE], lock)


def uv() -> list[str]:
    """The command that installs into .venv."""
    return [str(VENV / "bin" / "uv"), "pip", "install", "--python", str(PYTHON)]


def make() -> None:
    """Make what is missing, one `make` at a time."""
    check_python()
    with LOCK.open("r+") as lock:
        locked(lock)
        made, target = found(), wanted()
        if made == target:
            return
        start = time.monotonic()
        if {**made, PROJECT.name: target[PROJECT.name]} != target:
            make_packages(lock)
        library = ["--no-deps", "--no-build-isolation", "--editable", "."]
        step("Installing the library itself, editable …", [*uv(), *library], lock)
        unfinished = READY.with_name(".unfinished")
        unfinished.write_text(json.dumps(target, indent=1) + "\n")
        unfinished.replace(READY)
        print(f"Done in {time.monotonic() - start:.0f} s.", flush=True)


def main() -> None:
    """Use .venv as it is where it is what it should be; otherwise make it."""
    if VENV.is_symlink():
        check_linked()
    elif found() != wanted():
        make()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(f"\nInterrupted. The next make begins {VENV} anew.")
