"""Grades on a page: all of a class for the teacher, one's own for each student."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlplab.grading.documents import Graded, number
from mlplab.grading.points import DESCRIPTIONS, Points
from mlplab.judging.mistakes.catalogue import CATALOGUE
from mlplab.report import contents, templates

FOLDER = Path(__file__).parent / "page"
# What it has of the report's page: how tables look, and that they can be sorted and filtered.
SHARED = ("page",)
WORDS = ("right", "wrong", "failed")


def _template(name: str) -> Any:
    environment = templates.environment(FOLDER)
    environment.filters.update(number=number)
    environment.globals.update(styles=contents.styles(SHARED), descriptions=DESCRIPTIONS)
    return environment.get_template(name)


def of_class(title: str, graded: Sequence[Graded], worth: Points) -> str:
    """The page of a class, as HTML: for its teacher."""
    counts = Counter(each.found.word for each in graded)
    mistakes = Counter(each.found.mistake for each in graded if each.found.mistake)
    unnamed = sum(not (each.found.mistake or each.found.right) for each in graded)
    met = {group: sum(each.found.met(group) for each in graded) for group in DESCRIPTIONS}
    html: str = _template("class.html.j2").render(
        title=title,
        graded=graded,
        worth=worth,
        counts={word: counts[word] for word in WORDS},
        mean=sum(each.points for each in graded) / len(graded),
        mistakes=[(CATALOGUE.get(name), name, n) for name, n in mistakes.most_common()],
        unnamed=unnamed,
        most=max([unnamed, *mistakes.values()]),
        met=met,
        scripts=contents.scripts(SHARED),
    )
    return html


def of_student(title: str, graded: Graded, hint: int) -> str:
    """The page of one submission, as HTML: nothing of anybody else is on it."""
    html: str = _template("student.html.j2").render(
        title=title, each=graded, worth=graded.worth, hint=hint
    )
    return html
