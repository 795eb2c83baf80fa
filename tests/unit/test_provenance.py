"""Results are tied to the code that made them; the library keeps its layers."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from conftest import REPOSITORY
from mlplab import activations, implementations, provenance
from mlplab.files import files_digest

LIBRARY = REPOSITORY / "workflow" / "mlplab"

# What a training imports besides, without any influence on its numbers.
BOOK_KEEPING = {
    "__init__.py",
    "checkpoints.py",
    "datasets/__init__.py",
    "errors.py",
    "experiment.py",
    "files.py",
    "grid.py",
    "provenance.py",
    "record.py",
}
# These are inputs of their own to the digest of a run.
PLUG_INS = {"implementations/manual.py", "activations/prelu.py"}


def sources() -> list[Path]:
    return sorted(LIBRARY.rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(LIBRARY.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    """Dotted names that a file imports anywhere, but not those for type checking alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        node
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.unparse(branch.test)
        for node in ast.walk(branch)
    }
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                yield f"{node.module}.{alias.name}"


def library_imports(path: Path) -> set[str]:
    """The library's own modules that a file imports."""
    modules = {module_name(source) for source in sources()}
    # `from mlplab import files` names a module, `from mlplab.files import read_json` a function.
    named = {name if name in modules else name.rpartition(".")[0] for name in imports(path)}
    return (named & modules) - {"mlplab"}


TRAIN = """
import json, sys
from pathlib import Path
from typing import Any
from mlplab.experiment import Job, train_run
from mlplab.grid import Run

# Before pyarrow writes its first table, for which it loads pandas.
packages = sorted({n.split(".")[0] for n in sys.modules})
*plug_ins, data, folder = map(Path, sys.argv[1:])
settings = {"hidden_sizes": [4], "epochs": 1, "validation_size": 7}
run = Run("manual", "prelu", 0, settings)
outputs = [folder / f"output {number}" for number in range(5)]
train_run(Job(run, *plug_ins, data, 1, "validation"), *outputs)
mine = [m.__file__ for n, m in sys.modules.items() if n.split(".")[0] == "mlplab"]
print(json.dumps({"files": mine, "packages": packages, "record": outputs[-1].read_text()}))
"""


