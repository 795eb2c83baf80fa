"""What somebody probably meant: the nearest of the names that are allowed."""

import difflib
from collections.abc import Iterable

# What the field, or another framework, calls what is called otherwise here.
SYNONYMS = {
    "gpu": "cuda",
    "lr": "learning_rate",
    "stepsize": "learning_rate",
    "initstd": "weight_std",
    "swish": "silu",
    "logistic": "sigmoid",
    "linear": "identity",
    "pytorch": "concise",
}


def did_you_mean(value: object, allowed: Iterable[str]) -> str:
    """The question after the nearest allowed name; "" where none is like it."""
    names = {_plain(name): name for name in allowed}
    written = str(value)
    meant = names.get(_plain(SYNONYMS.get(_plain(written), written)))
    near = difflib.get_close_matches(written.lower(), names.values(), n=1, cutoff=0.5)
    nearest = [meant] if meant else near
    return f"; did you mean {nearest[0]!r}?" if nearest else ""


def _plain(name: str) -> str:
    """A name without capitals, hyphens, underscores and blanks."""
    return "".join(filter(str.isalnum, name.lower()))
