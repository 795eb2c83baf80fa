"""What the activations' files say of them, read without importing torch."""

import re
from dataclasses import dataclass
from pathlib import Path

from mlplab.plugins import constants, defines, summary

# Codes of the article's items are for readers of the code.
CODES = re.compile(r" \(article items? [^)]*\)")
# The items of the article that show an activation: its function, its gradient.
ITEMS = {"relu": ("A2", "A3"), "sigmoid": ("A4", "A5"), "tanh": ("A6", "A7")}


@dataclass(frozen=True)
class Formulas:
    """An activation in words and formulas, with the article's items that show it.

    Without a `closed_form` in its file, the derivative that is shown is autograd's own.
    """

    name: str
    summary: str
    function: str
    derivative: str
    closed_form: bool
    items: tuple[str, str] | None


def formulas(source: Path) -> Formulas:
    """The first line of an activation's docstring and its printed formulas, as far as it has them.

    A file that cannot be parsed has none.
    """
    name, printed = source.stem, constants(source)
    return Formulas(
        name,
        CODES.sub("", summary(source)),
        str(printed.get("FORMULA", f"{name}(x)")),
        str(printed.get("DERIVATIVE_FORMULA", "from autograd")),
        defines(source, "derivative"),
        ITEMS.get(name),
    )
