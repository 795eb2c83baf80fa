"""Digests of code: of a file with all that it imports of the library, as far as it computes.

Comments, docstrings and layout do not count: who edits them need not run anything again.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

LIBRARY = Path(__file__).parents[1]

# What writes a run down, says where it stands in its grid, or where it is computed, but decides
# none of its numbers.
BOOK_KEEPING = frozenset(
    LIBRARY / name
    for name in (
        "__init__.py",
        "commands.py",
        "datasets/__init__.py",
        "errors.py",
        "files.py",
        "isolation/__init__.py",
        "isolation/confinement.py",
        "isolation/launch.py",
        "isolation/messages.py",
        "isolation/process.py",
        "isolation/remote.py",
        "isolation/run.py",
        "isolation/sandbox.py",
        "keys.py",
        "steps/__init__.py",
        "study/__init__.py",
        "study/code.py",
        "study/documents.py",
        "study/grid.py",
        "study/live.py",
        "study/provenance.py",
        "study/record.py",
        "study/settings.py",
        "tracking/__init__.py",
        "tracking/live.py",
        "training/__init__.py",
    )
)


def training_digest(*files: Path) -> str:
    """Digest of all code that the numbers of a run depend on.

    `files` are its implementation and its activation, and what else the caller adds.
    """
    return code_digest(LIBRARY / "steps" / "train.py", *files, without=BOOK_KEEPING)


def code_digest(*roots: Path, without: Iterable[Path] = ()) -> str:
    """SHA-256 over some files and all that they import, whatever the folder that they are in.

    Python files count as they compute, all others byte by byte. Files `without` are left out, with
    what they alone import.
    """
    files = closure(roots, without)
    lines = sorted(f"{_name(path)} {_content(path, path.stat().st_mtime_ns)}" for path in files)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def closure(roots: Iterable[Path], without: Iterable[Path] = ()) -> set[Path]:
    """Some files and, of the library and beside them, all that they import, directly or not.

    What a registry loads by its name is not among them, nor what is imported for type checking.
    """
    found: set[Path] = set()
    left_out = set(without)
    waiting = [path.resolve() for path in roots]
    while waiting:
        path = waiting.pop()
        if path in found or path in left_out:
            continue
        found.add(path)
        waiting += _imported(path, path.stat().st_mtime_ns)
    return found


def _name(path: Path) -> str:
    inside = path.is_relative_to(LIBRARY)
    return path.relative_to(LIBRARY).as_posix() if inside else path.name


@cache
def _tree(path: Path, changed: int) -> ast.Module | None:
    """The syntax tree of a Python file without its docstrings; None for anything else."""
    try:
        tree = ast.parse(path.read_bytes()) if path.suffix == ".py" else None
    except (SyntaxError, ValueError):
        return None
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    waiting: list[ast.AST] = [tree] if tree else []
    while waiting:
        node = waiting.pop()
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
        waiting += _within(node)
    return tree


def _within(node: ast.AST) -> Iterator[ast.AST]:
    """The statements in a module or statement; its expressions, nine nodes of ten, hold none."""
    for name in ("body", "orelse", "handlers", "finalbody", "cases"):
        statements = getattr(node, name, ())
        # Of a lambda or a conditional expression these are expressions.
        if isinstance(statements, list):
            yield from statements


@cache
def _content(path: Path, changed: int) -> str:
    tree = _tree(path, changed)
    content = path.read_bytes() if tree is None else ast.dump(tree).encode()
    return hashlib.sha256(content).hexdigest()


@cache
def _imported(path: Path, changed: int) -> list[Path]:
    """The files that a file imports: of the library, or beside it."""
    tree = _tree(path, changed)
    names = _imported_names(tree) if tree else ()
    return [file for name in set(names) for file in _files(name, path.parent)]


def _imported_names(tree: ast.Module) -> Iterator[str]:
    """Dotted names that are imported anywhere, but not those for type checking alone."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module)
        else:
            waiting += _within(node)


@cache
def _files(name: str, folder: Path) -> tuple[Path, ...]:
    """The files that importing a dotted name runs: its packages' and its own."""
    first, *parts = name.split(".")
    place = LIBRARY if first == LIBRARY.name else folder / first
    if place.with_suffix(".py").is_file() and place != LIBRARY:
        return (place.with_suffix(".py").resolve(),)
    found = []
    # The last part may be a name that a module defines.
    for part in ("", *parts):
        place = place / part
        if (place / "__init__.py").is_file():
            found.append((place / "__init__.py").resolve())
        elif place.with_suffix(".py").is_file():
            return (*found, place.with_suffix(".py").resolve())
    return tuple(found)
