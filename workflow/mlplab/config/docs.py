"""config/README.md, written from the declared keys."""

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from mlplab.config.mistakes import type_names
from mlplab.config.schema import declared, for_editors

HEAD = """# Configuration

<!-- Written by `make docs` from config/model.py and study/settings.py in workflow/mlplab/. -->

`config.yaml` is the article's study. Any other file, given with `--configfile`, says what differs
from it; single keys are set with `--config`, for example `--config study=mine`. A key that is
nowhere set has its default. A mistake is refused before any job starts, in a line that names it;
`mlplab config FILE` checks a file, names the line, and prints the whole of what it means. A file
that begins with the first line of `config.yaml` is checked and completed by editors that know YAML.

| key | meaning | default | allowed |
|---|---|---|---|
"""

TAIL = """
## Examples

One hidden layer more, under a name of its own:

```yaml
study: two-layers
network: {hidden_sizes: [256, 128]}
```

Three learning rates as an axis of the grid:

```yaml
study: learning-rates
grid: {learning_rate: [0.01, 0.1, 0.5]}
```
"""


def _allowed(node: dict[str, Any]) -> str:
    if "hint" in node:
        return str(node["hint"])
    if "enum" in node:
        return " or ".join(f"`{value}`" for value in node["enum"])
    if "registry" in node:
        return "a name from that folder"
    words = type_names(node)
    if node.get("type") == "array":
        at_least = " at least one" if node.get("minItems") else ""
        each = ", each once" if node.get("uniqueItems") else ""
        return f"a list of{at_least}{each}: {_allowed(node['items'])}"
    if "exclusiveMinimum" in node:
        words += f" above {node['exclusiveMinimum']}"
    if "minimum" in node:
        words += f" from {node['minimum']}"
    if "maximum" in node:
        words += f" to {node['maximum']}"
    return words


def _rows(properties: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, node in properties.items():
        description = node["description"]
        if "properties" in node:
            yield f"| `{prefix}{name}` | {description} | | a mapping |"
            yield from _rows(node["properties"], f"{prefix}{name}.")
            continue
        default = (
            yaml.safe_dump(node["default"], default_flow_style=True) if "default" in node else ""
        )
        shown = default.removesuffix("\n").removesuffix("...").strip()
        shown = f"`{shown}`" if shown else "required"
        yield f"| `{prefix}{name}` | {description} | {shown} | {_allowed(node)} |"


def markdown() -> str:
    """The whole page."""
    return HEAD + "\n".join(_rows(declared()["properties"])) + "\n" + TAIL


def main(arguments: Sequence[str]) -> None:
    """Print the table of all keys."""
    argparse.ArgumentParser(prog="mlplab docs", description=__doc__).parse_args(arguments)
    print(markdown(), end="")


def print_schema(arguments: Sequence[str]) -> None:
    """Print the JSON schema of a configuration."""
    about = for_editors.__doc__
    argparse.ArgumentParser(prog="mlplab schema", description=about).parse_args(arguments)
    print(for_editors(), end="")
