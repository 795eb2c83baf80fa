"""How faults are made: each function returns one that makes a fault in a project.

That one runs the study's command while the fault is there, takes the fault away, and returns what
the command said.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.faults.project import Project, ended

Answer = subprocess.CompletedProcess[str]
Strike = Callable[[Project], Answer]
# What stands while a fault does: yields how the command is started.
Condition = Callable[[Project], AbstractContextManager[dict[str, Any]]]

DATA = "results/data/digits_as_files"
STUDY = "results/small"
PAGE = (f"{STUDY}/report.html", f"{STUDY}/published.json")
TABLES = (f"{STUDY}/tables/runs.*", *PAGE)
TRACKED = (f"{STUDY}/runs/*/*/*/mlflow.json", *TABLES)
STORE = (f"{STUDY}/study.json", "results/mlflow", *TRACKED)
RECORDS = (f"{STUDY}/runs", *TABLES)
# Stage → what is taken away for it to come next, and where its jobs log.
STAGES: dict[str, tuple[tuple[str, ...], str]] = {
    "download": ((DATA, *RECORDS), f"{DATA}/logs/download"),
    "decode": ((f"{DATA}/data.safetensors", *RECORDS), f"{DATA}/logs/decode.log"),
    "start_study": (STORE, f"{STUDY}/logs/start_study.log"),
    "train": (RECORDS, f"{STUDY}/logs/train"),
    "evaluate": ((f"{STUDY}/runs/*/*/*/evaluation.json", *TRACKED), f"{STUDY}/logs/evaluate"),
    "track": (STORE, f"{STUDY}/logs/track"),
    "parity": (
        (f"{STUDY}/parity", f"{STUDY}/tables/parity.*", f"{STUDY}/tables/agreement.*", *PAGE),
        f"{STUDY}/logs/compare_implementation",
    ),
    "tables": (TABLES, f"{STUDY}/logs/collect_runs.log"),
    "figures": ((f"{STUDY}/figures", *PAGE), f"{STUDY}/logs/plot_cell"),
    "page": (PAGE, f"{STUDY}/logs/render_report.log"),
    "publish": (PAGE[1:], f"{STUDY}/logs/publish_study.log"),
}
# What is awaited of a stage's log; training has then something to lose.
BEGUN = {"train": "epoch   4"}


class NotMade(Exception):
    """A fault that could not be made here; says why."""


def before(project: Project, stage: str | None) -> None:
    """Take away what a stage has made, with its log: it comes next."""
    patterns, log = STAGES[stage] if stage else ((), "")
    for pattern in filter(None, (*patterns, log)):
        for path in project.folder.glob(pattern):
            remove(path)


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def await_stage(project: Project, stage: str, process: "subprocess.Popen[str]") -> None:
    """Wait until a stage's job is at work."""
    log, begun = project.folder / STAGES[stage][1], BEGUN.get(stage, "")
    while True:
        files = [log] if log.is_file() else log.rglob("*.log")
        with contextlib.suppress(OSError):
            if any(begun in file.read_text(errors="replace") for file in files):
                return
        if process.poll() is not None:
            raise NotMade(f"it ended before {stage}: {process.communicate()[0][-500:]}")
        time.sleep(0.002)


def killed(stage: str, number: signal.Signals) -> Strike:
    """A signal while a stage is at work, to the processes that get it in practice.

    Ctrl-C and a closed terminal reach the whole group, `kill` the process that it names.
    """

    def strike(project: Project) -> Answer:
        before(project, stage)
        with project.start() as process:
            await_stage(project, stage, process)
            if number in (signal.SIGINT, signal.SIGHUP):
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)
            return ended(process)

    return strike


def under(condition: Condition, stage: str | None = None) -> Strike:
    """The command under a condition, with a stage that comes next."""

    def strike(project: Project) -> Answer:
        before(project, stage)
        with condition(project) as how:
            return project.run(*how.pop("arguments", ()), **how)

    return strike


@contextmanager
def mounted(folder: Path, size: int) -> Iterator[None]:
    """What is in a folder on a file system of its own, of so many MiB, and back afterwards."""
    if os.geteuid():
        raise NotMade("mounting needs root")
    aside = folder.with_name(f"{folder.name}.aside")
    folder.rename(aside)
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}m", "tmpfs", folder], check=True)
    try:
        shutil.copytree(aside, folder, symlinks=True, dirs_exist_ok=True)
        yield
        shutil.rmtree(aside)
        shutil.copytree(folder, aside, symlinks=True)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
        folder.rmdir()
        aside.rename(folder)


def full(stage: str, free: int) -> Strike:
    """A disk for the results with only so many bytes left when a stage comes next."""

    @contextmanager
    def condition(project: Project) -> Iterator[dict[str, Any]]:
        with mounted(project.folder / "results", 64):
            ballast = project.folder / "results/ballast"
            room = os.statvfs(ballast.parent)
            with ballast.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize - free)
            yield {}
            ballast.unlink()

    return under(condition, stage)


def second_in_folder(*arguments: str) -> Strike:
    """Another command in the folder of a study that runs; the first one goes on to its end."""

    def strike(project: Project) -> Answer:
        before(project, "train")
        with project.start() as first:
            await_stage(project, "train", first)
            second = project.run(*arguments)
            answer = ended(first)
        if not second.returncode:
            answer.returncode = 1
        return Answer(answer.args, answer.returncode, second.stdout + answer.stdout)

    return strike


def two_with_one_store(project: Project) -> Answer:
    """A study of another name in another folder makes the same store at the same moment."""
    store = project.place / "shared.db"
    project.variables["MLFLOW_TRACKING_URI"] = f"sqlite:///{store}"
    before(project, "track")
    other = project.copy(project.place / "other")
    other.configure(study="other")
    other.variables.update(project.variables)
    with project.start("--cores", "1") as first, other.start("--cores", "1") as second:
        answers = [ended(each) for each in (first, second)]
    project.database = store
    status = max(abs(each.returncode) for each in answers)
    return Answer(answers[0].args, status, "".join(each.stdout for each in answers))


def moved(project: Project) -> Answer:
    """The folder has another place before its tables are made."""
    before(project, "tables")
    project.folder = project.folder.rename(project.place / "moved")
    return project.run()


def copied(project: Project) -> Answer:
    """A copy of the folder makes its tables; the first one must stay as it is."""
    before(project, "track")
    first = project.folder
    project.folder = Path(shutil.copytree(first, project.place / "copied", symlinks=True))
    files = state(first)
    answer = project.run()
    if state(first) != files:
        return Answer(answer.args, 1, f"{answer.stdout}\nsomething was written to {first}")
    return answer


def state(folder: Path) -> dict[Path, int]:
    """When each file of a folder was changed."""
    return {path: path.lstat().st_mtime_ns for path in folder.rglob("*")}


def renamed(project: Project) -> Answer:
    """The study has another name in the configuration; the records of the first one stay."""
    files = state(project.study)
    project.configure(study="renamed")
    answer = project.run()
    if state(project.study) != files:
        return Answer(answer.args, 1, f"{answer.stdout}\nthe first study was changed")
    project.configure()
    return answer


def elsewhere(name: str) -> Strike:
    """The whole project in a folder of this name, from its first job on."""

    def strike(project: Project) -> Answer:
        before(project, "download")
        remove(project.folder / "results")
        place = project.place / name
        place.mkdir()
        project.folder = project.folder.rename(place / "project")
        return project.run()

    return strike
