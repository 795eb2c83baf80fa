"""Who ends with whom, when one of them is killed: the table of workflow/runtime/README.md."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import permutations
from pathlib import Path

import pytest

from mlplab_runtime import warm
from mlplab_runtime.processes import VARIABLE
from runtime_processes import SEARCH, alive, within

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not warm.available(), reason="needs Linux's process descriptors"),
]

# Stands for snakemake: starts a warm process, then a job for each line that it reads, and says how
# the job ends.
WORKFLOW = """
import signal, subprocess, sys
from mlplab_runtime import warm
for number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)
script, *modules = sys.argv[1:]
(process,) = warm.start({"torch": [[module] for module in modules]})
print("warm", process.pid, flush=True)
for _ in sys.stdin:
    client = subprocess.Popen([sys.executable, script])
    print("client", client.pid, flush=True)
    print("status", client.wait(), flush=True)
"""
# A job that works for long: one can see in a file whether it still does.
JOB = """
import os, sys, time
print("fork", os.getpid(), os.getppid(), flush=True)
while True:
    with open("work", "a") as file:
        file.write(".")
    time.sleep(0.005)
"""
# What a job begins with that finishes what it does.
GRACEFUL = """
import signal, sys
def end(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("ends", flush=True)
    sys.exit(7)
signal.signal(signal.SIGTERM, end)
"""
# A module whose import takes until there is a file `imported`.
SLOW_MODULE = """
import os, sys, time
print("importing", os.getpid(), flush=True)
while not os.path.exists("imported"):
    time.sleep(0.01)
"""
KILLED = "The warm process was killed, and this job with it: run snakemake again."


class Study:
    """A workflow with one warm process and one job; what its processes say, line by line."""

    def __init__(self, folder: Path, *modules: str, job: str = JOB, **environment: str) -> None:
        self.folder = folder
        script = folder / ".snakemake/scripts/tmp_1.train.py"
        script.parent.mkdir(parents=True)
        script.write_text(job)
        (folder / "mlplab_slow.py").write_text(SLOW_MODULE)
        search = os.pathsep.join([SEARCH, str(folder)])
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKFLOW, str(script), *modules],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": search, VARIABLE: "", **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.pids = {"workflow": self.process.pid}

    def start_job(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("job\n")
        self.process.stdin.flush()

    def line(self, first: str) -> list[str]:
        """The next line, which must begin with this word; the rest of its words."""
        assert self.process.stdout is not None
        # With it all others end, and with them what is waited for here.
        patience = threading.Timer(60, self.process.kill)
        patience.start()
        words = self.process.stdout.readline().split()
        patience.cancel()
        assert words, f"nothing is said for 60 s, or all have ended; expected {first}"
        word, *rest = words
        assert word == first, (word, rest)
        return rest

    def read_number_of(self, name: str) -> None:
        self.pids[name] = int(self.line(name)[0])

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        # It may have ended with the one that was killed before it.
        with suppress(ProcessLookupError):
            os.kill(self.pids[name], number)

    def alive(self) -> set[str]:
        return {name for name, pid in self.pids.items() if alive(pid)}

    def works(self) -> bool:
        """Whether somebody writes the job's file."""
        before = (self.folder / "work").stat().st_size
        time.sleep(0.1)
        return (self.folder / "work").stat().st_size > before

    def end(self) -> None:
        for name in self.alive():
            self.kill(name, signal.SIGCONT)
            self.kill(name)
        self.process.communicate()


@contextmanager
def at_work(folder: Path, job: str = JOB) -> Iterator[Study]:
    """A study whose job is at work, as a fork."""
    study = Study(folder, job=job)
    study.read_number_of("warm")
    study.start_job()
    study.read_number_of("client")
    study.read_number_of("fork")
    assert within(10, (folder / "work").exists)
    assert study.alive() == {"workflow", "warm", "client", "fork"}
    try:
        yield study
    finally:
        study.end()


@pytest.fixture
def study(tmp_path: Path) -> Iterator[Study]:
    with at_work(tmp_path) as study:
        yield study


def test_workflow_killed_all_end(study: Study) -> None:
    study.kill("workflow")
    assert within(10, lambda: not study.alive())


def test_client_killed_its_fork_ends_at_once(study: Study) -> None:
    study.kill("client")
    assert study.line("status") == ["-9"]
    assert within(1, lambda: study.alive() == {"workflow", "warm"})
    assert not study.works()


def test_client_killed_its_fork_ends_though_the_warm_process_is_held_up(study: Study) -> None:
    study.kill("warm", signal.SIGSTOP)
    study.kill("client")
    assert within(1, lambda: study.alive() == {"workflow", "warm"})


def test_warm_process_killed_its_fork_ends_before_the_job_is_reported(study: Study) -> None:
    study.kill("warm")
    assert study.line("The") == KILLED.split()[1:]
    assert within(1, lambda: "fork" not in study.alive())
    assert study.line("status") == ["1"]
    assert within(1, lambda: study.alive() == {"workflow"})


def test_warm_process_killed_while_its_fork_is_held_up_the_fork_ends(study: Study) -> None:
    study.kill("fork", signal.SIGSTOP)
    study.kill("warm")
    assert study.line("The") == KILLED.split()[1:]
    assert within(1, lambda: "fork" not in study.alive())


def test_fork_killed_the_client_says_how_it_ended(study: Study) -> None:
    study.kill("fork")
    assert study.line("status") == ["137"]
    assert within(1, lambda: study.alive() == {"workflow", "warm"})


@pytest.mark.parametrize("order", [*permutations(["workflow", "client", "warm", "fork"], 2)])
def test_two_killed_no_work_goes_on(study: Study, order: tuple[str, str]) -> None:
    for name in order:
        if name in study.alive():
            study.kill(name)
    expected = {"workflow", "warm"} - {*order}
    if "workflow" in order:
        expected = set()
    assert within(10, lambda: study.alive() == expected)
    assert not study.works()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_workflow_ended_by_another_signal_all_end(study: Study, number: int) -> None:
    study.kill("workflow", number)
    assert within(10, lambda: not study.alive())


@pytest.mark.parametrize("names", [["client"], ["fork"], ["client", "warm", "fork"]])
def test_terminated_a_job_may_finish_what_it_does(tmp_path: Path, names: list[str]) -> None:
    with at_work(tmp_path, GRACEFUL + JOB) as study:
        for name in names:
            study.kill(name, signal.SIGTERM)
        assert study.line("ends") == []
        assert study.line("status") == ["7"]
        assert within(1, lambda: study.alive() == {"workflow", "warm"})


def test_a_client_terminated_when_its_job_has_ended_says_how_it_did(tmp_path: Path) -> None:
    with at_work(tmp_path, GRACEFUL + JOB) as study:
        study.kill("client", signal.SIGSTOP)
        study.kill("fork", signal.SIGTERM)
        assert study.line("ends") == []
        assert within(10, lambda: not Path(f"/proc/{study.pids['fork']}").exists())
        # Until the warm process has told the status and closed the connection.
        time.sleep(0.1)
        study.kill("client", signal.SIGTERM)
        study.kill("client", signal.SIGCONT)
        assert study.line("status") == ["7"]


def test_terminated_a_job_ends_that_does_not_care(study: Study) -> None:
    study.kill("client", signal.SIGTERM)
    assert study.line("status") == [str(128 + signal.SIGTERM)]
    assert within(1, lambda: study.alive() == {"workflow", "warm"})


@pytest.fixture
def importing(tmp_path: Path) -> Iterator[Study]:
    """A study whose warm process imports; its job waits with a request too long for the socket."""
    long = {name: "x" * 100_000 for name in ("LONG", "LONGER", "LONGEST")}
    study = Study(tmp_path, "mlplab_slow", **long)
    study.read_number_of("warm")
    study.line("importing")
    study.start_job()
    study.read_number_of("client")
    # Until the client has sent what goes into the socket.
    time.sleep(0.5)
    assert study.alive() == {"workflow", "warm", "client"}
    yield study
    study.end()


def test_workflow_killed_while_the_warm_process_imports_all_end(importing: Study) -> None:
    importing.kill("workflow")
    assert within(10, lambda: not importing.alive())
    assert not (importing.folder / "work").exists()


def test_client_killed_while_the_warm_process_imports_the_next_is_served(importing: Study) -> None:
    importing.kill("client")
    assert importing.line("status") == ["-9"]
    (importing.folder / "imported").touch()
    importing.start_job()
    importing.read_number_of("client")
    assert importing.line("fork")[1] == str(importing.pids["warm"])


def test_warm_process_killed_while_it_imports_the_job_runs_by_itself(importing: Study) -> None:
    importing.kill("warm")
    expected = [str(importing.pids[name]) for name in ("client", "workflow")]
    assert importing.line("fork") == expected
    importing.kill("client")
    assert importing.line("status") == ["-9"]
    # The next job finds nobody to hand over to.
    importing.start_job()
    importing.read_number_of("client")
    assert importing.line("fork")[0] == str(importing.pids["client"])
