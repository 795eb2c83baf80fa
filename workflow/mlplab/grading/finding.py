"""What was found of one submission, whoever handed it in: kept as a file, and worth points."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlplab.files import read_json, write_json
from mlplab.grading.points import GROUPS, Points
from mlplab.judging.check import REQUIREMENTS
from mlplab.judging.submissions import Judged
from mlplab.judging.verdict import HINTS, Standing

REQUIREMENTS_OF = {
    group: {quantity: REQUIREMENTS[quantity] for quantity in quantities}
    for group, quantities in GROUPS.items()
}


@dataclass(frozen=True)
class Finding:
    """What was found; all that grades are made of.

    `verdicts` are the lines of the verdict, one list for each hint. `standings` and `said` are by
    requirement: whether it is met, and its line of the verdict, where it has one.
    """

    right: bool
    failed: bool
    mistake: str
    verdicts: tuple[tuple[str, ...], ...]
    standings: Mapping[str, Standing]
    said: Mapping[str, str]
    notes: tuple[str, ...]
    seconds: float

    @property
    def word(self) -> str:
        """In a word: right, wrong or failed."""
        return "right" if self.right else "failed" if self.failed else "wrong"

    @property
    def headline(self) -> str:
        """The first line of the verdict."""
        return self.verdicts[-1][0]

    def met(self, group: str) -> bool:
        """Whether all requirements of a group are met."""
        return all(self.standings[quantity] == "met" for quantity in GROUPS[group])

    def earned(self, points: Points) -> dict[str, float]:
        """The points for each group that counts."""
        worth: dict[str, float] = asdict(points)
        return {group: (self.met(group) and most) or 0.0 for group, most in worth.items() if most}

    def lines(self, group: str) -> list[str]:
        """Of a group's requirements the lines of the verdict, and those that were not reached."""
        return [
            self.said.get(quantity)
            or f"  {'ok     ' if self.standings[quantity] == 'met' else 'not reached: '}{words}"
            for quantity, words in REQUIREMENTS_OF[group].items()
        ]


def of_judged(judged: Judged, shown: Mapping[str, str], seconds: float) -> Finding:
    """What was found of a file that was judged; in texts, keys of `shown` become their values."""

    def clean(text: str) -> str:
        for path, instead in shown.items():
            text = text.replace(path, instead)
        return "".join(c if c.isprintable() or c == "\n" else " " for c in text)

    verdict = judged.examined
    notes = tuple(map(clean, judged.notes(with_output=True)))
    if verdict is None:
        return failed(clean("\n".join(judged.verdict)), seconds, judged.path.stem, notes)
    first = verdict.first
    return Finding(
        right=verdict.right,
        failed=first is not None and first.verdict == "fails",
        mistake=verdict.mistake.name if verdict.mistake else "",
        verdicts=tuple(
            tuple(line for text in verdict.lines(hint) for line in clean(text).split("\n"))
            for hint in HINTS
        ),
        standings={quantity: verdict.standing(quantity) for quantity in REQUIREMENTS},
        said={name: clean(line) for name, line in verdict.by_requirement().items()},
        notes=notes,
        seconds=round(seconds, 2),
    )


def failed(reason: str, seconds: float, name: str, notes: Sequence[str] = ()) -> Finding:
    """What is found of what cannot be examined at all."""
    reason = reason.removeprefix(f"FAILS  {name}: ")
    first = f"FAILS  {name}: {reason}"
    return Finding(
        right=False,
        failed=True,
        mistake="",
        verdicts=tuple((first if hint else f"FAILS  {name}",) for hint in HINTS),
        standings={q: "fails" if q == "interface" else "not reached" for q in REQUIREMENTS},
        said={"interface": f"  FAILS  {reason}"},
        notes=tuple(notes),
        seconds=round(seconds, 2),
    )


def write(path: Path, finding: Finding) -> None:
    """Keep a finding as a file, whole or not at all."""
    write_json(path, asdict(finding))


def read(path: Path) -> Finding | None:
    """A finding that was kept; None where there is none, or none that could be read."""
    try:
        kept: dict[str, Any] = read_json(path)
        kept["verdicts"] = tuple(map(tuple, kept["verdicts"]))
        kept["notes"] = tuple(kept["notes"])
        finding = Finding(**kept)
        complete = set(finding.standings) == set(REQUIREMENTS) and finding.verdicts[-1]
        return finding if complete else None
    except Exception:
        # Half a file, or one of another version: it is checked again.
        return None
