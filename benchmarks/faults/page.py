"""docs/faults.md: what may happen to a study, and what becomes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.faults.fault import Fault
from benchmarks.faults.judging import Outcome
from benchmarks.measure import FOLDER, facts, paragraph
from benchmarks.page import measured_on
from mlplab.files import read_json, write_json, write_text

PAGE = Path("docs/faults.md")
# What became of each fault, the last time that it was made.
RESULTS = FOLDER / "faults.json"
HEAD = """# What may happen to a study

<!-- Written by `make faults`. -->
"""
WHAT = """\
A small study on scikit-learn's digits is copied, a fault is made, and its command is called
again, or the one that the message advises. It is got over where the study is then complete: every
record, table and file as it was written and published. Rows are the runs, metrics and points that
MLflow holds, against the records; bits are those of losses, accuracies, parameters, predictions and
tables, against a study that nothing happened to; left is what lies about and runs afterwards:
temporary files, checkpoints, processes. Words are right where the message expected is there, and no
traceback. The list is `benchmarks/faults/catalogue.py`;
`.venv/bin/python -m benchmarks.faults NAME` makes those with NAME in theirs."""
HEADING = """\
| fault | got over | s | rows lost | doubled | bits changed | left | words |
|---|---|---:|---:|---:|---:|---:|---|"""


def line(fault: Fault, outcome: Outcome) -> str:
    """A fault as a row of the table."""
    found = outcome.wrong + outcome.changed + outcome.leftovers
    words = "; ".join(found).replace("\n", " ").replace("|", "\\|")[:300]
    entries = [
        fault.name,
        outcome.survived or "**no**",
        f"{outcome.seconds:.0f}",
        *(str(number) for number in (outcome.lost, outcome.doubled)),
        *(str(len(names)) for names in (outcome.changed, outcome.leftovers)),
        words or ("right" if fault.says else "none needed"),
    ]
    return f"| {' | '.join(entries)} |"


def keep(faults: Sequence[Fault], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Keep what became of faults; returns that of all that were ever made here."""
    kept: dict[str, Any] = read_json(RESULTS) if RESULTS.is_file() else {}
    for fault, outcome in zip(faults, outcomes, strict=True):
        kept[fault.name] = {**asdict(outcome), "said": ""}
    write_json(RESULTS, kept)
    return kept


def write(faults: Sequence[Fault], kept: Mapping[str, Any]) -> None:
    """Write the page of the whole list, from what is kept."""
    made = {each: Outcome(**kept[each.name]) for each in faults if each.name in kept}
    waiting = [each.name for each in faults if each not in made]
    good = sum(outcome.good for outcome in made.values())
    minutes = sum(outcome.seconds for outcome in made.values()) / 60
    parts = [
        HEAD,
        paragraph(WHAT),
        f"**{good} of {len(made)} are as they should be.** Made one after another they take "
        f"{minutes:.0f} minutes.\n",
    ]
    for group in dict.fromkeys(fault.group for fault in faults):
        rows = [line(fault, outcome) for fault, outcome in made.items() if fault.group == group]
        if rows:
            parts.append("\n".join([f"## {group}\n", HEADING, *rows, ""]))
    if waiting:
        parts.append(paragraph(f"Of the list, not made yet: {', '.join(waiting)}."))
    parts.append(measured_on(facts()))
    write_text(PAGE, "\n".join(parts))
