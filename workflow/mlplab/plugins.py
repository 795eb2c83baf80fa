"""Plug-ins: Python files that are known by their name, the library's own and a user's.

Nothing is imported but the file that is asked for; what goes wrong in it is told with its line.
"""

import ast
import importlib
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from mlplab import notebooks
from mlplab.errors import UserError

NAME = re.compile(r"[a-z][a-z0-9_]*")


class PlugInError(UserError):
    """A plug-in is broken: the message has its file and line, what is expected and what came."""


@dataclass(frozen=True)
class Registry:
    """The plug-ins of one kind: a package of the library, and the folders that a user names."""

    kind: str
    package: str
    folder: Path
    ending: str = ".py"

    @property
    def a_kind(self) -> str:
        """The kind with its article: an activation."""
        return f"{'an' if self.kind[0] in 'aeiou' else 'a'} {self.kind}"

    def sources(self, folders: Sequence[str | Path] = ()) -> dict[str, Path]:
        """Name → file of every plug-in, sorted by name; imports none of them.

        Files whose names begin with "_" or "." are no plug-ins. Raises PlugInError for a folder
        that is not there, a file whose name cannot be a plug-in's, and a name that two files share.
        """
        found: dict[str, Path] = {}
        for folder in (self.folder, *map(Path, folders)):
            if not folder.is_dir():
                raise PlugInError(
                    f"{self.kind}s: {folder} is not a folder; name one with a file for each "
                    f"{self.kind}"
                )
            for path in sorted(folder.glob(f"[!_.]*{self.ending}")):
                if not NAME.fullmatch(path.stem):
                    raise PlugInError(
                        f"{path}: {self.a_kind} is known by its file name, which must be of lower "
                        f"case letters, digits and '_', and begin with a letter; rename the file"
                    )
                if path.stem in found:
                    raise PlugInError(
                        f"{path}: there is {self.a_kind} {path.stem!r} already "
                        f"({found[path.stem]}); rename the file"
                    )
                found[path.stem] = path
        return dict(sorted(found.items()))

    def file(self, source: str | Path) -> Path:
        """The file of a plug-in: itself, or for a name the library's own of that name."""
        return source if isinstance(source, Path) else self.folder / f"{source}.py"

    def owns(self, source: Path) -> bool:
        """Whether a plug-in is the library's own, which is trusted."""
        return source.resolve().parent == self.folder.resolve()

    def load(self, source: str | Path) -> ModuleType:
        """The module of a plug-in, by its file or, for the library's own, by its name.

        Raises PlugInError where it cannot be imported.
        """
        path = self.file(source)
        with blaming(path, f"this {self.kind} cannot be imported"):
            if self.owns(path):
                return importlib.import_module(f"{self.package}.{path.stem}")
            if not path.is_file():
                raise PlugInError(f"{path}: there is no such file")
            return _import_file(path, f"mlplab_{self.kind}_{path.stem}")


def _import_file(path: Path, name: str) -> ModuleType:
    if path.suffix not in (".py", notebooks.ENDING):
        raise PlugInError(f"{path}: neither a Python file nor a notebook")
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    # Beside a file lie the modules that it imports.
    sys.path.append(str(path.absolute().parent))
    try:
        exec(compile(source(path), path, "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    finally:
        sys.path.pop()
    return module


def source(path: Path) -> bytes:
    """The Python text of a file, or of the code cells of a notebook, as Python decodes it."""
    content = path.read_bytes()
    return notebooks.code(content) if path.suffix == notebooks.ENDING else content


def at(path: Path, line: int) -> str:
    """A place in a file: file:line, or cell and line of a notebook."""
    if path.suffix != notebooks.ENDING:
        return f"{path}:{line}"
    cell, within = notebooks.cell(path.read_bytes(), line)
    return f"{path}, cell {cell}, line {within}"


def place_of(paths: Sequence[Path], error: BaseException) -> str | None:
    """Where in these files an error comes from, as file:line: the innermost place on its way."""
    # Python knows a file that is loaded by a relative path by its absolute one.
    known = {path.absolute(): path for path in paths}
    if isinstance(error, SyntaxError) and error.lineno:
        path = known.get(Path(error.filename or "").absolute())
        if path is not None:
            return at(path, error.lineno)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = known.get(Path(frame.filename).absolute())
        if path is not None:
            return at(path, frame.lineno or 1)
    return None


def described(value: Any) -> str:
    """What came, in words: a float32 tensor of shape (256, 10); a generator."""
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}: {', '.join(map(described, value))}" if value else "()"
    if value is None:
        return "None"
    words = type(value).__name__.replace("Tensor", "tensor")
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        dtype = str(value.dtype).removeprefix("torch.")
        words = f"{dtype} {words} of shape {tuple(value.shape)}"
    if getattr(value, "requires_grad", False) is True:
        words += " with gradient"
    return f"{'an' if words[0] in 'aeio' else 'a'} {words}"


@contextmanager
def blaming(path: Path, what: str, name: str = "", callees: Sequence[Path] = ()) -> Iterator[None]:
    """Turn whatever the code in `path` raises into a PlugInError that names file and line.

    Where it comes from another plug-in that it calls, one of `callees`, that has the blame. What
    fails before a line is reached, such as a call with too many arguments, is put down to the
    definition of `name` in `path`.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        place = place_of([path, *callees], error) or definition(path, name)
        message = " ".join(str(error).split()) or "no message"
        raise PlugInError(f"{place}: {what}: {type(error).__name__}: {message}") from error


def definition(path: Path, name: str) -> str:
    """Where a file defines `name` at its top, as file:line; the file alone where it does not."""
    for node in _top(path):
        targets: Sequence[ast.AST] = _targets(node) or [node]
        if any(getattr(target, "id", getattr(target, "name", None)) == name for target in targets):
            return at(path, node.lineno)
    return str(path)


def _targets(node: ast.stmt) -> list[ast.expr]:
    """What a statement gives a value to, with or without a type: [a, b] in a = b = 1."""
    if isinstance(node, ast.AnnAssign):
        return [node.target]
    return node.targets if isinstance(node, ast.Assign) else []


def defines(path: Path, name: str) -> bool:
    """Whether a file defines `name` at its top."""
    return definition(path, name) != str(path)


def constants(path: Path) -> dict[str, Any]:
    """The plain values that a file gives to names at its top, read without importing it."""
    found = {}
    for node in _top(path):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            try:
                value = ast.literal_eval(node.value)
            except ValueError:
                continue
            found.update({t.id: value for t in _targets(node) if isinstance(t, ast.Name)})
    return found


def summary(path: Path) -> str:
    """The first line of a file's docstring, "" where there is none."""
    return (ast.get_docstring(ast.Module(_top(path), [])) or "").partition("\n")[0]


def _top(path: Path) -> list[ast.stmt]:
    try:
        return ast.parse(source(path)).body
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        # The last two are for what is nested too deep.
        return []