@pytest.fixture(scope="module")
def loaded(digits_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a fresh process has loaded after it has trained a run, and the run's record."""
    paths = [
        *(LIBRARY / name for name in sorted(PLUG_INS, reverse=True)),
        digits_folder / "data.safetensors",
        tmp_path_factory.mktemp("run"),
    ]
    answer = subprocess.run(
        [sys.executable, "-c", TRAIN, *map(str, paths)],
        env={**os.environ, "PYTHONPATH": str(LIBRARY.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    assert json.loads(result["record"])["status"] == "finished"
    return result


def test_a_training_loads_exactly_the_modules_of_the_digest(loaded: dict[str, Any]) -> None:
    files = {Path(file).relative_to(LIBRARY).as_posix() for file in loaded["files"]}
    assert files - BOOK_KEEPING - PLUG_INS == set(provenance.TRAINING_MODULES)
    assert files >= BOOK_KEEPING | PLUG_INS


def test_the_record_of_a_training_has_the_digest_of_what_it_loaded(loaded: dict[str, Any]) -> None:
    implementation, activation = (LIBRARY / name for name in sorted(PLUG_INS, reverse=True))
    recorded = json.loads(loaded["record"])["code_digest"]
    assert recorded == provenance.code_digest(implementation, activation)


@pytest.mark.parametrize("package", ["torchvision", "matplotlib", "pandas", "mlflow", "snakemake"])
def test_a_training_does_not_load_what_it_does_not_need(
    loaded: dict[str, Any], package: str
) -> None:
    assert "torch" in loaded["packages"]
    assert package not in loaded["packages"]


@pytest.mark.parametrize(
    "path",
    [
        *map(implementations.source, implementations.names()),
        *map(activations.source, activations.names()),
    ],
    ids=lambda path: f"{path.parent.name}/{path.stem}",
)
def test_plug_ins_import_only_what_the_digest_covers(path: Path) -> None:
    covered = {module_name(LIBRARY / module) for module in provenance.TRAINING_MODULES}
    assert library_imports(path) <= covered


def test_modules_of_the_digest_import_only_each_other_and_book_keeping() -> None:
    allowed = {module_name(LIBRARY / m) for m in (*provenance.TRAINING_MODULES, *BOOK_KEEPING)}
    for module in provenance.TRAINING_MODULES:
        assert library_imports(LIBRARY / module) <= allowed, module


def test_the_code_digest_covers_shared_modules_implementation_and_activation() -> None:
    shared = [LIBRARY / module for module in provenance.TRAINING_MODULES]
    assert provenance.shared_digest() == files_digest(shared)
    digests = {
        provenance.code_digest(
            implementations.source(implementation), activations.source(activation)
        )
        for implementation in implementations.names()
        for activation in activations.names()
    }
    assert len(digests) == len(implementations.names()) * len(activations.names())
    files = [LIBRARY / "implementations/scratch.py", LIBRARY / "activations/relu.py"]
    assert provenance.code_digest(*files) == files_digest([*shared, *files])


@pytest.mark.parametrize("changed", [0, 1], ids=["implementation", "activation"])
def test_the_code_digest_changes_with_a_file_of_ones_own(tmp_path: Path, changed: int) -> None:
    files = [tmp_path / "mine.py", tmp_path / "bent.py"]
    for file in files:
        file.write_text(f"# {file.stem}")
    before = provenance.code_digest(*files)
    files[changed].write_text("# changed")
    assert provenance.code_digest(*files) != before


@pytest.mark.parametrize("module", provenance.TRAINING_MODULES)
def test_a_change_in_a_shared_module_changes_the_digest(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = provenance.shared_digest()
    for name in provenance.TRAINING_MODULES:
        copy = tmp_path / name
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes((LIBRARY / name).read_bytes())
    monkeypatch.setattr(provenance, "LIBRARY", tmp_path)
    assert provenance.shared_digest() == before
    with (tmp_path / module).open("a") as file:
        file.write("# changed\n")
    assert provenance.shared_digest() != before


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", *identity, *arguments]
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_git_state_is_commit_and_whether_the_work_tree_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "LIBRARY", tmp_path)
    git(tmp_path, "init", "--quiet")
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert provenance.git_state() == {"commit": commit, "dirty": False}
    (tmp_path / "untracked").write_text("")
    assert provenance.git_state() == {"commit": commit, "dirty": False}
    (tmp_path / "a").write_text("2")
    assert provenance.git_state() == {"commit": commit, "dirty": True}


def test_outside_a_repository_there_is_no_git_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "LIBRARY", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance.git_state() == {"commit": None, "dirty": None}


def test_without_git_there_is_no_git_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert provenance.git_state() == {"commit": None, "dirty": None}


def test_the_machine_is_described_without_names_of_its_owner() -> None:
    machine = provenance.machine()
    assert set(machine) == {"processor", "cores", "system", "python"}
    assert machine["processor"].strip()
    assert 1 <= machine["cores"] <= (os.cpu_count() or 1)
    assert machine["python"] == ".".join(map(str, sys.version_info[:3]))
    assert os.uname().nodename not in json.dumps(machine)


def test_versions_are_those_installed() -> None:
    versions = provenance.versions()
    assert set(versions) == set(provenance.PACKAGES)
    assert versions["torch"] == version("torch")
    assert provenance.versions(["pytest"]) == {"pytest": pytest.__version__}


@pytest.mark.parametrize("path", sources(), ids=module_name)
def test_the_library_imports_no_snakemake(path: Path) -> None:
    assert not [name for name in imports(path) if name.split(".")[0].startswith("snakemake")]


def test_only_tracking_knows_mlflow_and_only_figures_know_matplotlib() -> None:
    tracking = {"tracking.py", "collecting.py", "mlflow_entities.py", "mlflow_store.py"}
    figures = {"figures.py", "gradient_flow.py"}
    for package, homes in (("mlflow", tracking), ("matplotlib", figures)):
        users = {
            path.relative_to(LIBRARY).as_posix()
            for path in sources()
            if any(name.split(".")[0] == package for name in imports(path))
        }
        assert users == homes


def test_modules_do_not_import_each_other_in_circles() -> None:
    graph = {module_name(path): library_imports(path) for path in sources()}
    assert graph["mlplab.collecting"] >= {"mlplab.errors", "mlplab.files", "mlplab.tracking"}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"circular imports: {' -> '.join(error.args[1])}")
