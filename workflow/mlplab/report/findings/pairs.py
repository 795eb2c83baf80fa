"""What seeds and images say of pairs: of activations, of values of an axis, of implementations."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from mlplab.report import comparing
from mlplab.report.findings._finding import Finding
from mlplab.report.wording import human
from mlplab.study import grid

SECTION = "Comparisons"


def key_of(kind: str) -> str:
    """The key of the finding on pairs of a kind."""
    return f"{kind}s" if kind in grid.IDENTITY else f"{kind}_values"


def compared(
    config: Mapping[str, Any], comparisons: pd.DataFrame, mcnemar: pd.DataFrame
) -> list[Finding]:
    """A finding for each thing that varies in the grid, tested or not, and one of the images."""
    varied = [kind for kind, values in config["grid"].items() if len(values) > 1 and kind != "seed"]
    kinds = sorted(varied, key=lambda kind: (kind == "implementation", kind != "activation", kind))
    found = [
        Finding(
            key_of(kind),
            _title(kind),
            _sentences(comparisons, kind),
            items=comparing.notable(comparisons, kind),
            section=SECTION,
        )
        for kind in kinds
    ]
    images = comparing.mcnemar(mcnemar)
    title = "What the images say"
    return [*found, *([Finding("images", title, images, section=SECTION)] if images else [])]


def _title(kind: str) -> str:
    if kind in grid.IDENTITY:
        return f"{kind.capitalize()}s against each other, over seeds"
    return f"Values of {human(kind)} against each other, over seeds"


def _sentences(comparisons: pd.DataFrame, kind: str) -> list[str]:
    told = comparing.told(comparisons, kind)
    if kind == "implementation":
        told += comparing.equivalent(comparisons)
    return told or [
        f"How results differ by {human(kind)} is not tested: no two runs can be compared, or there "
        "are more pairs than a correction leaves anything to be said of. What is said of an order "
        "of them describes these runs."
    ]
