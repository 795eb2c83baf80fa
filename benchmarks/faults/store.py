"""MLflow's store is killed while it is made, at random moments, and made the next time.

`python -m benchmarks.faults.store FOLDER` does so in new folders below FOLDER, and says how often
it was made and how often not.
"""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.faults.making import Answer
from benchmarks.faults.project import DATABASE, Project
from mlplab.tracking.study import start_study
from mlplab.tracking.uri import DEFAULT_URI

KILLS = 40
# As the jobs of a study, which are forks of a process that has imported MLflow.
CONTEXT = multiprocessing.get_context("fork")


def start(folder: Path) -> multiprocessing.process.BaseProcess:
    """Start a process that makes the store in a folder."""
    process = CONTEXT.Process(target=_start, args=(folder,))
    process.start()
    return process


def _start(folder: Path) -> None:
    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    start_study(DEFAULT_URI, "mine")


def whole(folder: Path) -> bool:
    """Whether the store is made now, and nothing lies beside it."""
    process = start(folder)
    process.join(60)
    process.kill()
    left = [path for path in (folder / DATABASE).parent.iterdir() if path.is_file()]
    return process.exitcode == 0 and left == [folder / DATABASE]


def main(folder: Path) -> int:
    """Kill it at moments spread over what it takes; returns how often it was then not made."""
    moments = random.Random(14)
    begun = time.monotonic()
    (folder / "undisturbed").mkdir(parents=True)
    stuck, killed = int(not whole(folder / "undisturbed")), 0
    seconds = time.monotonic() - begun
    for number in range(KILLS):
        own = folder / str(number)
        own.mkdir()
        process = start(own)
        time.sleep(moments.uniform(0, 0.95 * seconds))
        assert process.pid
        os.kill(process.pid, moments.choice([signal.SIGKILL, signal.SIGINT]))
        process.join()
        killed += process.exitcode != 0
        stuck += not whole(own)
    print(f"{KILLS} kills, {killed} before it was made, {stuck} stuck")
    return stuck


def kills(project: Project) -> Answer:
    """The fault: in folders beside the project."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.faults.store", str(project.place / "stores")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
