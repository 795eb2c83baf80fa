"""The corpus of mistakes: right networks, and wrong ones made from them by a few changed lines.

A folder has right files in `right/`, and in `wrong/*.diff` a section for each wrong one:

    === softmax_over_examples
    base: arrays
    cause: softmax-over-examples
    known: 2021-07-15 https://…
    what: The softmax runs over the batch, not over the classes.
    @@
    -        q = e / e.sum(1, keepdims=True)
    +        q = e / e.sum(0, keepdims=True)

`base` is a right file, `cause` a name of the catalogue ("none" where none can be told), `known`
when and where the fault was reported. `activation: sigmoid` names one with which it shows where
ReLU hides it, `added: after` says that the entry came after the recognisers. Below `@@`, lines with
`-` give way to lines with `+`; lines that begin with a blank stay and say where. What a change
expects stands exactly once in the right file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlplab.errors import UserError

HEAD = re.compile(r"^=== (\w+)\n", re.MULTILINE)
FIELDS = ("base", "cause", "known", "what")


@dataclass(frozen=True)
class Wrong:
    """A wrong network: what it is made from and how, what is wrong, where that is known from."""

    name: str
    base: Path
    cause: str
    known: str
    what: str
    activation: str
    held_out: bool
    changes: tuple[tuple[str, str], ...]

    def source(self) -> str:
        """The wrong file. Raises UserError where a change does not fit."""
        _, _, text = self.base.read_text(encoding="utf-8").partition("\n")
        for before, after in self.changes:
            if text.count(before) != 1:
                raise UserError(
                    f"{self.name}: expected once in {self.base}, found {text.count(before)} "
                    f"times:\n{before}"
                )
            text = text.replace(before, after)
        return f'"""{self.what}"""\n{text}'


@dataclass(frozen=True)
class Corpus:
    """Right files, and wrong networks by name."""

    right: tuple[Path, ...]
    wrong: dict[str, Wrong]


def read(folder: Path) -> Corpus:
    """The corpus of a folder. Raises UserError for one that is none, or that is not well formed."""
    right = tuple(sorted((folder / "right").glob("*.py")))
    if not right:
        raise UserError(f"{folder}: right files are expected in {folder / 'right'}; there are none")
    wrong: dict[str, Wrong] = {}
    for path in sorted((folder / "wrong").glob("*.diff")):
        for entry in _entries(path, folder / "right"):
            if entry.name in wrong:
                raise UserError(f"{path}: {entry.name} is there already; rename one")
            wrong[entry.name] = entry
    return Corpus(right, wrong)


def _entries(path: Path, right: Path) -> Iterator[Wrong]:
    _, *parts = HEAD.split(path.read_text(encoding="utf-8"))
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        head, *hunks = body.split("@@\n")
        fields = dict(line.split(": ", 1) for line in head.strip().splitlines())
        missing = [field for field in FIELDS if field not in fields]
        if missing or not hunks:
            lacks = ", ".join(missing) or "changes below @@"
            raise UserError(f"{path}: {name} lacks {lacks}; see the other entries")
        yield Wrong(
            name,
            right / f"{fields['base']}.py",
            fields["cause"],
            fields["known"],
            fields["what"],
            fields.get("activation", "relu"),
            fields.get("added") == "after",
            tuple(map(_change, hunks)),
        )


def _change(hunk: str) -> tuple[str, str]:
    lines = [(line[0], line[1:]) for line in hunk.splitlines(keepends=True) if line.strip()]
    before, after = (
        "".join(line for sign, line in lines if sign in signs) for signs in (" -", " +")
    )
    return before, after
