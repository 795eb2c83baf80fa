"""Plug-ins: which files are known, how they are loaded, what is said of those that are broken."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from mlplab import activations, implementations
from mlplab.errors import UserError
from mlplab.plugins import (
    PlugInError,
    Registry,
    blaming,
    constants,
    defines,
    definition,
    described,
    summary,
)

FUNCTION = "def function(x):\n    return x\n"

both_kinds = pytest.mark.parametrize(
    "kind", [activations, implementations], ids=lambda k: k.__name__
)


@pytest.fixture(autouse=True)
def loaded_modules() -> Iterator[None]:
    """Forget what a test has loaded by path."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("mlplab_"):
            del sys.modules[name]


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """The registry of a library with one plug-in of its own."""
    folder = tmp_path / "library"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "own.py").write_text(FUNCTION)
    return Registry("activation", "library", folder)


def folder_with(path: Path, **files: str) -> Path:
    path.mkdir(exist_ok=True)
    for name, text in files.items():
        (path / f"{name}.py").write_text(text, encoding="utf-8")
    return path


def message_of(registry: Registry, path: Path) -> str:
    with pytest.raises(PlugInError) as caught:
        registry.load(path)
    return str(caught.value)


def test_a_broken_plug_in_is_the_users_error() -> None:
    assert issubclass(PlugInError, UserError)


def test_sources_are_the_librarys_and_those_of_further_folders_sorted(
    registry: Registry, tmp_path: Path
) -> None:
    first = folder_with(tmp_path / "first", zeta=FUNCTION)
    second = folder_with(tmp_path / "second", alpha_2=FUNCTION, x=FUNCTION)
    assert registry.sources() == {"own": registry.folder / "own.py"}
    found = registry.sources([str(first), second])
    assert list(found) == ["alpha_2", "own", "x", "zeta"]
    assert found["zeta"] == first / "zeta.py"
    assert found["alpha_2"] == second / "alpha_2.py"
    assert found["own"] == registry.folder / "own.py"


