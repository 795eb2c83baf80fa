"""What the activations' files say of them, read without importing torch."""

import ast
from dataclasses import dataclass

from mlplab import activations
from mlplab.errors import UserError

# The items of the article that show an activation: its function, its gradient.
ITEMS = {"relu": ("A2", "A3"), "sigmoid": ("A4", "A5"), "tanh": ("A6", "A7")}


@dataclass(frozen=True)
class Formulas:
    """An activation in words and formulas, with the article's items that show it."""

    name: str
    summary: str
    function: str
    derivative: str
    items: tuple[str, str] | None


def formulas(name: str) -> Formulas:
    """The first line of the docstring and the printed formulas of the activation `name`."""
    source = activations.source(name)
    module = ast.parse(source.read_text(encoding="utf-8"))
    constants = {
        target.id: node.value.value
        for node in module.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    try:
        function, derivative = constants["FORMULA"], constants["DERIVATIVE_FORMULA"]
    except KeyError as error:
        raise UserError(f"{source}: {error.args[0]} is expected as a plain text") from error
    summary = (ast.get_docstring(module) or name).partition("\n")[0]
    return Formulas(name, summary, str(function), str(derivative), ITEMS.get(name))
