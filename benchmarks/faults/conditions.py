"""What a study's command meets: a machine, an environment, a mirror that is not as it should be."""

import contextlib
import functools
import http.server
import os
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.faults.making import Condition, NotMade, mounted
from benchmarks.faults.project import DATABASE, Project

How = dict[str, Any]
NOBODY = 65534


def with_variables(**variables: str) -> Condition:
    """Variables of the environment; `{place}` in a value is the project's place."""

    @contextmanager
    def condition(project: Project) -> Iterator[How]:
        yield {
            "variables": {
                name: value.format(place=project.place) for name, value in variables.items()
            }
        }

    return condition


def limited(*limits: str) -> Condition:
    """Limits of the system, as `prlimit` takes them."""

    @contextmanager
    def condition(project: Project) -> Iterator[How]:
        yield {"before": ("prlimit", *limits)}

    return condition


def left_by(limits: tuple[str, ...]) -> Condition:
    """The same for a user without rights, since there are limits that do not hold for root."""

    @contextmanager
    def condition(project: Project) -> Iterator[How]:
        with anothers(project) as how:
            yield {**how, "before": (*how["before"], "prlimit", *limits)}

    return condition


@contextmanager
def anothers(project: Project) -> Iterator[How]:
    """The command is a user's without rights, who has the whole project for the time."""
    if os.geteuid():
        raise NotMade("it needs root")
    give(project.place, NOBODY)
    try:
        yield as_nobody(project)
    finally:
        give(project.place, os.geteuid())


@contextmanager
def not_mine(project: Project) -> Iterator[How]:
    """The command is a user's without rights, to whom nothing belongs."""
    if os.geteuid():
        raise NotMade("it needs root")
    yield as_nobody(project)


def as_nobody(project: Project) -> How:
    """How a command of the user without rights is started: with a home of his own."""
    home = project.place / "home"
    home.mkdir(exist_ok=True)
    os.chown(home, NOBODY, NOBODY)
    user = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    return {"before": user, "variables": {"HOME": str(home)}}


def give(folder: Path, user: int) -> None:
    """Give a folder with all that is in it to a user."""
    os.chown(folder, user, user)
    for path in folder.rglob("*"):
        os.chown(path, user, user, follow_symlinks=False)


@contextmanager
def read_only(project: Project) -> Iterator[How]:
    """The results on a file system that can only be read."""
    with mounted(project.folder / "results", 64):
        subprocess.run(["mount", "-o", "remount,ro", project.folder / "results"], check=True)
        yield {}


@contextmanager
def no_shared_memory(project: Project) -> Iterator[How]:
    """A machine without /dev/shm."""
    if os.geteuid():
        raise NotMade("it needs root")
    script = 'umount --lazy /dev/shm && exec "$@"'
    yield {"before": ("unshare", "--mount", "sh", "-c", script, "sh")}


@contextmanager
def left_locks(project: Project) -> Iterator[How]:
    """Snakemake's own locks, and ours, of a process that is no more."""
    locks = project.folder / ".snakemake/locks"
    locks.mkdir(exist_ok=True)
    for kind in ("input", "output"):
        (locks / f"0.{kind}.lock").write_text("results/small/tables/runs.csv\n")
    (project.folder / ".snakemake/mlplab.lock").write_text("/tmp/snakemakegone")
    yield {}
    for lock in locks.iterdir():
        lock.unlink()


@contextmanager
def locked_store(project: Project) -> Iterator[How]:
    """Another process holds the store from the moment it is there, for some seconds."""

    def hold() -> None:
        database = project.folder / DATABASE
        while not (project.study / "study.json").exists():
            time.sleep(0.01)
        with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as store:
            store.execute("BEGIN EXCLUSIVE")
            time.sleep(8)
            store.execute("ROLLBACK")

    holder = threading.Thread(target=hold, daemon=True)
    holder.start()
    yield {}
    holder.join()


class Mirror(http.server.SimpleHTTPRequestHandler):
    """Serves a project's files, in a way that depends on the folder that is asked for."""

    def do_GET(self) -> None:
        """Serve the file whose name ends the path; its first part says how."""
        _, how, name = self.path.split("/")
        content = Path(self.directory, name).read_bytes()
        if how.isdecimal():
            self.send_error(int(how))
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with contextlib.suppress(OSError):
            if how == "half":
                self.wfile.write(content[: len(content) // 2])
            elif how == "damaged":
                self.wfile.write(content[:-1] + bytes([content[-1] ^ 1]))
            elif how == "slow":
                for start in range(0, len(content), len(content) // 20 + 1):
                    self.wfile.write(content[start : start + len(content) // 20 + 1])
                    time.sleep(0.1)

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


def mirror(how: str) -> Condition:
    """A mirror on loopback that serves all files like that."""

    @contextmanager
    def condition(project: Project) -> Iterator[How]:
        handler = functools.partial(Mirror, directory=str(project.mirror))
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            address = f"http://127.0.0.1:{server.server_address[1]}/{how}"
            yield {"variables": {"MLPLAB_MIRRORS": address}}
            server.shutdown()

    return condition


@contextmanager
def full_temporary_folder(project: Project) -> Iterator[How]:
    """TMPDIR is on a disk that is full."""
    with mounted(project.temporary, 1):
        room = os.statvfs(project.temporary)
        ballast = project.temporary / "ballast"
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize)
        yield {}
        ballast.unlink()


@contextmanager
def long_temporary_folder(project: Project) -> Iterator[How]:
    """TMPDIR is longer than the path of a socket may be."""
    folder = project.temporary / ("x" * 200)
    folder.mkdir()
    yield {"variables": {"TMPDIR": str(folder)}}
    shutil.rmtree(folder)


@contextmanager
def modules_of_our_names(project: Project) -> Iterator[How]:
    """A user's modules have the names of ours, and come first."""
    folder = project.place / "users"
    folder.mkdir()
    runtime = project.folder / "workflow/runtime/mlplab_runtime"
    for name in ("faults", *(file.stem for file in runtime.glob("[a-z]*.py"))):
        (folder / f"{name}.py").write_text("raise ImportError('the module of a user')\n")
    search = os.pathsep.join([str(folder), str(project.folder / "workflow")])
    yield {"variables": {"PYTHONPATH": search}}


def broken_package(name: str) -> Condition:
    """A package that is there and cannot be imported."""

    @contextmanager
    def condition(project: Project) -> Iterator[How]:
        folder = project.place / "broken"
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("raise ImportError('its library is gone')\n")
        search = os.pathsep.join([str(folder), str(project.folder / "workflow")])
        yield {"variables": {"PYTHONPATH": search}}

    return condition


def dated(seconds: int) -> Condition:
    """All files of the project are so many seconds older than they were: the clock has jumped."""

    @contextmanager
    def condition(project: Project) -> Iterator[How]:
        for path in project.folder.rglob("*"):
            then = path.stat().st_mtime - seconds
            os.utime(path, (then, then))
        yield {}

    return condition
