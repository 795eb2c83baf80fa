"""Digests of code: of a file with all that it imports of the library, as far as it computes.

Comments, docstrings and layout do not count: who edits them need not run anything again.
"""

import ast
import contextlib
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from mlplab.files import PathLike, file_digest, read_json, write_text

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
    lines = sorted(f"{_name(path)} {_read(path).content}" for path in files)
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
        waiting += _imported_files(path.parent, tuple(_read(path).imports))
    return found


def _name(path: Path) -> str:
    inside = path.is_relative_to(LIBRARY)
    return path.relative_to(LIBRARY).as_posix() if inside else path.name


class Read(NamedTuple):
    """What a file holds, when it had changed last at `changed` (ns) and had `size` bytes.

    `content` is the digest of what it computes; `imports` are the dotted names that it imports.
    """

    changed: int
    size: int
    content: str
    imports: list[str]


_READ: dict[Path, Read] = {}


def _read(path: Path) -> Read:
    state = path.stat()
    known = _READ.get(path)
    if known is None or (known.changed, known.size) != (state.st_mtime_ns, state.st_size):
        content = path.read_bytes()
        tree = _tree(content) if path.suffix == ".py" else None
        computes = content if tree is None else ast.dump(tree).encode()
        digest = hashlib.sha256(computes).hexdigest()
        names = sorted(set(_imported_names(tree))) if tree else []
        known = _READ[path] = Read(state.st_mtime_ns, state.st_size, digest, names)
    return known


def _version() -> str:
    """What else decides what is read in a file: this code, and Python's grammar."""
    return f"{sys.version} {file_digest(__file__)}"


def read_earlier(path: PathLike) -> None:
    """Take over what an earlier process has read and `keep_read` has written to `path`, if it did.

    To read all of the library takes half a second, which every job of a cluster would spend.
    """
    # A cache that is not there, not whole or of another version is no cache.
    with contextlib.suppress(Exception):
        kept = read_json(path)
        if kept["version"] == _version():
            _READ.update({Path(file): Read(*values) for file, values in kept["files"].items()})


def keep_read(path: PathLike) -> None:
    """Write what has been read to `path` (JSON), where anything is new; if not, it does without."""
    files = {str(file): list(read) for file, read in sorted(_READ.items()) if file.exists()}
    text = json.dumps({"version": _version(), "files": files})
    with contextlib.suppress(OSError):
        if not Path(path).exists() or Path(path).read_text(encoding="utf-8") != text:
            write_text(path, text)


def _tree(content: bytes) -> ast.Module | None:
    """The syntax tree of Python code without its docstrings; None where it is none."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return None
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    waiting: list[ast.AST] = [tree]
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
def _imported_files(folder: Path, names: tuple[str, ...]) -> list[Path]:
    """The files that a file in a folder imports by these names."""
    found: dict[Path, None] = {}
    for name in names:
        first = name.partition(".")[0]
        # The library's own are the same from wherever they are imported.
        beside = LIBRARY.parent if first == LIBRARY.name else folder
        found |= dict.fromkeys(_files(name, beside))
    return list(found)


@cache
def _file(path: Path) -> Path | None:
    """A file as its folder is really called; None where there is none."""
    return path.resolve() if path.is_file() else None


@cache
def _files(name: str, folder: Path) -> tuple[Path, ...]:
    """The files that importing a dotted name runs: its packages' and its own."""
    first, *parts = name.split(".")
    place = folder / first
    if place != LIBRARY and (module := _file(place.with_suffix(".py"))):
        return (module,)
    found = []
    # The last part may be a name that a module defines.
    for part in ("", *parts):
        place = place / part
        if package := _file(place / "__init__.py"):
            found.append(package)
        elif module := _file(place.with_suffix(".py")):
            return (*found, module)
    return tuple(found)
