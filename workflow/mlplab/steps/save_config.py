"""Keep the configuration that the results come from."""

from collections.abc import Mapping
from typing import Any

import yaml

from mlplab.files import PathLike, write_text


def save_config(config: Mapping[str, Any], target: PathLike) -> None:
    """Write a resolved configuration as YAML."""
    write_text(target, yaml.safe_dump(dict(config), sort_keys=False))
