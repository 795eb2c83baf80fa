"""What is wrong with a configuration, in words: the key, what was found, what is expected."""

import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import jsonschema
import yaml

from mlplab.addresses import has_credentials
from mlplab.config.schema import Node
from mlplab.config.suggestions import did_you_mean
from mlplab.config.values import Path, converted, everything, number_in, types

TYPE_NAMES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
}


# The most characters of a value that a message shows.
LONGEST = 60


def shown(value: Any) -> str:
    """A value as it was written, without the middle where it is long."""
    return cut(repr(value))


def cut(text: str) -> str:
    """A text without its middle where it is long."""
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[: half - 1]} … {text[1 - half :]}"


class Mistake(NamedTuple):
    """Something to mend: where it stands, and what is wrong."""

    path: Path
    text: str


def of_schema(config: Node, node: Node) -> list[Mistake]:
    """Everything in which a configuration, already converted, does not follow its schema."""
    errors = jsonschema.Draft202012Validator(node).iter_errors(config)
    ordered = sorted(errors, key=lambda error: list(map(str, error.path)))
    found = [mistake for error in ordered for mistake in _explained(error, node)]
    return found or list(_not_finite(config))


def of_credentials(config: Node, node: Node) -> Iterator[Mistake]:
    """Every address with credentials: they would end in records, tables, pages and logs."""
    for path, value in everything(config):
        if isinstance(value, str) and has_credentials(value):
            mend = _at(node, path).get("secrets", "leave them out")
            yield Mistake(
                path,
                "found an address with a user name, password or token, which do not belong in a "
                f"configuration, expected one without; {mend}",
            )


def type_names(node: Node) -> str:
    """The types that a schema allows, in words."""
    return " or ".join(TYPE_NAMES[name] for name in types(node))


def _at(node: Node, path: Path) -> Node:
    """The schema of the key at a place; nothing where it knows none."""
    for part in path:
        node = node.get("properties", {}).get(part) or node.get("items") or {}
    return node


def _not_finite(config: Node) -> Iterator[Mistake]:
    """YAML can write .nan and .inf, which pass a schema's bounds; no setting may be so."""
    for path, value in everything(config):
        if isinstance(value, float) and not math.isfinite(value):
            yield Mistake(path, f"{value} is not a finite number")


def _explained(error: jsonschema.ValidationError, root: Node) -> Iterator[Mistake]:
    path = tuple(error.absolute_path)
    node = error.schema if isinstance(error.schema, dict) else {}
    if error.validator == "additionalProperties":
        value: Any = error.instance
        allowed = list(node["properties"])
        for key in (key for key in value if key not in allowed):
            meant = did_you_mean(key, allowed)
            if f"{key}s" not in allowed:
                meant = _belongs(key, root) or meant
            yield Mistake(
                (*path, str(key)),
                f"unknown key {shown(key)} (value {shown(value[key])}); "
                f"allowed: {', '.join(allowed)}{meant}",
            )
    else:
        yield Mistake(path, _sentence(error, error.instance, error.validator_value, node))


def _belongs(key: Any, root: Node) -> str:
    """Where a key belongs that stands in the wrong section; "" where it belongs in none."""
    sections = root["properties"].items()
    # The grid comes first, and has all settings as well.
    homes = [name for name, section in sections if key in section.get("properties", ())]
    return f"; it belongs under `{homes[-1]}`" if homes else ""


def _sentence(error: jsonschema.ValidationError, value: Any, limit: Any, node: Node) -> str:
    """The value that was found, what is allowed, and how to mend it."""
    match error.validator:
        case "required":
            missing = [key for key in limit if key not in value]
            return f"the key {missing[0]!r} is missing"
        case "enum":
            allowed = list(map(str, limit))
            return (
                f"{shown(value)} is not known; "
                f"allowed: {', '.join(allowed)}{did_you_mean(value, allowed)}"
            )
        case "type":
            return f"expected {type_names(node)}, found {shown(value)}{_mended(value, node)}"
        case "pattern":
            return f"{shown(value)} is not allowed; expected {node.get('hint', limit)}"
        case "uniqueItems":
            repeated = next(item for item in value if value.count(item) > 1)
            return f"{shown(repeated)} appears more than once in {shown(value)}; each value once"
        case "minItems":
            return f"{shown(value)} has {len(value)} entries; at least {limit} is needed"
        case "maxItems":
            return f"{len(value)} entries; at most {limit} are allowed"
        case "minimum":
            return f"{shown(value)} is too small; the smallest allowed value is {limit}"
        case "exclusiveMinimum":
            return f"{shown(value)} is too small; it must be greater than {limit}"
        case "maximum":
            return f"{shown(value)} is too large; the largest allowed value is {limit}"
        case "minLength" | "maxLength":
            return f"{shown(value)} has {len(value)} characters; the limit is {limit}"
        case _:
            return error.message


def _mended(value: Any, node: Node) -> str:
    """How to write a value of the wrong type, where that can be told."""
    for candidate in _candidates(value, node):
        meant = converted(candidate, node)
        if jsonschema.Draft202012Validator(node).is_valid(meant):
            return f"; write {yaml.safe_dump(meant, default_flow_style=True).split(chr(10))[0]}"
    return ""


def _candidates(value: Any, node: Node) -> Iterator[Any]:
    wanted = types(node)
    if "array" in wanted and isinstance(value, str):
        # 256, 128
        items = [converted(item, node["items"]) for item in re.split(r"[\s,]+", value.strip())]
        yield from (items, [items])
    elif "array" in wanted and isinstance(value, int | float):
        yield from ([value], [[value]])
    elif "object" in wanted and isinstance(value, str):
        # epochs=2
        key, _, item = re.sub(r"\s*[=:]\s*", "=", value, count=1).partition("=")
        yield {key: item}
    elif isinstance(value, str):
        # 0,1
        yield number_in(value.replace(",", "."))
