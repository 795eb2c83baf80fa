"""What the page is put together from: its sections, styles and scripts, in their order."""

from pathlib import Path

from markupsafe import Markup

FOLDER = Path(__file__).parent / "page"
# Each is sections/<key>.html.j2, with its name in the list of contents.
SECTIONS = {
    "answer": "Answer",
    "findings": "Findings",
    "results": "Results",
    "comparisons": "Comparisons",
    "parity": "Parity",
    "setup": "What was run",
    "activations": "Activations",
    "training": "Training",
    "inside": "Inside the networks",
    "predictions": "Predictions",
    "classes": "Classes",
    "time": "Time",
    "runs": "All runs",
}
# Each is styles/<name>.css or scripts/<name>.js.
STYLES = ("page", "answer")
# The first one gives the others the data that the page carries.
SCRIPTS = ("data", "page", "answer")


def styles() -> list[Markup]:
    """The text of each style sheet. They are our own and free of what would need escaping."""
    return [_text(f"styles/{name}.css") for name in STYLES]


def scripts() -> list[Markup]:
    """The text of each script, as styles are."""
    return [_text(f"scripts/{name}.js") for name in SCRIPTS]


def library(name: str) -> bytes:
    """A library that the page carries (vendor/README.md)."""
    return (FOLDER / f"vendor/{name}.min.js").read_bytes()


def _text(name: str) -> Markup:
    return Markup((FOLDER / name).read_text(encoding="utf-8"))
