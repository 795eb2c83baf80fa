"""The warm process: a job is a fork of it, and nothing of it outlives the workflow."""

import ast
import os
import pkgutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import REPOSITORY, settle
from mlplab import report
from mlplab.datasets import store
from mlplab.report import contents
from mlplab_runtime import fork, warm
from mlplab_runtime.processes import (
    MODULES,
    NEED_TORCH,
    VARIABLE,
    address,
    process_of,
    tasks_with,
)
from mlplab_runtime.request import PREFIX, decode, encode
from mlplab_runtime.server import do
from runtime_processes import SEARCH, alive, within

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not warm.available(), reason="needs Linux's process descriptors"),
]

# A job that tells its process and goes on for long.
SLEEPING = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
HANDED_OVER = os.pathsep.join([str(warm.HANDOVER), SEARCH])


@pytest.fixture(scope="module")
def server() -> Iterator[subprocess.Popen[bytes]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", SEARCH)
        patch.setenv(VARIABLE, "")
        processes = dict(zip(MODULES, warm.start(), strict=True))
        yield processes["torch"]
        for process in processes.values():
            assert process.poll() is None
            process.kill()
            process.wait()


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


@pytest.mark.parametrize("value", ["off", "", f"{sys.prefix}:nowhere", "/other:name"])
def test_a_script_runs_by_itself_where_no_warm_process_serves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", HANDED_OVER)
    monkeypatch.setenv(VARIABLE, value)
    process = client(script(tmp_path, "import os; print(os.getppid())"))
    assert process.communicate(timeout=60)[0] == f"{os.getpid()}\n"
    assert process.returncode == 0


def test_jobs_have_the_data_set_that_their_process_has_read(
    tmp_path: Path, digits_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = digits_folder / "data.safetensors"
    settle(data, data.with_name(store.MANIFEST))
    monkeypatch.setenv("PYTHONPATH", SEARCH)
    monkeypatch.setenv(VARIABLE, "")
    (process,) = warm.start({"torch": tasks_with(str(data))["torch"][:1]})
    text = (
        "import torch\n"
        "from mlplab.datasets import store\n"
        "[shared] = store._SHARED.values()\n"
        f"print(store.load({str(data)!r}) is shared, shared.name)\n"
        # What needs threads would wait for ever if the warm process had any.
        "torch.set_num_threads(2)\n"
        "print(torch.ones(3_000_000).sum().item())\n"
    )
    output, _ = client(script(tmp_path, text)).communicate(timeout=60)
    assert output == "True digits\n3000000.0\n"
    process.kill()
    process.wait()


def test_the_page_s_templates_are_compiled_before_a_job_renders_it() -> None:
    [task] = [task for each in MODULES["mlflow"] for task in each if task.endswith(":prepare")]
    report._environment.cache_clear()
    do(task)
    assert len(report._environment().cache or ()) == len([*contents.FOLDER.rglob("*.j2")]) > 10


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
    monkeypatch.setenv(VARIABLE, "off")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([HANDED_OVER, str(tmp_path)]))
    process = client(script(tmp_path, "print('the script')"))
    assert process.communicate(timeout=60)[0] == "theirs\nthe script\n"


def test_it_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "")
    warm.switch_off()
    assert os.environ[VARIABLE] == "off"
    assert warm.start() == []


@pytest.mark.parametrize("exists", [True, False])
def test_the_temporary_folder_does_not_matter_and_nothing_is_left_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exists: bool
) -> None:
    # The path of a socket that is a file has at most 107 bytes.
    temporary = tmp_path / ("x" * 200)
    if exists:
        temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv("PYTHONPATH", SEARCH)
    monkeypatch.setenv(VARIABLE, "")
    (process,) = warm.start({"torch": []})
    output, _ = client(script(tmp_path, "import os; print(os.getppid())")).communicate(timeout=60)
    assert output == f"{process.pid}\n"
    process.kill()
    process.wait()
    assert not temporary.exists() or not list(temporary.iterdir())


def test_where_no_warm_process_can_be_started_jobs_run_by_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    start_one = warm._start

    def start_one_only(*arguments: object) -> subprocess.Popen[bytes]:
        if started:
            raise OSError(24, "Too many open files")
        started.append(start_one(*arguments))  # type: ignore[arg-type]
        return started[0]

    monkeypatch.setenv("PYTHONPATH", SEARCH)
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.setattr(warm, "_start", start_one_only)
    assert warm.start({"torch": [], "mlflow": []}) == []
    assert started[0].returncode == -signal.SIGKILL
    assert capsys.readouterr().err == (
        "No warm processes ([Errno 24] Too many open files): jobs run by themselves, slower.\n"
    )
    output, _ = client(script(tmp_path, "import os; print(os.getppid())")).communicate(timeout=60)
    assert output == f"{os.getpid()}\n"


