"""What the page is put together from: its sections, styles and scripts, in their order."""

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from mlplab.study.citation import bibtex, read_citation

FOLDER = Path(__file__).parent / "page"
# Each is sections/<key>.html.j2, with its name in the list of contents.
SECTIONS = {
    "answer": "Answer",
    "explorer": "Explorer",
    "look": "Look at the data",
    "live": "Try it",
    "findings": "Findings",
    "results": "Results",
    "comparisons": "Comparisons",
    "parity": "Right or wrong",
    "setup": "What was run",
    "activations": "Activations",
    "training": "Training",
    "inside": "Inside the networks",
    "predictions": "Predictions",
    "classes": "Classes",
    "time": "Time",
    "runs": "All runs",
    "article": "The article, item by item",
    "cite": "Cite and run again",
}
# Each is styles/<name>.css or scripts/<name>.js.
STYLES = ("page", "answer", "explorer", "look", "live", "take")
# Each script with what it needs before it.
EXPLORER = (
    "explorer-state",
    "explorer-numbers",
    "explorer-data",
    "explorer-theme",
    "explorer-charts",
    "explorer-grids",
    "explorer-hover",
    "explorer-table",
    "explorer-take",
    "explorer-controls",
    "explorer-linked",
    "explorer",
)
LIVE = (
    *("live-functions", "live-tensors", "live-network", "live-training", "live-mistakes"),
    *("live-parts", "live-formula", "live-units", "live-try", "live-charts", "live-lesson", "live"),
)
# The first one gives the others the data that the page carries.
SCRIPTS = ("data", "page", "take", "answer", *EXPLORER, "look", *LIVE)


def styles(names: Sequence[str] = STYLES) -> list[Markup]:
    """The text of style sheets. They are our own and free of what would need escaping."""
    return [_text(f"styles/{name}.css") for name in names]


def scripts(names: Sequence[str] = SCRIPTS) -> list[Markup]:
    """The text of scripts, as styles are."""
    return [_text(f"scripts/{name}.js") for name in names]


def library(name: str) -> bytes:
    """A library that the page carries (vendor/README.md), compressed with gzip."""
    return (FOLDER / f"vendor/{name}.min.js.gz").read_bytes()


def cited(commit: str) -> str:
    """The software as a BibTeX entry; "" where the library stands without its CITATION.cff."""
    file = Path(__file__).parents[3] / "CITATION.cff"
    return bibtex(read_citation(file), commit) if file.exists() else ""


def _text(name: str) -> Markup:
    return Markup((FOLDER / name).read_text(encoding="utf-8"))
