"""A verdict in words: right or wrong and why in the first line, then what was compared."""

from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from mlplab.judging.mistakes.catalogue import CATALOGUE, Mistake
from mlplab.judging.tolerances import EXACT, Row

PAGE = "docs/mistakes.md"
# How much a verdict gives away.
HINTS = {
    0: "right or wrong",
    1: "and where",
    2: "and the mistake, where it is a known one",
    3: "and how to mend it",
}
ALL = max(HINTS)
Standing = Literal["met", "wrong", "fails", "not reached"]


def add_hint(parser: ArgumentParser, what: str) -> None:
    """The option `--hint` of a command; `what` says of what or whom it is."""
    levels = "; ".join(f"{level} {words}" for level, words in HINTS.items())
    parser.add_argument("--hint", type=int, choices=HINTS, default=ALL, help=f"{what}: {levels}")


@dataclass(frozen=True)
class Verdict:
    """What was found of one file.

    `rows` are those of the first activation, or of the one with which it is wrong; `met` are the
    requirements that were met with activations before that one; `notes` say what was no
    requirement.
    """

    name: str
    activation: str
    rows: tuple[Row, ...]
    requirements: Mapping[str, str]
    compared: int = 1
    notes: tuple[str, ...] = ()
    met: frozenset[str] = frozenset()

    @property
    def first(self) -> Row | None:
        """The first row that does not agree."""
        return next((row for row in self.rows if row.verdict != "agrees"), None)

    @property
    def right(self) -> bool:
        """Whether all requirements are met."""
        return self.first is None

    @property
    def mistake(self) -> Mistake | None:
        """The known mistake that it is."""
        return CATALOGUE.get(self.first.mistake) if self.first else None

    def lines(self, hint: int = ALL) -> list[str]:
        """The verdict as it is printed."""
        if hint == 0:
            return [self.headline(hint)]
        told = [self.headline(hint), *self.by_requirement().values(), *self.notes]
        return [*told, *self._advice()] if hint == ALL else told

    def headline(self, hint: int = ALL) -> str:
        """Right or wrong, and why: the mistake, or else the place."""
        first = self.first
        if first is None:
            many = f"with {self.compared} activations" if self.compared > 1 else self._with()
            return f"RIGHT  {self.name}: as the framework's network, {many}"
        word = "FAILS" if first.verdict == "fails" else "WRONG"
        if hint == 0:
            return f"{word}  {self.name}"
        if first.verdict == "fails":
            return f"FAILS  {self.name}, {self._with()}: {first.detail}"
        place = self._place(first)
        if first.mistake and hint >= 2:
            return f"WRONG  {self.name}, {self._with()}: {first.detail} ({place})"
        return f"WRONG  {self.name}, {self._with()}: {place}: {first.values}"

    def _with(self) -> str:
        return f"with {self.activation}"

    def _place(self, row: Row) -> str:
        words = self.requirements[row.quantity]
        after = f" after {row.step} steps" if row.step > 1 and row.of else ""
        return f"{words}, {row.of}{after}" if row.of else words

    def by_requirement(self) -> dict[str, str]:
        """A line for each requirement that was compared, over all networks."""
        order = list(self.requirements)
        by_requirement = sorted(self.rows, key=lambda row: order.index(row.quantity))
        return {
            quantity: self._requirement(self.requirements[quantity], list(group))
            for quantity, group in groupby(by_requirement, key=lambda row: row.quantity)
        }

    def standing(self, quantity: str) -> Standing:
        """What became of a requirement; a right file meets them all."""
        verdicts = {row.verdict for row in self.rows if row.quantity == quantity}
        if "fails" in verdicts:
            return "fails"
        if "differs" in verdicts:
            return "wrong"
        # Only what breaks the interface has a row of it.
        met = self.right or verdicts or quantity in self.met or quantity == "interface"
        return "met" if met else "not reached"

    def _requirement(self, words: str, rows: Sequence[Row]) -> str:
        """Met, or the first difference among these rows with the values found and expected."""
        wrong = next((row for row in rows if row.verdict != "agrees"), None)
        if wrong is None:
            greatest = max(row.difference for row in rows)
            exact = all(row.tolerance == EXACT for row in rows)
            return f"  ok     {words}" + ("" if exact else f" (within {greatest:.0e})")
        if wrong.verdict == "fails":
            return f"  FAILS  {wrong.detail}"
        alike = [row for row in rows if (row.step, row.network) == (wrong.step, wrong.network)]
        others = [row.of for row in alike if row.verdict != "agrees" and row is not wrong]
        too = f" (and {', '.join(dict.fromkeys(others))})" if others else ""
        return (
            f"  WRONG  {self._place(wrong)}{too}: {wrong.values}\n"
            f"         network {wrong.network}, relative difference {wrong.difference:.1e}, "
            f"allowed {wrong.tolerance:.0e}"
        )

    def _advice(self) -> list[str]:
        first = self.first
        if first is None or first.verdict == "fails":
            return []
        entry = self.mistake
        if entry is None:
            return [
                f"What to look at: {self._place(first)}; the others may follow from it. No known "
                "mistake",
                f"explains it: {PAGE} has those that are known.",
            ]
        return [f"What to look at: {entry.mend}", f"See {PAGE}#{entry.name}"]
