"""A graph of JSON-LD, entity by entity."""

from collections.abc import Iterable
from typing import Any

Reference = dict[str, str]


class Graph:
    """Entities by their @id, in the order in which they were added."""

    def __init__(self) -> None:
        self.entities: dict[str, dict[str, Any]] = {}

    def add(self, identifier: str, kind: str | list[str], /, **properties: Any) -> Reference:
        """Add an entity, or find that it is there already.

        Properties that are empty are left out, and a list of one is its item, as RO-Crate asks.
        Raises ValueError where another entity has this @id.
        """
        said = {
            name: value[0] if isinstance(value, list) and len(value) == 1 else value
            for name, value in properties.items()
            if value not in (None, "", [])
        }
        entity = {"@id": identifier, "@type": kind, **said}
        if self.entities.setdefault(identifier, entity) != entity:
            raise ValueError(f"two entities are called {identifier!r}")
        return {"@id": identifier}

    def __contains__(self, identifier: str) -> bool:
        return identifier in self.entities

    def document(self, context: list[Any]) -> dict[str, Any]:
        """The whole as one JSON-LD document."""
        return {"@context": context, "@graph": list(self.entities.values())}


def references(identifiers: Iterable[str]) -> list[Reference]:
    """References to these entities, each once."""
    return [{"@id": identifier} for identifier in dict.fromkeys(identifiers)]
