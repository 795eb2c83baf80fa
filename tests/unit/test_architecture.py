"""The library keeps its layers: the table of docs/architecture.md, read and held."""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from conftest import REPOSITORY

LIBRARY = REPOSITORY / "workflow" / "mlplab"
EVERYTHING = "everything"
# The code of models in MLflow, which stands in their folders.
COPIED = "mlplab.tracking.network_model"


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


def folder_of(module: str) -> str:
    """The row of the table that a module belongs to."""
    parts = module.split(".")
    if len(parts) < 2:
        return "ground"
    is_folder = (LIBRARY / parts[1]).is_dir()
    return parts[1] if is_folder or parts[1] == "cli" else "ground"


def table() -> dict[str, set[str]]:
    """Folder → what it may import, from the documentation."""
    text = (REPOSITORY / "docs/architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|$", text, re.MULTILINE)
    return {name: set(re.findall(r"[\w.]+", allowed)) for name, allowed in rows}


def test_the_table_has_every_folder_and_no_other() -> None:
    folders = {folder_of(module_name(path)) for path in sources()}
    assert set(table()) == folders


def test_the_table_names_only_what_there_is() -> None:
    known = {module_name(path).removeprefix("mlplab.") for path in sources()} | {"ground"}
    for name, allowed in table().items():
        assert allowed - {EVERYTHING, "but"} <= known, name


@pytest.mark.parametrize("path", sources(), ids=module_name)
def test_a_module_imports_what_its_folder_may(path: Path) -> None:
    own = folder_of(module_name(path))
    allowed = table()[own]
    for module in library_imports(path):
        folder = folder_of(module)
        inside = module.removeprefix("mlplab.")
        if EVERYTHING in allowed:
            assert folder not in allowed - {EVERYTHING}, f"{own} imports {module}"
        else:
            assert folder == own or {folder, inside} & allowed, f"{own} imports {module}"


@pytest.mark.parametrize("path", sources(), ids=module_name)
def test_the_library_imports_no_snakemake(path: Path) -> None:
    assert not [name for name in imports(path) if name.split(".")[0].startswith("snakemake")]


@pytest.mark.parametrize(
    ("package", "home"),
    [("mlflow", "tracking"), ("matplotlib", "figures"), ("jinja2", "report"), ("rich", "terminal")],
)
def test_a_package_is_known_in_one_folder_alone(package: str, home: str) -> None:
    users = {
        folder_of(module_name(path))
        for path in sources()
        if any(name.split(".")[0] == package for name in imports(path))
    }
    assert users == {home}


@pytest.mark.parametrize("folder", ["analysis", "crate", "figures", "report", "tracking"])
def test_what_comes_after_training_does_without_torch(folder: str) -> None:
    for path in (LIBRARY / folder).rglob("*.py"):
        if module_name(path) == COPIED:
            continue
        assert not [name for name in imports(path) if name.split(".")[0] == "torch"], path


def test_what_is_copied_into_models_is_imported_from_there_alone() -> None:
    assert module_name(LIBRARY / "tracking/network_model.py") == COPIED
    assert not [path for path in sources() if COPIED in library_imports(path)]
    assert not library_imports(LIBRARY / "tracking/network_model.py")


def test_modules_do_not_import_each_other_in_circles() -> None:
    graph = {module_name(path): library_imports(path) for path in sources()}
    assert graph["mlplab.tracking.collect"] >= {"mlplab.errors", "mlplab.tracking.send"}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"circular imports: {' -> '.join(error.args[1])}")


def test_the_articles_items_name_code_and_tests_that_are_there() -> None:
    text = (REPOSITORY / "docs/article.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/*.]+\.(?:py|yaml)|\w+/)`(?: \(`(\w+)`\))?", text)
    assert len(named) > 40
    for path, name in named:
        folders = (LIBRARY, REPOSITORY / "tests", REPOSITORY)
        found = [file for folder in folders for file in folder.glob(path)]
        assert found, f"docs/article.md names {path}"
        if name:
            assert re.search(rf"\b(def|class) {name}\b", "\n".join(map(Path.read_text, found))), (
                f"docs/article.md names {name} of {path}"
            )
    items = re.findall(r"^\| ([ABC]\d+)(?:, ([ABC]\d+))? ", text, re.MULTILINE)
    assert [item for pair in items for item in pair if item] == [
        *(f"A{number}" for number in range(1, 9)),
        *(f"B{number}" for number in range(1, 13)),
        *(f"C{number}" for number in range(1, 4)),
    ]
