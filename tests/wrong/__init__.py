"""Wrong implementations, each one of two right ones with a few lines changed.

`autograd.py` and `by_hand.py` are right. A section of `mistakes.diff` says which of them it
changes, what is then wrong, and how: `-` lines give way to `+` lines, lines that begin with a blank
stay and say where. What a hunk expects stands exactly once in the right file.
"""

import re
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
BASES = {name: HERE / f"{name}.py" for name in ("autograd", "by_hand")}
HEAD = re.compile(r"=== (\w+) \| (\w+) \| (.+)\n")


@dataclass(frozen=True)
class Mistake:
    """A right file, what is wrong after the changes, and the changes as (before, after)."""

    base: str
    summary: str
    changes: tuple[tuple[str, str], ...]

    def source(self) -> str:
        """The wrong file. ValueError where a change does not fit."""
        _, _, text = BASES[self.base].read_text(encoding="utf-8").partition("\n")
        for before, after in self.changes:
            if text.count(before) != 1:
                raise ValueError(f"{self.summary} expected once in {self.base}.py:\n{before}")
            text = text.replace(before, after)
        return f'"""{self.summary}"""\n{text}'


def _change(hunk: str) -> tuple[str, str]:
    lines = [(line[0], line[1:]) for line in hunk.splitlines(keepends=True) if line.strip()]
    before, after = (
        "".join(line for sign, line in lines if sign in signs) for signs in (" -", " +")
    )
    return before, after


def _read() -> dict[str, Mistake]:
    _, *parts = HEAD.split((HERE / "mistakes.diff").read_text(encoding="utf-8"))
    found = {}
    for name, base, summary, body in zip(*(parts[index::4] for index in range(4)), strict=True):
        assert name not in found, name
        found[name] = Mistake(base, summary, tuple(map(_change, body.split("@@\n"))))
    return found


MISTAKES = _read()
