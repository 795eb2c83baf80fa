"""What a figure of a study is: who draws it, of what, and what is said of it."""

from dataclasses import dataclass
from typing import Any

FORMATS = ("svg", "png")

# The sections of the page that have figures, in its order.
SECTIONS = (
    "Answer",
    "Results",
    "What was run",
    "Activations",
    "Training",
    "Inside the networks",
    "Predictions",
    "Time",
)


@dataclass(frozen=True)
class Figure:
    """A figure by the name of the function that draws it, and the rule that this is part of.

    There is one of each `per`, "activation", "group" or "cell"; or, by default, one of the study.
    It stands in the section of the page with that heading, and under it in Snakemake's report.
    `shows` is its text alternative, `caption` what to look at, `items` those of the article; in the
    first two, {of} is what it is of, {split} the split and {seed} the seed that are shown.
    `file` is its path in the folder of figures, without the ending; `table` has its numbers.
    """

    name: str
    rule: str
    section: str
    shows: str
    caption: str
    items: str = ""
    per: str = ""
    file: str = ""
    table: str = ""

    def path(self, of: str = "") -> str:
        """The path of the one `of` an activation, group or cell, without the ending."""
        usual = f"{self.name}/{{{self.per}}}" if self.per else self.name
        return (self.file or usual).format(**{self.per: of})

    def said(self, **values: Any) -> tuple[str, str]:
        """What it shows and its caption, for these values."""
        return self.shows.format(**values), self.caption.format(**values)
