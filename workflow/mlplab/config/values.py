"""Values as a schema wants them: numbers that were written as text, and defaults."""

import copy
import math
from collections.abc import Iterator, Mapping
from typing import Any

# A key's place in a configuration: ("grid", "seed", 1).
Path = tuple[Any, ...]

BOOLEANS = {"true": True, "false": False}
NULLS = ("", "~", "null", "none")


def converted(value: Any, node: Mapping[str, Any]) -> Any:
    """A copy of `value` in which text is a number, a truth value or null where `node` wants that.

    YAML reads 1e-3 as text, and what is nested in `--config` comes as text altogether. YAML may
    also write a whole number as 10.0. What cannot be converted stays as it is.
    """
    wanted = types(node)
    if isinstance(value, Mapping):
        properties = node.get("properties", {})
        return {key: converted(item, properties.get(key, {})) for key, item in value.items()}
    if isinstance(value, list):
        return [converted(item, node.get("items", {})) for item in value]
    if isinstance(value, str):
        value = _from_text(value, wanted)
    if "integer" in wanted and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def types(node: Mapping[str, Any]) -> list[str]:
    """The types that a schema allows: ["string", "null"]; none where it allows any."""
    names = node.get("type", [])
    return [names] if isinstance(names, str) else names


def _from_text(text: str, wanted: list[str]) -> Any:
    if "null" in wanted and text.lower() in NULLS:
        return None
    if "boolean" in wanted:
        return BOOLEANS.get(text.lower(), text)
    if "number" in wanted or "integer" in wanted:
        number = number_in(text)
        return text if number is None else number
    return text


def number_in(text: str) -> int | float | None:
    """The finite number that a text writes, whole where it has neither a point nor an exponent."""
    for kind in (int, float):
        try:
            number: int | float = kind(text)
        except ValueError:
            continue
        return number if math.isfinite(number) else None
    return None


def with_defaults(value: Any, node: Mapping[str, Any]) -> Any:
    """A copy of `value` in which keys that are absent have the schema's defaults."""
    if not isinstance(value, Mapping) or "properties" not in node:
        return copy.deepcopy(value)
    completed = {key: copy.deepcopy(item) for key, item in value.items()}
    for key, child in node["properties"].items():
        if key in value or "default" in child:
            completed[key] = with_defaults(value.get(key, child.get("default")), child)
    return completed


def dotted(path: Path) -> str:
    """A key's place as text: grid.seed[1]."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "(top level)"


def everything(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value, section and list with its place, in which the keys of mappings are text."""
    yield path, value
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from everything(item, (*path, str(key)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from everything(item, (*path, index))
