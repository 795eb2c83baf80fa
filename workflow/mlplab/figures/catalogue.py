"""All figures of a study: the modules beside this one describe theirs in a constant `FIGURES`."""

from functools import cache
from pathlib import Path

from mlplab.plugins import constants
from mlplab.study.figures import Figure

FOLDER = Path(__file__).parent


@cache
def catalogue() -> tuple[Figure, ...]:
    """Every figure; the files are read and not imported, so that matplotlib is not loaded."""
    described = [constants(file).get("FIGURES", {}) for file in sorted(FOLDER.glob("*.py"))]
    return tuple(Figure(name, **of) for figures in described for name, of in figures.items())


def drawn_by(rule: str) -> list[Figure]:
    """The figures that a rule draws."""
    return [figure for figure in catalogue() if figure.rule == rule]