def test_a_request_is_read_as_it_was_written() -> None:
    request = (b"/folder/tmp_1.train.py", b"/folder", {b"A": b"1", b"B": b"x=y\n\xff", b"C": b""})
    message = encode(*request)
    assert int.from_bytes(message[:PREFIX], "big") == len(message) - PREFIX
    assert decode(message[PREFIX:]) == request


HALF = (1000).to_bytes(PREFIX, "big") + b"half"


@pytest.mark.parametrize("part", [b"", b"\0\0\0", HALF])
def test_a_request_that_ends_early_is_given_up(part: bytes) -> None:
    here, there = socket.socketpair()
    with here:
        with there:
            there.sendall(part)
        with pytest.raises(EOFError):
            fork.receive(here)


@pytest.mark.parametrize("part", [b"", HALF])
def test_a_request_that_stalls_is_given_up(monkeypatch: pytest.MonkeyPatch, part: bytes) -> None:
    monkeypatch.setattr(fork, "SECONDS_TO_WAIT", 0.05)
    here, there = socket.socketpair()
    with here, there:
        there.sendall(part)
        with pytest.raises(TimeoutError):
            fork.receive(here)


def test_a_slow_client_does_not_hold_up_the_others(
    server: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as slow:
        slow.connect(address(os.environ[VARIABLE].rpartition(":")[2], "torch"))
        slow.sendall((1000).to_bytes(PREFIX, "big") + b"half")
        process = client(script(tmp_path, "import os; print(os.getppid())"))
        assert process.communicate(timeout=60)[0] == f"{server.pid}\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_another_user_gets_no_fork(server: subprocess.Popen[bytes]) -> None:
    name = address(os.environ[VARIABLE].rpartition(":")[2], "torch")
    program = (
        "import os, socket, sys\n"
        "connection = socket.socket(socket.AF_UNIX)\n"
        "connection.settimeout(30)\n"
        "os.setuid(65534)\n"
        f"connection.connect({name!r})\n"
        "print(connection.recv(1))\n"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (answer.stdout, answer.stderr) == ("b''\n", "")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_nothing_is_told_to_another_users_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = (
        "import os, socket\n"
        "os.setuid(65534)\n"
        "listener = socket.socket(socket.AF_UNIX)\n"
        f"listener.bind({address('theirs', 'torch')!r})\n"
        "listener.listen()\n"
        "print('listens', flush=True)\n"
        "print(listener.accept()[0].recv(1))\n"
    )
    monkeypatch.setenv("PYTHONPATH", HANDED_OVER)
    monkeypatch.setenv(VARIABLE, f"{sys.prefix}:theirs")
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as theirs:
        assert theirs.stdout is not None
        assert theirs.stdout.readline() == "listens\n"
        output, _ = client(script(tmp_path, "print('by itself')")).communicate(timeout=60)
        assert output == "by itself\n"
        assert theirs.communicate(timeout=60)[0] == "b''\n"


def imported(file: Path, seen: set[str]) -> set[str]:
    """All modules that a file of the workflow imports, directly or through the library's."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in set(names) - seen:
            seen.add(name)
            base = REPOSITORY / "workflow" / name.replace(".", "/")
            for source in (base.with_suffix(".py"), base / "__init__.py"):
                if source.is_file():
                    imported(source, seen)
    return seen


def test_the_scripts_that_need_torch_are_forks_of_the_process_that_has_it() -> None:
    scripts = (REPOSITORY / "workflow/scripts").glob("*.py")
    modules = {file.stem: imported(file, set()) for file in scripts}
    assert {name for name, found in modules.items() if "torch" in found} == NEED_TORCH
    for name, found in modules.items():
        process = process_of(f"/a/folder.of/.snakemake/scripts/tmp_1.{name}.py")
        assert process == ("torch" if "torch" in found else "mlflow")


def test_no_module_of_the_workflow_has_a_name_that_a_users_module_may_have() -> None:
    folders = [*SEARCH.split(os.pathsep), str(warm.HANDOVER)]
    names = {module.name for module in pkgutil.iter_modules(folders)}
    # The last is the name by which Snakemake finds its plug-ins.
    ours = {"mlplab", "mlplab_runtime", "sitecustomize", "snakemake_logger_plugin_mlplab"}
    assert names == ours
    scripts = list((REPOSITORY / "workflow/scripts").glob("*.py"))
    siblings = {script.stem for script in scripts}
    for file in scripts:
        assert not siblings & imported(file, set())
