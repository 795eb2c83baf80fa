"""Grades for other programs: a table, JUnit XML, and Gradescope's results.json."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from mlplab.grading.finding import REQUIREMENTS_OF, Finding
from mlplab.grading.handed_in import Submission
from mlplab.grading.points import DESCRIPTIONS, Points
from mlplab.judging.verdict import ALL

COLUMNS = ("submission", "result", "points", "of", "verdict", "mistake", "seconds", "file")
# A spreadsheet takes what begins so for a formula.
FORMULAS = ("=", "+", "-", "@")


@dataclass(frozen=True)
class Graded:
    """A submission, what was found of it, and what each requirement is worth."""

    submission: Submission
    found: Finding
    worth: Points

    @property
    def points(self) -> float:
        """The sum of what it has earned."""
        return sum(self.found.earned(self.worth).values())


def number(value: float) -> str:
    """Points as people write them: 20, 2.5."""
    return f"{value:g}"


def table(graded: Sequence[Graded]) -> str:
    """grades.csv: a row for each submission."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in graded:
        found = each.found
        row = [
            each.submission.name,
            found.word,
            number(each.points),
            number(each.worth.total),
            found.headline,
            found.mistake,
            f"{found.seconds:.1f}",
            each.submission.slug,
        ]
        writer.writerow(f"'{cell}" if cell.startswith(FORMULAS) else cell for cell in row)
    return text.getvalue()


def junit(graded: Sequence[Graded]) -> str:
    """JUnit XML: a suite for each submission, a case for each requirement."""
    root = ElementTree.Element("testsuites", name="mlplab grade")
    for each in graded:
        found = each.found
        standings = [found.standings[q] for group in REQUIREMENTS_OF.values() for q in group]
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=each.submission.name,
            tests=str(len(standings)),
            failures=str(standings.count("wrong")),
            errors=str(standings.count("fails")),
            skipped=str(standings.count("not reached")),
            time=f"{found.seconds:.2f}",
        )
        for group, requirements in REQUIREMENTS_OF.items():
            for quantity, words in requirements.items():
                case = ElementTree.SubElement(suite, "testcase", name=words, classname=group)
                _outcome(case, found, quantity)
        output = ElementTree.SubElement(suite, "system-out")
        output.text = "\n".join([*found.verdicts[-1], *found.notes])
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _outcome(case: ElementTree.Element, found: Finding, quantity: str) -> None:
    standing = found.standings[quantity]
    if standing == "met":
        return
    if standing == "not reached":
        ElementTree.SubElement(case, "skipped", message=standing)
        return
    said = found.said.get(quantity, "").strip()
    tag, kind = (
        ("failure", found.mistake or standing) if standing == "wrong" else ("error", standing)
    )
    ElementTree.SubElement(case, tag, message=said.partition("\n")[0], type=kind).text = said


def gradescope(graded: Graded, hint: int = ALL) -> dict[str, Any]:
    """results.json of one submission, which its student sees: with as much as `hint` gives away.

    Its form is https://gradescope-autograders.readthedocs.io/en/latest/specs/.
    """
    found = graded.found
    document: dict[str, Any] = {
        "score": graded.points,
        "execution_time": found.seconds,
        "output": "\n".join(found.verdicts[hint]),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
    }
    # Which requirement is met is where the mistake is.
    if hint == 0:
        return document
    earned = found.earned(graded.worth)
    document["tests"] = [
        {
            "name": DESCRIPTIONS[group],
            "score": points,
            "max_score": getattr(graded.worth, group),
            "status": "passed" if found.met(group) else "failed",
            "output": "\n".join(found.lines(group)),
            "output_format": "text",
            "visibility": "visible",
        }
        for group, points in earned.items()
    ]
    return document
