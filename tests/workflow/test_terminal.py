"""What a person sees of a real study: on a terminal, in a pipe, from elsewhere."""

import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Sequence
from fcntl import ioctl
from pathlib import Path

import pytest

from mlplab.study import live
from mlplab.terminal.progress import FILE, Progress

from .conftest import Project, kill

pytestmark = pytest.mark.slow
ONE = {"implementation": ["manual"], "activation": ["relu"], "seed": [0]}
STUDY = Path("results/small")
CRASHES = """
class Network:
    def __init__(self, parameters, activation, learning_rate):
        self._parameters = parameters

    def parameters(self):
        return self._parameters

    def logits(self, images):
        return images / self.scale

    def train_step(self, images, labels):
        raise RuntimeError("no step")
"""


def on_terminal(
    project: Project, command: Sequence[str], columns: int, **variables: str
) -> tuple[int, str]:
    """Exit status and output of a command on a pseudo-terminal of so many columns."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {**project.environment(), "TERM": "xterm-256color", **variables}
    with subprocess.Popen(
        command,
        cwd=project.folder,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        output = b""
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            if not select.select([ours], [], [], 1)[0]:
                continue
            try:
                output += os.read(ours, 65536)
            except OSError:
                # Nobody has the terminal open any longer.
                break
        else:
            os.killpg(process.pid, signal.SIGKILL)
    os.close(ours)
    return process.returncode, output.decode()


def frames(output: str) -> list[list[str]]:
    """The blocks that were drawn, each as its rows without colours."""
    begin = re.compile(r"\x1b\[\?25l|(?:\r?\x1b\[2K(?:\x1b\[1A\x1b\[2K)*)")
    plain = re.compile(r"\x1b\[[0-9;]*m")
    found = []
    for part in begin.split(output):
        rows = plain.sub("", part).rstrip("\r\n").split("\r\n")
        heads = [index for index, row in enumerate(rows) if " jobs in " in row]
        # Before it stand lines that stay.
        found += [rows[index:] for index in heads[:1]]
    return found


def test_on_a_terminal_a_study_is_a_block_and_its_end(project: Project) -> None:
    project.write_config(grid=ONE, training={"epochs": 60, "batch_size": 4})
    status, output = on_terminal(project, project.command("--cores", "2"), 90)
    assert status == 0, output
    blocks = frames(output)
    assert len(blocks) > 10
    # The last is followed by the end.
    assert all(len(rows) <= 6 and max(map(len, rows)) <= 90 for rows in blocks[:-1])
    trained = [row for rows in blocks for row in rows if "manual relu seed=0  epoch" in row]
    assert any(re.search(r"epoch \d+/60  loss \d\.\d{4}  [▁-█]+", row) for row in trained)
    for unwanted in ("Reason:", "jobid", "Building DAG"):
        assert unwanted not in output
    end = output.rpartition("\x1b[2K")[2].splitlines()
    assert len(end) <= 6
    assert end[0].startswith("Only relu was run to its end")
    assert end[-2] == f"The page: {project.folder / STUDY / 'report.html'}"
    assert end[-1].endswith("all runs: make ui STUDY=small")
    # The cursor is back, and nothing is left of what trained.
    assert output.rindex("\x1b[?25h") > output.rindex("\x1b[?25l")
    assert not list((project.folder / STUDY).rglob(live.FILE))


def test_snakemakes_log_has_every_word_and_the_pipe_a_line_for_each_job(finished: Project) -> None:
    # Other tests ask for dry runs.
    logs = (finished.folder / ".snakemake/log").glob("*.log")
    text = min(logs, key=lambda log: log.stat().st_mtime_ns).read_text()
    lines = (finished.folder / "output.txt").read_text().splitlines()
    jobs = text.count("Finished jobid: ")
    assert text.count("Reason: ") == jobs - 1
    # All but the rule `all`, which is but a name.
    counted = [line for line in lines if re.match(rf"\d+/{jobs} ", line)]
    assert [line.partition("/")[0] for line in counted] == [str(n) for n in range(1, jobs)]
    number = r"\d\.\d{4}"
    trained = rf"train scratch relu seed=0 loss {number}, test accuracy {number} [\d.]+ s"
    assert any(re.search(trained, line) for line in counted)
    assert "\x1b" not in "".join(lines)
    others = [line for line in lines if line not in counted and not line.startswith("… ")]
    assert len(others) <= 6


@pytest.fixture
def troubled(project: Project, wrong: Callable[[str], Path]) -> Project:
    """A study of three networks: one is right, one wrong, one crashes."""
    folder = project.folder / "mine"
    folder.mkdir()
    (folder / "summed.py").write_text(wrong("weight_decay").read_text())
    (folder / "crashes.py").write_text(CRASHES)
    names = ["manual", "summed", "crashes"]
    project.write_config(
        grid={**ONE, "implementation": names}, implementations=["mine"], reference="manual"
    )
    return project


def test_a_wrong_and_a_crashing_network_end_in_red_with_file_and_line(troubled: Project) -> None:
    answer = troubled.run("--cores", "2")
    # The study is complete: it found something.
    assert answer.returncode == 0, answer.stdout
    red = [line for line in answer.stdout.splitlines()[-6:] if line.startswith("✗ ")]
    assert len(red) == 2
    assert re.match(r"✗ mine/summed\.py:\d+: weight decay: 0.0001 times all parameters", red[0])
    assert red[1].startswith("✗ 1 network crashed: mine/crashes.py:13: train_step")
    assert "RuntimeError: no step" in red[1]
    status, output = on_terminal(troubled, troubled.command("--cores", "2"), 60)
    assert status == 0
    assert all(f"\x1b[31m{line}" in output for line in red) or "Nothing to be done" in output
    assert all(line in output for line in red)


def test_a_narrow_terminal_without_colours_and_a_dumb_one(troubled: Project) -> None:
    command = troubled.command("--cores", "2")
    status, output = on_terminal(troubled, command, 40, NO_COLOR="1")
    assert status == 0, output
    assert all(max(map(len, rows)) <= 40 for rows in frames(output)[:-1])
    assert not re.search(r"\x1b\[3\dm", output)
    assert "1 crashed" in output
    again = [*command, "--forcerun", "tabulate_parity"]
    status, output = on_terminal(troubled, again, 40, TERM="dumb")
    assert status == 0, output
    assert "\x1b" not in output and "tabulate parity" in output


def test_a_broken_environment_is_one_message(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write_config(grid={**ONE, "seed": [0, 1, 2]})
    search = [str(tmp_path / "broken"), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(search))
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import sys\n\n\nclass Missing:\n    def find_spec(self, name, *_):\n"
        "        if name == 'mlflow':\n            raise ModuleNotFoundError(name)\n\n\n"
        "sys.meta_path.insert(0, Missing())\n"
    )
    missing = project.run("--cores", "2")
    assert missing.returncode == 1
    assert "has no mlflow. Run the snakemake of the project's environment" in missing.stdout
    assert "Traceback" not in missing.stdout
    (broken / "sitecustomize.py").unlink()
    (broken / "matplotlib").mkdir()
    (broken / "matplotlib/__init__.py").write_text("raise ImportError('libfreetype.so.6')\n")
    answer = project.run("--cores", "2")
    assert answer.returncode == 1
    assert "Traceback" not in answer.stdout
    # Once when the first job fails, and once at the end.
    messages = [line for line in answer.stdout.splitlines() if "libfreetype" in line]
    assert len(messages) == 2
    assert re.search(r"✗ plot \w+.* and \d+ other jobs failed .*: .*ImportError", messages[1])


def test_a_study_is_watched_from_another_process_until_it_ends_or_is_killed(
    project: Project,
) -> None:
    project.write_config(grid=ONE, training={"epochs": 400, "batch_size": 2})
    process = project.start("--cores", "2")
    folder = project.folder / STUDY
    deadline = time.monotonic() + 120
    # A store is not killed while it is made.
    needed = [folder / FILE, folder / "study.json"]
    while not list(folder.rglob(live.FILE)) or not all(file.exists() for file in needed):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    assert Progress.load(folder).status == "running"
    watch = [sys.executable, "-m", "mlplab.cli", "watch"]
    watching = subprocess.Popen(
        watch, cwd=project.folder, stderr=subprocess.PIPE, text=True, env=project.environment()
    )
    assert watching.stderr
    seen = watching.stderr.readline()
    while "1 network trains, epoch " not in seen:
        assert seen, "watching ended"
        seen = watching.stderr.readline()
    kill(process)
    _, said = watching.communicate(timeout=60)
    assert watching.returncode == 1
    assert "Nothing has moved since" in said.splitlines()[-1]
    project.write_config(grid=ONE)
    assert project.run("--cores", "2").returncode == 0
    status, output = on_terminal(project, [*watch, "small"], 90)
    assert status == 0
    assert f"The page: {folder / 'report.html'}" in output
