"""The files of a configuration: read as strictly as can be, each value with its line."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import yaml

from mlplab.addresses import without_credentials
from mlplab.config.values import Path, dotted, everything
from mlplab.errors import UserError


class ConfigError(UserError):
    """The configuration is refused; the message has one line for each thing to mend."""

    def __init__(self, lines: Iterable[str]) -> None:
        super().__init__("\n".join(f"config error: {_printable(line)}" for line in lines))


def _printable(line: str) -> str:
    text = without_credentials(line)
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


@dataclass(frozen=True)
class Source:
    """A file of a configuration: what it says, and in which line it says so."""

    name: str
    values: dict[str, Any]
    lines: Mapping[Path, int]


def read(files: Iterable[str | os.PathLike[str]], example: str = "study: mine") -> list[Source]:
    """The files of a configuration, in YAML or JSON, in which a key may look like `example`.

    Raises ConfigError, with a line for each mistake, for a file that is missing, no UTF-8 or no
    YAML, that holds no mapping, or that gives a key twice.
    """
    sources: list[Source] = []
    mistakes: list[str] = []
    for file in files:
        try:
            sources.append(_source(FilePath(file), example))
        except _Unreadable as error:
            mistakes += error.args
    if mistakes:
        raise ConfigError(mistakes)
    return sources


def merged(sources: Sequence[Source]) -> dict[str, Any]:
    """What several files say together: mappings key by key, all else by the last that says it."""
    config: dict[str, Any] = {}
    for source in sources:
        _update(config, source.values)
    return config


def _update(config: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for key, value in changes.items():
        if isinstance(value, dict):
            before = config.get(key)
            config[key] = dict(before) if isinstance(before, dict) else {}
            _update(config[key], value)
        else:
            config[key] = value


def located(path: Path, config: Mapping[str, Any], sources: Sequence[Source]) -> str:
    """Where the value at a path of `config` comes from, as "file:line: ".

    For a key that is missing, the section that it is missing in, or the last file. "" for a value
    that no file has, such as one from the command line.
    """
    given = dict(everything(config))
    for source in reversed(sources):
        said = dict(everything(source.values))
        if path in source.lines and path in said and _same(said[path], given.get(path)):
            return f"{source.name}:{source.lines[path]}: "
    if (path and path in given) or not sources:
        return ""
    for section in (path[:end] for end in range(len(path) - 1, 0, -1)):
        for source in reversed(sources):
            if section in source.lines:
                return f"{source.name}:{source.lines[section]}: "
    return f"{sources[-1].name}: "


def _same(one: Any, other: Any) -> bool:
    """Whether two values are written alike: unlike ==, NaN is NaN, and 1 is not True."""
    return json.dumps(one, default=str) == json.dumps(other, default=str)


class _Unreadable(Exception):
    """What is wrong with a file, a line for each mistake."""


def _source(file: FilePath, example: str) -> Source:
    here = FilePath.cwd()
    name = str(file.relative_to(here) if file.is_relative_to(here) else file)
    text = _text(file, name)
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            is_list = isinstance(root, yaml.SequenceNode)
            found = "nothing" if root is None else "a list" if is_list else "a single value"
            raise _Unreadable(f"{name}: expected keys such as `{example}`, found {found}")
        positions = list(_positions(root))
        if repeated := list(_repeated(positions, name)):
            raise _Unreadable(*repeated)
        return Source(name, loader.construct_document(root), dict(positions))
    except yaml.YAMLError as error:
        raise _Unreadable(_syntax(error, name, text)) from error
    except RecursionError as error:
        raise _Unreadable(f"{name}: nested too deep, or an alias that contains itself") from error


def _text(file: FilePath, name: str) -> str:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise _Unreadable(f"{name}: cannot be read: {error.strerror}") from error
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _Unreadable(
            f"{name}:{line}: found the byte {content[error.start]:#04x}, expected UTF-8; save the "
            "file in that encoding (it may be in Latin-1 or UTF-16)"
        ) from error
    try:
        json.loads(text)
    except ValueError:
        return text
    # Of all JSON, YAML refuses the tabs alone.
    return text.replace("\t", " ")


def _positions(node: yaml.Node, path: Path = (), line: int = 1) -> Iterator[tuple[Path, int]]:
    """The line of every value by its place; a key that is given twice comes twice."""
    if path:
        yield path, line
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _positions(value, (*path, str(key.value)), key.start_mark.line + 1)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _positions(item, (*path, index), item.start_mark.line + 1)


def _repeated(positions: Iterable[tuple[Path, int]], name: str) -> Iterator[str]:
    """A line for each key that is given more than once, but not for what is under such a key."""
    lines: dict[Path, list[int]] = {}
    for path, line in positions:
        lines.setdefault(path, []).append(line)
    repeated = {path: found for path, found in lines.items() if len(found) > 1}
    for path, found in repeated.items():
        if not any(path[:end] in repeated for end in range(len(path))):
            *others, last = map(str, sorted(set(found)))
            where = f"lines {', '.join(others)} and {last}" if others else f"line {last}"
            yield (
                f"{name}:{found[-1]}: {dotted(path)}: given {len(found)} times, in {where}; "
                "only the last would count: write it once"
            )


def _syntax(error: yaml.YAMLError, name: str, text: str) -> str:
    """What YAML says of a text that is none: the line, what is wrong, and in what."""
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return f"{name}:{line}: found the character {chr(error.character)!r}, which YAML forbids"
    where, problem, context = name, str(error), ""
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}" if mark else name
        problem = error.problem or problem
        if error.context and error.context_mark:
            context = f", {error.context} that begins in line {error.context_mark.line + 1}"
    tabs = "; indent with blanks, not with tabs" if r"'\t'" in problem else ""
    return f"{where}: no valid YAML: {problem}{context}{tabs}"
