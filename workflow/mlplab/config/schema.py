"""The JSON schema of a configuration, from the dataclasses that declare its keys."""

import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from mlplab.config.model import Configuration
from mlplab.study.settings import SECTIONS

Node = dict[str, Any]
TYPES = {int: "integer", float: "number", str: "string", bool: "boolean", NoneType: "null"}


def declared() -> Node:
    """Every key with its description and default, as it is declared."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A study",
        **object_of(Configuration),
    }


def schema(registries: Mapping[str, Sequence[str]] | None = None) -> Node:
    """What a configuration may say: every key, the settings as axes of the grid.

    `registries` are the names of the plug-ins that are allowed; without them any name is.
    """
    node = declared()
    axes = node["properties"]["grid"]["properties"]
    for section in SECTIONS:
        for name, setting in node["properties"][section]["properties"].items():
            axes[name] = {
                "description": f"Values of `{section}.{name}` to try.",
                "type": "array",
                "minItems": 1,
                "uniqueItems": True,
                "items": {word: value for word, value in setting.items() if word != "default"},
            }
    _fill_registries(node, registries or {})
    return node


def for_editors() -> str:
    """The schema as JSON text, for editors; one file of several need not name the study."""
    node = schema()
    del node["required"]
    return json.dumps(node, indent=2, ensure_ascii=False) + "\n"


def object_of(section: type) -> Node:
    """The schema of a section, from the dataclass that declares its keys.

    Raises TypeError for a type that no file can hold.
    """
    types = get_type_hints(section)
    node: Node = {
        "description": _one_line(inspect.getdoc(section) or ""),
        "type": "object",
        "additionalProperties": False,
        "default": {},
        "properties": {item.name: _key(item, types[item.name]) for item in fields(section)},
    }
    required = [
        item.name
        for item in fields(section)
        if item.default is MISSING and item.default_factory is MISSING
    ]
    return {**node, "required": required} if required else node


def _key(declaration: Field[Any], kind: Any) -> Node:
    if is_dataclass(kind):
        return object_of(kind)  # type: ignore[arg-type]
    words = dict(declaration.metadata)
    node = {"description": _one_line(words.pop("description")), **_typed(kind)}
    if "items" in node:
        node["items"] = {**node["items"], **words.pop("items", {})}
    node.update(words)
    if declaration.default is not MISSING:
        node["default"] = _plain(declaration.default)
    return node


def _typed(kind: Any) -> Node:
    """A type in the words of JSON schema."""
    if kind in TYPES:
        return {"type": TYPES[kind]}
    arguments = get_args(kind)
    if get_origin(kind) is Literal:
        return {"type": TYPES[type(arguments[0])], "enum": list(arguments)}
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _typed(arguments[0])}
    if get_origin(kind) is UnionType:
        return {"type": [TYPES[part] for part in arguments]}
    raise TypeError(f"a key of a configuration cannot be of type {kind}")


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _fill_registries(node: Any, registries: Mapping[str, Sequence[str]]) -> None:
    if isinstance(node, dict):
        if node.get("registry") in registries:
            node["enum"] = list(registries[node["registry"]])
        for value in node.values():
            _fill_registries(value, registries)
