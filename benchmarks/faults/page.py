"""docs/faults.md: what may happen to a study, and what becomes of it."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.faults.fault import Fault
from benchmarks.faults.judging import Outcome
from benchmarks.measure import facts, paragraph
from benchmarks.page import measured_on
from mlplab.files import write_text

PAGE = Path("docs/faults.md")
HEAD = """# What may happen to a study

<!-- Written by `make faults`. -->
"""
WHAT = """\
A small study on scikit-learn's digits is copied, a fault is made, and its command is called
again, or the one that the message advises. It is got over where the study is then complete: every
record, table and file as it was written and published. Rows are the runs, metrics and points that
MLflow holds, against the records; bits are those of losses, accuracies, parameters, predictions and
tables, against a study that nothing happened to; left is what lies about and runs afterwards:
temporary files, checkpoints, processes. The list is `benchmarks/faults/catalogue.py`."""
HEADING = "| fault | got over | s | rows lost | doubled | bits changed | left | said |"


def line(fault: Fault, outcome: Outcome) -> str:
    """A fault as a row of the table."""
    entries = [
        fault.name,
        outcome.survived or "**no**",
        f"{outcome.seconds:.0f}",
        str(outcome.lost),
        str(outcome.doubled),
        str(len(outcome.changed)),
        str(len(outcome.leftovers)),
        "; ".join(outcome.wrong + outcome.changed + outcome.leftovers).replace("\n", " ")
        or ("as it should be" if fault.says else "–"),
    ]
    return f"| {' | '.join(entries)} |"


def write(faults: Sequence[Fault], outcomes: Sequence[Outcome], seconds: float) -> None:
    """Write the page."""
    parts = [HEAD, paragraph(WHAT)]
    good = sum(outcome.good for outcome in outcomes)
    parts.append(f"{good} of {len(faults)} as they should be, in {seconds / 60:.0f} minutes.\n")
    for group in dict.fromkeys(fault.group for fault in faults):
        rows = [
            line(fault, outcome)
            for fault, outcome in zip(faults, outcomes, strict=True)
            if fault.group == group
        ]
        rule = "|---|---|---:|---:|---:|---:|---:|---|"
        parts.append("\n".join([f"## {group}\n", HEADING, rule, *rows, ""]))
    parts.append(measured_on(facts()))
    write_text(PAGE, "\n".join(parts))
