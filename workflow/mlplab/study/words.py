"""Settings and their values in words: tables, figures and page call them alike."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

SIZES = "hidden_sizes"
# Where the name alone would not tell what it is.
SAID = {"weight_std": "initial weight std", "bias_init": "initial biases"}


def human(name: str) -> str:
    """The name of a setting or metric in words: learning rate."""
    return SAID.get(name, name.replace("_", " "))


def listed(items: Iterable[Any], last: str = "and") -> str:
    """Items in one phrase: a, b and c."""
    *rest, final = [str(item) for item in items] or ["\N{EM DASH}"]
    return f"{', '.join(rest)} {last} {final}" if rest else final


def layers(sizes: Sequence[Any]) -> str:
    """Sizes of hidden layers: 1 layer of 256, 8 layers of 32, layers of 256 and 128."""
    if not sizes:
        return "no hidden layer"
    if len(set(sizes)) > 1:
        return f"layers of {listed(sizes)}"
    return f"{len(sizes)} layer{'s' if len(sizes) > 1 else ''} of {sizes[0]}"


def setting(value: Any) -> str:
    """The value of a setting: layers in words, everything else as it is."""
    return layers(value) if isinstance(value, list | tuple) else str(value)


def tabulated(axis: str, value: Any) -> str:
    """The same of a value that a table has, where sizes are one text: 256 128."""
    return layers(str(value).split()) if axis == SIZES else str(value)


def point(activation: str, settings: Mapping[str, str]) -> str:
    """An activation at a point of the grid: relu with 2 layers of 32 at learning rate 0.5."""
    sized = f" with {settings[SIZES]}" if SIZES in settings else ""
    others = [f"{human(axis)} {value}" for axis, value in settings.items() if axis != SIZES]
    return f"{activation}{sized}{f' at {listed(others)}' if others else ''}"


def run_in_words(path: str) -> str:
    """A run's path, but for its activation: concise, seed 0, learning rate 0.5."""
    implementation, _, *settings = path.split("/")
    pairs = (each.split("=") for each in settings)
    said = [f"{human(name)} {value}" for name, value in pairs]
    # Layer sizes are written 256x128 in a path.
    return re.sub(r"(?<=\d)x(?=\d)", " × ", ", ".join([implementation, *said]))
