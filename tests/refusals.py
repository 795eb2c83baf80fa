"""What a configuration that is refused is told."""

from typing import Any

import pytest

from mlplab.config.resolve import resolve
from mlplab.config.sources import ConfigError

Config = dict[Any, Any]


def messages(config: Config) -> list[str]:
    """The lines that a refused configuration gets, without their common beginning."""
    with pytest.raises(ConfigError) as refused:
        resolve(config)
    lines = str(refused.value).split("\n")
    for line in lines:
        assert line.startswith("config error: ")
        assert "Traceback" not in line
        assert line.isprintable()
    return [line.removeprefix("config error: ") for line in lines]


def message(**changes: Any) -> str:
    """The only line for a configuration with one mistake."""
    (line,) = messages({"study": "test", **changes})
    return line
