"""What seeds and images say of pairs of activations and of implementations."""

import pandas as pd

from mlplab.report import comparing
from mlplab.report.findings._finding import Finding

SECTION = "Comparisons"


def compared(comparisons: pd.DataFrame, mcnemar: pd.DataFrame) -> list[Finding]:
    """A finding for each kind of pair that there is, and one of the images."""
    kinds = {
        "activation": comparing.activations(comparisons),
        "implementation": comparing.implementations(comparisons),
    }
    found = [
        Finding(
            f"{kind}s",
            f"{kind.capitalize()}s against each other, over seeds",
            sentences,
            items=comparing.told_apart(comparisons[comparisons["kind"] == kind]),
            section=SECTION,
        )
        for kind, sentences in kinds.items()
        if sentences
    ]
    images = comparing.mcnemar(mcnemar)
    title = "What the images say"
    return [*found, *([Finding("images", title, images, section=SECTION)] if images else [])]
