"""`make` and the environment it makes, in checkouts in which every command is a stand-in."""

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FILES = ("Makefile", ".ci/environment.py", "requirements.lock", "pyproject.toml")

# In the place of Python, pip, uv and all tools: keeps what it is called with, each argument in
# brackets, and makes what the next command needs. DELAY is the time that the packages take; where
# there is a file BROKEN they fail.
STAND_IN = f"""#!/bin/sh
{{ printf '%s' "${{0##*/}}"; printf ' [%s]' "$@"; echo " PYTHONPATH=$PYTHONPATH"; }} >> calls
case "$1 $2" in
.ci/environment.py*)
    exec '{sys.executable}' -c "import runpy, sys; sys.executable = sys.argv[1]
runpy.run_path('$1', run_name='__main__')" "$0" ;;
"-m venv")
    mkdir -p .venv/bin; find .venv -type f -delete
    for tool in python snakemake mlflow mlplab; do cp "$0" ".venv/bin/$tool"; done ;;
"-m pip") cp "$0" .venv/bin/uv ;;
"pip install") [ ! -e BROKEN ] && exec sleep "${{DELAY:-0}}" ;;
"docs ") echo "the settings"; [ ! -e BROKEN ] ;;
esac
"""


class Checkout:
    """A folder, with a blank in its name, in which `make` can be called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a checkout"
        for file in FILES:
            (self.folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, self.folder / file)
        self.python = folder / "a python"
        self.python.write_text(STAND_IN)
        self.python.chmod(0o755)
        self.venv = self.folder / ".venv"

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        # What an outer `make` hands down would change the inner one.
        unwanted = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHONPATH")
        kept = {key: value for key, value in os.environ.items() if key not in unwanted}
        return subprocess.Popen(
            ["make", f"PYTHON={self.python}", *arguments],
            cwd=self.folder,
            env={**kept, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def make(self, *arguments: str, status: int = 0, **environment: str) -> str:
        """What `make` says."""
        with self.start(*arguments, **environment) as process:
            output, _ = process.communicate(timeout=60)
        assert process.returncode == status, output
        return output

    def calls(self, word: str = "") -> list[str]:
        """The commands with that word, without those of the environment's script itself."""
        file = self.folder / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line for line in lines if word in line and "environment.py" not in line]

    def forget(self) -> None:
        (self.folder / "calls").unlink(missing_ok=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.fixture
def linked(tmp_path: Path, checkout: Checkout) -> Checkout:
    """A checkout whose .venv is a link to the environment of another one."""
    (tmp_path / "other").mkdir()
    other = Checkout(tmp_path / "other")
    other.make("setup")
    checkout.venv.symlink_to(other.venv)
    return checkout


def content(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file of a folder, with its content and time."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("environment", ROOT / ".ci/environment.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_setup_makes_the_environment_and_says_what_it_does(checkout: Checkout) -> None:
    output = checkout.make("setup")
    steps = ["Making .venv", "Fetching uv", "locked packages", "Compiling", "the library itself"]
    places = [output.index(step) for step in steps]
    assert places == sorted(places)
    assert output.endswith(".venv is ready\n")
    assert "[--require-hashes] [-r] [requirements.lock]" in checkout.calls("uv [pip]")[0]
    assert "[--no-deps] [--no-build-isolation] [--editable] [.]" in checkout.calls("uv [pip]")[1]


def test_an_environment_is_used_as_it_is_whatever_the_times_of_the_files(
    checkout: Checkout,
) -> None:
    checkout.make("setup")
    checkout.forget()
    for file in FILES:
        os.utime(checkout.folder / file)
    assert checkout.make("setup") == ".venv is ready\n"
    assert checkout.calls() == []


def test_another_lock_makes_the_environment_anew(checkout: Checkout) -> None:
    checkout.make("setup")
    checkout.forget()
    with (checkout.folder / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    checkout.make("setup")
    assert len(checkout.calls("[-m] [venv] [--clear] [.venv]")) == 1


def test_another_pyproject_installs_the_library_anew_and_nothing_else(checkout: Checkout) -> None:
    checkout.make("setup")
    checkout.forget()
    with (checkout.folder / "pyproject.toml").open("a") as project:
        project.write("# changed\n")
    checkout.make("setup")
    (call,) = checkout.calls()
    assert "[--editable] [.]" in call
    checkout.forget()
    checkout.make("setup")
    assert checkout.calls() == []


def test_a_folder_that_was_moved_gets_an_environment_of_its_own(checkout: Checkout) -> None:
    checkout.make("setup")
    checkout.folder = checkout.folder.rename(checkout.folder.with_name("moved"))
    checkout.forget()
    checkout.make("setup")
    assert len(checkout.calls("[-m] [venv]")) == 1


def test_a_setup_that_fails_is_not_taken_for_ready(checkout: Checkout) -> None:
    broken = checkout.folder / "BROKEN"
    broken.touch()
    output = checkout.make("demo", status=2)
    assert ".venv is unfinished" in output and "begins anew" in output
    assert checkout.calls("snakemake") == []
    broken.unlink()
    checkout.forget()
    checkout.make("demo")
    assert len(checkout.calls("[-m] [venv]")) == 1
    assert len(checkout.calls("snakemake")) == 1


def test_a_setup_that_is_stopped_is_not_taken_for_ready(checkout: Checkout) -> None:
    checkout.make("setup")
    checkout.forget()
    with (checkout.folder / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    process = checkout.start("setup", DELAY="1")
    while not checkout.calls("uv [pip]"):
        time.sleep(0.02)
    process.terminate()
    process.wait(10)
    assert process.returncode != 0
    assert not (checkout.venv / ".ready").exists()
    # The lock is again the one that the environment before was made from.
    shutil.copy(ROOT / "requirements.lock", checkout.folder)
    checkout.forget()
    # What was begun holds on to .venv until it ends.
    output = checkout.make("setup")
    assert output.startswith("Waiting: another make is at work on .venv")
    assert len(checkout.calls("[-m] [venv]")) == 1
    process.communicate(timeout=10)


def test_two_targets_at_once_make_one_environment(checkout: Checkout) -> None:
    checkout.make("-j2", "demo", "test", DELAY="0.3")
    assert len(checkout.calls("[-m] [venv]")) == 1
    calls = checkout.calls()
    assert {call.split()[0] for call in calls[-2:]} == {"snakemake", "python"}
    assert [call for call in calls if "[-m] [pytest]" in call]


def test_two_makes_at_once_make_one_environment(checkout: Checkout) -> None:
    first = checkout.start("setup", DELAY="0.5")
    assert first.stdout is not None
    first.stdout.readline()
    output = checkout.make("setup")
    first.communicate(timeout=20)
    assert first.returncode == 0
    assert output.startswith("Waiting: another make is at work on .venv")
    assert len(checkout.calls("[-m] [venv]")) == 1


def test_a_linked_environment_from_the_same_lock_is_used_and_left_untouched(
    linked: Checkout,
) -> None:
    before = content(linked.venv.resolve())
    with (linked.folder / "pyproject.toml").open("a") as project:
        project.write("# changed\n")
    assert linked.make("setup") == ".venv is ready\n"
    linked.make("demo")
    (call,) = linked.calls()
    assert call.startswith("snakemake ")
    assert content(linked.venv.resolve()) == before


def test_a_linked_environment_from_another_lock_is_refused_and_left_untouched(
    linked: Checkout,
) -> None:
    before = content(linked.venv.resolve())
    with (linked.folder / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    output = linked.make("demo", status=2)
    assert f".venv is a link to {linked.venv.readlink()}" in output
    assert "requirements.lock" in output and "rm .venv" in output
    assert linked.calls() == []
    assert content(linked.venv.resolve()) == before


def test_a_link_to_nothing_is_refused(checkout: Checkout, tmp_path: Path) -> None:
    checkout.venv.symlink_to(tmp_path / "nothing")
    assert ".venv is a link to" in checkout.make("setup", status=2)
    assert not (tmp_path / "nothing").exists()


def test_only_with_a_linked_environment_the_library_is_found_by_its_path(
    linked: Checkout,
) -> None:
    library = linked.folder / "workflow"
    linked.make("demo")
    assert linked.calls("snakemake")[-1].endswith(f" PYTHONPATH={library}")
    linked.make("demo", PYTHONPATH="/mine")
    assert linked.calls("snakemake")[-1].endswith(f" PYTHONPATH={library}:/mine")
    linked.venv.unlink()
    linked.make("demo")
    assert linked.calls("snakemake")[-1].endswith(" PYTHONPATH=")


@pytest.mark.parametrize(
    ("variables", "call"),
    [
        (
            ["check", "IMPLEMENTATION=path/with space/04 mlp-scratch.py"],
            "mlplab [check] [path/with space/04 mlp-scratch.py]",
        ),
        (["check", "ACTIVATION=it's mine.py"], "mlplab [check] [it's mine.py]"),
        (["demo", "CORES=a b"], "snakemake [--cores] [a b] [--configfile] [config/digits.yaml]"),
        (["run", "CORES=a b"], "snakemake [--cores] [a b]"),
        (["ui"], "mlplab [ui] [--port] [5000]"),
        (
            ["ui", "STUDY=a b", "PORT=5001", "STORE=sqlite:///a b.db"],
            "mlplab [ui] [a b] [--port] [5001] [--store] [sqlite:///a b.db]",
        ),
        (
            ["mlflow-server", "MLFLOW_ARTIFACTS=a b", "MLFLOW_OPTIONS=--workers 2"],
            "mlplab [server] [--host] [127.0.0.1] [--port] [5000] [--artifacts] [a b]"
            " [--] [--workers] [2]",
        ),
        (["bench", "PARTS=epoch study"], "python [-m] [benchmarks] [epoch] [study]"),
    ],
)
def test_a_path_with_a_blank_is_one_argument(
    checkout: Checkout, variables: list[str], call: str
) -> None:
    checkout.make("setup")
    checkout.make(*variables)
    assert checkout.calls()[-1] == f"{call} PYTHONPATH="


def test_a_report_is_made_of_a_finished_study_alone(checkout: Checkout) -> None:
    checkout.make("setup")
    output = checkout.make("report", "STUDY=a b", status=2)
    assert "results/a b/ holds no finished study: run it first" in output
    assert checkout.calls("snakemake") == []
    study = checkout.folder / "results/a b"
    study.mkdir(parents=True)
    (study / "published.json").touch()
    assert "open report.html in it" in checkout.make("report", "STUDY=a b")
    (call,) = checkout.calls("snakemake")
    assert call.startswith(
        "snakemake [--configfile] [results/a b/config.yaml]"
        " [--report] [results/a b/snakemake-report.zip]"
    )


def test_check_asks_for_a_file(checkout: Checkout) -> None:
    output = checkout.make("check", status=2)
    assert "name a file: make check IMPLEMENTATION=path/to/my_network.py" in output
    assert checkout.calls("mlplab") == []


def test_docs_are_replaced_whole_or_not_at_all(checkout: Checkout) -> None:
    readme = checkout.folder / "config" / "README.md"
    readme.parent.mkdir()
    readme.write_text("before")
    checkout.make("setup")
    (checkout.folder / "BROKEN").touch()
    checkout.make("docs", status=2)
    assert readme.read_text() == "before"
    (checkout.folder / "BROKEN").unlink()
    checkout.make("docs")
    assert readme.read_text() == "the settings\n"


def test_every_target_is_listed_and_no_file(checkout: Checkout) -> None:
    text = (checkout.folder / "Makefile").read_text()
    targets = re.findall(r"^([a-z-]+):", text, re.MULTILINE)
    (phony,) = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert [line.split()[1] for line in checkout.make("help").splitlines()] == targets
    assert sorted(phony.split()) == sorted(targets)


def test_an_old_python_is_told_in_words(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = (ROOT / ".ci/environment.py").read_text()
    ast.parse(source, feature_version=(3, 7))
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(sys, "version", "3.9.2 (main)")
    with pytest.raises(SystemExit) as refused:
        script.check_python()
    assert str(refused.value) == (
        "Python 3.11 or newer is needed, found 3.9.2; name one: make PYTHON=python3.12 …"
    )


def test_a_step_that_is_silent_says_that_it_goes_on(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.PATIENCE < 5
    monkeypatch.setattr(script, "PATIENCE", 0.2)
    with (ROOT / "requirements.lock").open("r+") as lock:
        script.step("Sleeping …", ["sleep", "0.5"], lock)
    first, *more = capsys.readouterr().out.splitlines()
    assert first == "Sleeping …"
    assert more and all(line.startswith("  … ") for line in more)