def test_sources_may_be_in_a_folder_relative_to_the_present_one(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_with(tmp_path / "mine", a=FUNCTION)
    monkeypatch.chdir(tmp_path)
    assert registry.sources(["mine"])["a"] == Path("mine/a.py")


def test_sources_imports_nothing(registry: Registry, tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "mine", broken="raise SystemExit\n", worse="(((\n")
    assert set(registry.sources([folder])) == {"broken", "own", "worse"}


def test_hidden_files_helpers_and_other_suffixes_are_no_plug_ins(
    registry: Registry, tmp_path: Path
) -> None:
    folder = folder_with(tmp_path / "mine", _helper="", __init__="")
    for name in (".#lock.py", ".hidden.py", "notes.txt", "a.pyc", "b.py~"):
        (folder / name).touch()
    assert set(registry.sources([folder])) == {"own"}


def test_an_empty_folder_adds_nothing(registry: Registry, tmp_path: Path) -> None:
    assert set(registry.sources([folder_with(tmp_path / "empty")])) == {"own"}


def test_a_folder_that_is_none_is_refused(registry: Registry, tmp_path: Path) -> None:
    file = folder_with(tmp_path / "mine", a=FUNCTION) / "a.py"
    for folder in (tmp_path / "missing", file):
        with pytest.raises(PlugInError) as caught:
            registry.sources([folder])
        assert str(caught.value) == (
            f"activations: {folder} is not a folder; name one with a file for each activation"
        )


@pytest.mark.parametrize("stem", ["ReLU", "2relu", "my-relu", "my relu", "a.b", "λ"])
def test_a_name_that_cannot_be_a_plug_ins_is_refused(
    registry: Registry, tmp_path: Path, stem: str
) -> None:
    folder = folder_with(tmp_path / "mine", **{stem: FUNCTION})
    with pytest.raises(PlugInError) as caught:
        registry.sources([folder])
    assert str(caught.value) == (
        f"{folder / stem}.py: an activation is known by its file name, which must be of lower case "
        "letters, digits and '_', and begin with a letter; rename the file"
    )


def test_a_name_that_two_files_share_is_refused(registry: Registry, tmp_path: Path) -> None:
    first = folder_with(tmp_path / "first", a=FUNCTION)
    for folders, other in (
        ([folder_with(tmp_path / "second", own=FUNCTION)], registry.folder / "own.py"),
        ([first, folder_with(tmp_path / "third", a=FUNCTION)], first / "a.py"),
    ):
        with pytest.raises(PlugInError) as caught:
            registry.sources(folders)
        path = folders[-1] / other.name
        assert str(caught.value) == (
            f"{path}: there is an activation {path.stem!r} already ({other}); rename the file"
        )


@both_kinds
def test_names_and_sources_are_those_of_the_registry(kind: ModuleType, tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "mine", my_own=FUNCTION)
    assert kind.names([folder]) == sorted([*kind.names(), "my_own"])
    assert kind.source("my_own", [folder]) == folder / "my_own.py"


@both_kinds
def test_the_librarys_own_are_loaded_once_by_name_or_by_file(kind: ModuleType) -> None:
    name = kind.names()[0]
    module = kind.REGISTRY.load(name)
    assert module.__name__ == f"{kind.__name__}.{name}"
    assert kind.REGISTRY.load(kind.source(name)) is module


@both_kinds
def test_one_that_the_library_does_not_have_is_told(kind: ModuleType) -> None:
    path = kind.REGISTRY.folder / "no_such.py"
    with pytest.raises(PlugInError) as caught:
        kind.load("no_such")
    assert str(caught.value) == (
        f"{path}: this {kind.REGISTRY.kind} cannot be imported: ModuleNotFoundError: "
        f"No module named '{kind.__name__}.no_such'"
    )


def test_a_file_is_loaded_by_its_path_and_leaves_the_search_path_alone(
    registry: Registry, tmp_path: Path
) -> None:
    folder = folder_with(tmp_path / "mine", json=FUNCTION + "KIND = __name__\n")
    before = list(sys.path)
    module = registry.load(folder / "json.py")
    assert module.function(3) == 3
    assert module.KIND == "mlplab_activation_json"
    assert sys.path == before
    # A plug-in hides no module of the same name.
    assert sys.modules["json"] is not module


def test_a_loaded_files_own_module_can_be_found(registry: Registry, tmp_path: Path) -> None:
    text = (
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n\n"
        "@dataclass\nclass State:\n    count: int = 0\n"
    )
    module = registry.load(folder_with(tmp_path / "mine", state=text) / "state.py")
    assert module.State().count == 0
    assert sys.modules[module.State.__module__] is module


def test_files_of_the_same_name_in_two_folders_do_not_mix(
    registry: Registry, tmp_path: Path
) -> None:
    one = registry.load(folder_with(tmp_path / "one", a="VALUE = 1\n") / "a.py")
    two = registry.load(folder_with(tmp_path / "two", a="VALUE = 2\n") / "a.py")
    assert (one.VALUE, two.VALUE) == (1, 2)


def test_a_file_is_read_anew_each_time(registry: Registry, tmp_path: Path) -> None:
    path = folder_with(tmp_path / "mine", a="VALUE = 1\n") / "a.py"
    assert registry.load(path).VALUE == 1
    path.write_text("VALUE = 1 + 1\n")
    assert registry.load(path).VALUE == 2


def test_a_syntax_error_is_told_with_its_line(registry: Registry, tmp_path: Path) -> None:
    path = folder_with(tmp_path / "mine", a="x = 1\n\ndef function(x:\n    return x\n") / "a.py"
    message = message_of(registry, path)
    assert message.startswith(f"{path}:3: this activation cannot be imported: SyntaxError: ")
    assert "\n" not in message


def test_an_import_that_fails_is_told_with_its_line(registry: Registry, tmp_path: Path) -> None:
    path = folder_with(tmp_path / "mine", a='"""A."""\n\nimport no_such_module\n') / "a.py"
    assert message_of(registry, path) == (
        f"{path}:3: this activation cannot be imported: ModuleNotFoundError: "
        "No module named 'no_such_module'"
    )
    path.write_text("from math import tau, no_such_name\n")
    message = message_of(registry, path)
    assert message.startswith(f"{path}:1: this activation cannot be imported: ImportError: cannot ")
    assert "no_such_name" in message


def test_whatever_fails_while_importing_is_told_with_the_files_own_innermost_line(
    registry: Registry, tmp_path: Path
) -> None:
    text = "import json\n\ndef read():\n    return json.loads('{')\n\nread()\n"
    path = folder_with(tmp_path / "mine", a=text) / "a.py"
    assert message_of(registry, path).startswith(
        f"{path}:4: this activation cannot be imported: JSONDecodeError: Expecting"
    )
    assert "mlplab_activation_a" not in sys.modules


def test_lines_are_found_for_a_relative_path(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_with(tmp_path / "mine", a="\nraise KeyError\n", b="\n(\n")
    monkeypatch.chdir(tmp_path)
    assert message_of(registry, Path("mine/a.py")) == (
        "mine/a.py:2: this activation cannot be imported: KeyError: no message"
    )
    assert message_of(registry, Path("mine/b.py")).startswith("mine/b.py:2: this activation cannot")


def test_a_file_that_is_not_there_is_told(registry: Registry, tmp_path: Path) -> None:
    path = tmp_path / "nowhere.py"
    assert message_of(registry, path) == f"{path}: there is no such file"


def test_a_file_that_is_no_python_is_told(registry: Registry, tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"x = '\xff'\n")
    message = message_of(registry, path)
    assert message.startswith(f"{path}")
    assert "this activation cannot be imported: SyntaxError" in message
    path.write_bytes(b"x = 1\0\n")
    assert message_of(registry, path).startswith(f"{path}")
    assert constants(path) == {}


def test_an_interrupt_is_no_mistake_of_the_plug_in(registry: Registry, tmp_path: Path) -> None:
    path = folder_with(tmp_path / "mine", a="raise KeyboardInterrupt\n") / "a.py"
    with pytest.raises(KeyboardInterrupt):
        registry.load(path)


def test_blame_is_put_once(tmp_path: Path) -> None:
    inner, outer = tmp_path / "inner.py", tmp_path / "outer.py"
    with pytest.raises(UserError, match=r"^inner$"), blaming(outer, "it fails"):
        raise UserError("inner")
    with (
        pytest.raises(PlugInError) as caught,
        blaming(outer, "outer fails"),
        blaming(inner, "inner fails"),
    ):
        raise ValueError("two\n  lines")
    assert str(caught.value) == f"{inner}: inner fails: ValueError: two lines"
    assert isinstance(caught.value.__cause__, ValueError)


def test_what_fails_outside_the_file_is_put_down_to_a_definition(tmp_path: Path) -> None:
    path = folder_with(tmp_path / "mine", a="\n\n" + FUNCTION) / "a.py"
    with pytest.raises(PlugInError) as caught, blaming(path, "it fails", "function"):
        raise ValueError("no")
    assert str(caught.value) == f"{path}:3: it fails: ValueError: no"


def test_definitions_are_found_at_the_top_of_a_file(tmp_path: Path) -> None:
    text = "import a\n\nx = y = 1\nz: int = 2\n\nclass C:\n    def f(self): ...\n\ndef g(): ...\n"
    path = folder_with(tmp_path / "mine", a=text) / "a.py"
    lines = {"x": 3, "y": 3, "z": 4, "C": 6, "g": 9}
    for name, line in lines.items():
        assert definition(path, name) == f"{path}:{line}"
        assert defines(path, name)
    for name in ("f", "a", "int", ""):
        assert definition(path, name) == str(path)
        assert not defines(path, name)


def test_constants_are_read_without_importing(tmp_path: Path) -> None:
    text = (
        "import no_such_module\n"
        "A = B = 1\nC: dict[str, float] = {'alpha': 0.25}\nD = 'text'\n"
        "E: int\nF = call()\nG = -2.5\nH, I = 1, 2\ndef f():\n    J = 1\n"
    )
    path = folder_with(tmp_path / "mine", a=text) / "a.py"
    assert constants(path) == {"A": 1, "B": 1, "C": {"alpha": 0.25}, "D": "text", "G": -2.5}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"""First line.\n\nMore.\n"""\n', "First line."),
        ("'''One.'''\nx = 1\n", "One."),
        ("x = 1\n", ""),
        ("", ""),
        ("(((", ""),
    ],
)
def test_a_files_summary_is_the_first_line_of_its_docstring(
    text: str, expected: str, tmp_path: Path
) -> None:
    assert summary(folder_with(tmp_path / "mine", a=text) / "a.py") == expected


@both_kinds
def test_each_of_the_librarys_own_has_a_summary_of_one_sentence(kind: ModuleType) -> None:
    for path in kind.REGISTRY.sources().values():
        assert summary(path).endswith("."), path


def test_values_are_described_in_words() -> None:
    assert described(torch.zeros(256, 10)) == "a float32 tensor of shape (256, 10)"
    assert described(torch.zeros((), dtype=torch.int64)) == "an int64 tensor of shape ()"
    leaf = torch.zeros(3, requires_grad=True)
    assert described(leaf) == "a float32 tensor of shape (3,) with gradient"
    assert described(np.zeros((2, 3))) == "a float64 ndarray of shape (2, 3)"
    assert described(None) == "None"
    assert described(0.5) == "a float"
    assert described(1) == "an int"
    assert described([1, 2]) == "a list"
    assert described(n for n in "abc") == "a generator"
    assert described(()) == "()"
    assert described((1, None)) == "a tuple of 2: an int, None"
