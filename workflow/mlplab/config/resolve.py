"""What a configuration may say: checked, completed with defaults, refused in one clear line."""

import copy
import difflib
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from mlplab import activations, datasets, implementations
from mlplab.addresses import has_credentials, without_credentials
from mlplab.errors import UserError
from mlplab.plugins import PlugInError

SCHEMA_FILE = Path(__file__).with_name("schema.yaml")
# Keys that name folders with further plug-ins.
PLUG_INS = {"implementations": implementations.names, "activations": activations.names}
TYPE_NAMES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
}


class ConfigError(UserError):
    """The configuration is refused; the message has one line for each thing to mend."""


def schema(registries: Mapping[str, list[str]] | None = None) -> dict[str, Any]:
    """The JSON schema of a configuration, with the registries' names and the possible axes.

    `registries` are the names of all plug-ins; by default those of the library.
    """
    loaded: dict[str, Any] = yaml.safe_load(SCHEMA_FILE.read_text(encoding="utf-8"))
    properties = loaded["properties"]
    axes = properties["grid"]["properties"]
    for section in ("network", "training"):
        for name, setting in properties[section]["properties"].items():
            axes[name] = {
                "description": f"Values of `{section}.{name}` to try.",
                "type": "array",
                "minItems": 1,
                "uniqueItems": True,
                "items": {key: value for key, value in setting.items() if key != "default"},
            }
    _fill_registries(loaded, {"datasets": datasets.names(), **(registries or _registries({}))})
    return loaded


