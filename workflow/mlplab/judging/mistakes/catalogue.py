"""The catalogue of known mistakes: an entry each, found by its name.

An entry says in words what is wrong, how to mend it, and where it is known from. How it is
recognised is a wrong network, one with that mistake, or several where it is made in several ways:
`settings` proposes how strong it is, from what a file has shown in one first step, and the file
must behave as that network in everything else that it shows.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mlplab.judging.mistakes.evidence import Seen
from mlplab.judging.mistakes.network import Network

Settings = dict[str, Any]


def as_it_is(seen: Seen) -> Iterator[Settings]:
    """The settings of a mistake that has none."""
    yield {}


@dataclass(frozen=True)
class Variant:
    """One way in which a mistake is made."""

    network: type[Network]
    settings: Callable[[Seen], Iterator[Settings]] = as_it_is


@dataclass
class Mistake:
    """One known mistake; `sentence` may name settings in braces: {epsilon}."""

    name: str
    kind: str
    sentence: str
    mend: str
    known: str
    date: str
    # Settings with which the page shows the sentence.
    example: Settings = field(default_factory=dict)
    # Compared quantities that are this mistake as soon as they differ.
    quantities: tuple[str, ...] = ()
    variants: list[Variant] = field(default_factory=list)

    def said(self, settings: Settings) -> str:
        """The sentence with these settings in it."""
        shown = {k: f"{v:.3g}" if isinstance(v, float) else v for k, v in settings.items()}
        return self.sentence.format_map(shown)


@dataclass(frozen=True)
class Cause:
    """A known mistake, and what it is in this file."""

    mistake: Mistake
    sentence: str


CATALOGUE: dict[str, Mistake] = {}

KINDS = {
    "data": "The data",
    "forward": "Forward",
    "loss": "The loss",
    "gradient": "The gradient",
    "step": "The step",
    "state": "What is kept",
    "numerics": "Numbers",
}


def mistake(
    kind: str,
    name: str,
    sentence: str,
    mend: str,
    known: str,
    quantities: tuple[str, ...] = (),
    example: Settings | None = None,
) -> Mistake:
    """Put a mistake into the catalogue; `known` is a date and an address.

    `example` fills the braces of its sentence on the page.
    """
    date, _, address = known.partition(" ")
    assert name not in CATALOGUE, name
    assert kind in KINDS, kind
    entry = Mistake(name, kind, sentence, mend, address, date, example or {}, quantities)
    CATALOGUE[name] = entry
    return entry


def shown_by(
    entry: Mistake, settings: Callable[[Seen], Iterator[Settings]] = as_it_is
) -> Callable[[type[Network]], type[Network]]:
    """A class decorator: a file that behaves as this network has the mistake."""

    def add(network: type[Network]) -> type[Network]:
        entry.variants.append(Variant(network, settings))
        return network

    return add


def named(name: str, settings: Settings | None = None) -> Cause:
    """The cause of this name, with these settings in its sentence."""
    entry = CATALOGUE[name]
    return Cause(entry, entry.said(settings or {}))
