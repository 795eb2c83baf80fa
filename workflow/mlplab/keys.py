"""How a configuration is declared: a dataclass for each section, a field for each key."""

from dataclasses import MISSING, field
from typing import Any


def key(default: Any = MISSING, description: str = "", **words: Any) -> Any:
    """A key of a configuration, as a field of a frozen dataclass; without a default it is required.

    The field's type is the key's. Bounds are given in the words of JSON schema: `minimum`,
    `exclusiveMinimum`, `maxItems`, `pattern`, …; those of a list's values as a mapping `items`.
    Three words are of this library: `registry` names the plug-ins that are allowed, `hint` says in
    words what a pattern allows, `secrets` says where the credentials of an address belong.
    """
    return field(default=default, metadata={"description": description, **words})