def _registries(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """The names of all plug-ins: the library's, and those in the folders that `config` names."""
    found = {}
    for kind, names in PLUG_INS.items():
        folders = config.get(kind)
        usable = isinstance(folders, list) and all(isinstance(item, str) for item in folders)
        try:
            found[kind] = names(folders if usable and folders else ())
        except PlugInError as error:
            raise ConfigError(f"config error: {error}") from error
    return found


def _fill_registries(node: Any, registries: Mapping[str, list[str]]) -> None:
    if isinstance(node, dict):
        if "x-registry" in node:
            node["enum"] = registries[node["x-registry"]]
        for value in node.values():
            _fill_registries(value, registries)


def _with_defaults(value: Any, node: Mapping[str, Any]) -> Any:
    """A copy of `value` in which keys that are absent have the schema's defaults."""
    if not isinstance(value, dict) or "properties" not in node:
        return _whole(copy.deepcopy(value), node)
    completed = {key: copy.deepcopy(item) for key, item in value.items()}
    for key, child in node["properties"].items():
        if key in value or "default" in child:
            completed[key] = _with_defaults(value.get(key, child.get("default")), child)
    return completed


def _whole(value: Any, node: Mapping[str, Any]) -> Any:
    """A number that the schema wants whole as an int: YAML may write 10 as 10.0."""
    if isinstance(value, list) and "items" in node:
        return [_whole(item, node["items"]) for item in value]
    return int(value) if node.get("type") == "integer" else value


def resolve(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with all defaults filled in.

    Raises ConfigError, with one line for each mistake, where it does not follow the schema.
    """
    plain = copy.deepcopy(dict(config))
    for kind in PLUG_INS:
        # One folder may be given as plain text, as on a command line.
        if isinstance(plain.get(kind), str):
            plain[kind] = [plain[kind]]
    node = schema(_registries(plain))
    validator = jsonschema.Draft202012Validator(node)
    errors = sorted(validator.iter_errors(plain), key=lambda error: list(map(str, error.path)))
    lines = [line for error in errors for line in _explain(error)] or list(_not_finite(plain, ""))
    _refuse(lines)
    resolved: dict[str, Any] = _with_defaults(plain, node)
    _refuse(list(_impossible(resolved)))
    return resolved


def _refuse(lines: list[str]) -> None:
    if lines:
        single = (without_credentials(line.replace("\n", "\\n")) for line in lines)
        raise ConfigError("\n".join(f"config error: {line}" for line in single))


def _impossible(config: Mapping[str, Any]) -> Iterator[str]:
    """What is allowed key by key, but not together."""

    # The values that meet, and not every run: grids are large.
    def values(section: str, setting: str) -> list[Any]:
        return config["grid"].get(setting, [config[section][setting]])

    for name in config["grid"]["implementation"]:
        source = implementations.source(name, config["implementations"])
        limit = implementations.max_hidden_layers(source)
        for sizes in values("network", "hidden_sizes"):
            if limit is not None and len(sizes) > limit:
                yield (
                    f"grid.implementation: {name!r} says that it can do {limit} hidden "
                    f"layer{'s' if limit > 1 else ''} (MAX_HIDDEN_LAYERS in its file), found "
                    f"hidden_sizes {sizes}; leave it out, or study the depth without it"
                )
    uri = config["tracking"]["uri"]
    if uri and has_credentials(uri):
        yield (
            f"tracking.uri: {uri!r} was given with credentials, which belong in the environment, "
            "expected an address without; set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD for a server, or MLFLOW_TRACKING_URI in place of this key"
        )
    if config["selection"] and min(values("training", "validation_size")) < 1:
        yield (
            "training.validation_size: 0 images are held out, but `selection` chooses by "
            "accuracy on them, expected at least 1; give a number such as 10000"
        )


def _not_finite(value: Any, path: str) -> Iterator[str]:
    """YAML can write .nan and .inf, which pass a schema's bounds; no setting may be so."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _not_finite(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _not_finite(item, f"{path}[{index}]")
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{path}: {value} is not a finite number"


def _path(error: jsonschema.ValidationError) -> str:
    text = ""
    for part in error.absolute_path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "(top level)"


def _suggestion(value: Any, allowed: list[str]) -> str:
    nearest = difflib.get_close_matches(str(value), allowed, n=1, cutoff=0.5)
    return f"; did you mean {nearest[0]!r}?" if nearest else ""


def _explain(error: jsonschema.ValidationError) -> Iterator[str]:
    """One line: the key, the value found, what is allowed, and the nearest name."""
    path = _path(error)
    value: Any = error.instance
    limit: Any = error.validator_value
    node = error.schema if isinstance(error.schema, dict) else {}
    match error.validator:
        case "additionalProperties":
            allowed = list(node["properties"])
            for key in [key for key in value if key not in allowed]:
                name = f"{path}.{key}" if error.absolute_path else str(key)
                yield (
                    f"{name}: unknown key {key!r} (value {value[key]!r}); "
                    f"allowed: {', '.join(allowed)}{_suggestion(key, allowed)}"
                )
        case "required":
            missing = [key for key in limit if key not in value]
            yield f"{path}: the key {missing[0]!r} is missing"
        case "enum":
            allowed = list(map(str, limit))
            yield (
                f"{path}: {value!r} is not known; "
                f"allowed: {', '.join(allowed)}{_suggestion(value, allowed)}"
            )
        case "type":
            expected = " or ".join(
                TYPE_NAMES[name] for name in ([limit] if isinstance(limit, str) else limit)
            )
            yield f"{path}: expected {expected}, found {value!r}{_number_hint(value, limit)}"
        case "pattern" | "not":
            yield f"{path}: {value!r} is not allowed; expected {node.get('x-hint', limit)}"
        case "uniqueItems":
            repeated = next(item for item in value if value.count(item) > 1)
            yield f"{path}: {repeated!r} appears more than once in {value!r}; each value once"
        case "minItems":
            yield f"{path}: {value!r} has {len(value)} entries; at least {limit} is needed"
        case "maxItems":
            yield f"{path}: {len(value)} entries; at most {limit} are allowed"
        case "minimum":
            yield f"{path}: {value!r} is too small; the smallest allowed value is {limit}"
        case "exclusiveMinimum":
            yield f"{path}: {value!r} is too small; it must be greater than {limit}"
        case "maximum":
            yield f"{path}: {value!r} is too large; the largest allowed value is {limit}"
        case "minLength" | "maxLength":
            yield f"{path}: {value!r} has {len(value)} characters; the limit is {limit}"
        case _:
            yield f"{path}: {error.message}"


def _number_hint(value: Any, expected: Any) -> str:
    """YAML takes 1e-3 for text; say so to someone who wrote it."""
    if expected in ("number", "integer") and isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return ""
        if not math.isfinite(number):
            return ""
        plain = int(number) if expected == "integer" and number.is_integer() else number
        return f", which YAML reads as text; write {plain!r}"
    return ""
