"""The warm process: a job is a fork of it, and nothing of it outlives the workflow."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import warm
from conftest import REPOSITORY

pytestmark = pytest.mark.skipif(not warm.available(), reason="needs Linux's process descriptors")

# A job that tells its process and goes on for long.
SLEEPING = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
HANDOVER = str(REPOSITORY / "workflow/handover")


@pytest.fixture(scope="module")
def server() -> Iterator[subprocess.Popen[bytes]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(REPOSITORY / "workflow"))
        patch.setenv(warm.VARIABLE, "")
        processes = dict(zip(warm.MODULES, warm.start(), strict=True))
        folder = Path(os.environ[warm.VARIABLE].rpartition(":")[2])
        yield processes["torch"]
        for process in processes.values():
            assert process.stdin is not None
            process.stdin.close()
            process.wait(10)
        assert not folder.exists()


def client(script: Path, **options: object) -> subprocess.Popen[str]:
    """A process that starts `script` as Snakemake does."""
    return subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Where the tests run in the background, interrupts are ignored, also by what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **options,  # type: ignore[call-overload]
    )


def script(folder: Path, text: str) -> Path:
    file = folder / ".snakemake/scripts/tmp_1.train.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def test_a_job_has_the_callers_folder_environment_output_and_modules_at_hand(
    server: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    text = (
        "import os, sys\n"
        "print(os.getcwd(), os.environ['GREETING'], __name__, os.getppid())\n"
        "print('torch' in sys.modules, os.environ['MLPLAB_WARM'])\n"
    )
    environment = {**os.environ, "GREETING": "hello"}
    process = client(script(tmp_path, text), cwd=tmp_path, env=environment)
    output, _ = process.communicate(timeout=60)
    assert output == f"{tmp_path} hello __main__ {server.pid}\nTrue off\n"
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("text", "status", "output"),
    [
        ("import sys; sys.exit(7)", 7, ""),
        ("import sys; sys.exit('wrong')", 1, "wrong\n"),
        ("raise ValueError('wrong')", 1, "ValueError: wrong\n"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 137, ""),
    ],
)
def test_the_exit_status_is_the_jobs(
    server: subprocess.Popen[bytes], tmp_path: Path, text: str, status: int, output: str
) -> None:
    process = client(script(tmp_path, text))
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == status
    assert printed.endswith(output)


def test_one_job_leaves_nothing_for_the_next(
    server: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    text = (
        "import torch, os\n"
        "print(torch.get_num_threads() == 3, 'LEFT' in os.environ)\n"
        "torch.set_num_threads(3); os.environ['LEFT'] = '1'\n"
    )
    for _ in range(2):
        output, _ = client(script(tmp_path, text)).communicate(timeout=60)
        assert output == "False False\n"


def test_a_job_dies_with_the_process_that_handed_it_over(
    server: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    process = client(script(tmp_path, SLEEPING))
    assert process.stdout is not None
    job = int(process.stdout.readline())
    assert alive(job)
    process.kill()
    assert within(10, lambda: not alive(job))
    assert server.poll() is None


def test_an_interrupted_job_ends_without_a_word(
    server: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    process = client(script(tmp_path, SLEEPING))
    assert process.stdout is not None
    job = int(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert (output, process.returncode) == ("", 130)
    assert within(10, lambda: not alive(job))


def test_the_warm_process_and_its_jobs_end_with_the_workflow(tmp_path: Path) -> None:
    workflow = (
        "import subprocess, sys, time, warm\n"
        "process, _ = warm.start()\n"
        "print(process.pid, flush=True)\n"
        "subprocess.Popen([sys.executable, sys.argv[1]])\n"
        "time.sleep(600)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "workflow"), warm.VARIABLE: ""}
    process = subprocess.Popen(
        [sys.executable, "-c", workflow, str(script(tmp_path, SLEEPING))],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    server, job = int(process.stdout.readline()), int(process.stdout.readline())
    assert alive(server) and alive(job)
    process.send_signal(signal.SIGKILL)
    assert within(10, lambda: not alive(server) and not alive(job))


@pytest.mark.parametrize("value", ["off", "", f"{sys.prefix}:/nowhere/socket", "/other:/socket"])
def test_a_script_runs_by_itself_where_no_warm_process_serves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", HANDOVER)
    monkeypatch.setenv(warm.VARIABLE, value)
    process = client(script(tmp_path, "import os; print(os.getppid())"))
    assert process.communicate(timeout=60)[0] == f"{os.getpid()}\n"
    assert process.returncode == 0


def test_a_process_that_is_no_job_is_left_alone(
    server: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text("import os, sys; print(os.getppid(), 'torch' in sys.modules)")
    output, _ = client(program).communicate(timeout=60)
    assert output == f"{os.getpid()} False\n"


def test_a_sitecustomize_of_somebody_else_still_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('theirs')")
    monkeypatch.setenv(warm.VARIABLE, "off")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([HANDOVER, str(tmp_path)]))
    process = client(script(tmp_path, "print('the script')"))
    assert process.communicate(timeout=60)[0] == "theirs\nthe script\n"


def test_it_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(warm.VARIABLE, "off")
    assert warm.start() == []


def test_every_script_has_a_warm_process() -> None:
    scripts = {file.stem for file in (REPOSITORY / "workflow/scripts").glob("*.py")}
    # `job` is what scripts share; downloading and decoding happen once.
    assert set(warm.SCRIPTS) == scripts - {"job", "download", "decode"}
    assert set(warm.SCRIPTS.values()) == set(warm.MODULES)
