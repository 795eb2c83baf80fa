"""Jupyter notebooks, read as the Python text of their code cells."""

import json
import re
from collections.abc import Iterator

ENDING = ".ipynb"

# What IPython alone understands: magics, shell commands, help.
NO_PYTHON = re.compile(r"^(\s*)([%!?].*|[\w.]+\?+\s*)$", re.MULTILINE)
# Of the magics for a whole cell, those behind which Python stands.
OF_PYTHON = ("%%time", "%%timeit", "%%capture")


def _cells(content: bytes) -> Iterator[tuple[int, str]]:
    """Number, from 1 as a reader counts, and text of every code cell."""
    notebook = json.loads(content)
    for number, cell in enumerate(notebook["cells"], start=1):
        if cell["cell_type"] == "code":
            text = cell["source"]
            yield number, _python(text if isinstance(text, str) else "".join(text))


def _python(text: str) -> str:
    """A cell without what is no Python, on the same lines."""
    if text.startswith("%%") and not text.startswith(OF_PYTHON):
        return "\n" * text.count("\n")
    return NO_PYTHON.sub(r"\1pass", text)


def code(content: bytes) -> bytes:
    """The text of all code cells, one after the other; ValueError where it is no notebook."""
    try:
        return "\n".join(text for _, text in _cells(content)).encode()
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"this is no notebook ({type(error).__name__}: {error})") from error


def cell(content: bytes, line: int) -> tuple[int, int]:
    """In which cell, and on which line of it, a line of `code` stands."""
    for number, text in _cells(content):
        lines = text.count("\n") + 1
        if line <= lines:
            return number, line
        line -= lines
    raise ValueError(f"there are fewer lines than {line}")
