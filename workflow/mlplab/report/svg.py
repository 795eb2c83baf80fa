"""SVG files as parts of one HTML page."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from mlplab.errors import UserError

REFERENCE = re.compile(r"url\(#([^)]+)\)")
FONT = re.compile(r"font-family: [^;]+;? ?")
# Colours that the page sets, so that figures can be read on a dark ground too; see report.css.
COLORS = {
    "#000000": "currentColor",
    "#0072b2": "var(--blue, #0072b2)",
    "#5b5b5b": "var(--grey, #5b5b5b)",
    "#8c6d31": "var(--brown, #8c6d31)",
}
DROPPED = {"metadata", "style", "title"}


def _local(name: str) -> str:
    """A name without its namespace, as HTML writes the parts of an SVG."""
    return name.rpartition("}")[2]


def _plain(element: ElementTree.Element) -> None:
    """Strip namespaces, fonts, metadata and style sheets, which would reach the whole page."""
    for child in list(element):
        if _local(child.tag) in DROPPED:
            element.remove(child)
        else:
            _plain(child)
    element.tag = _local(element.tag)
    element.attrib = {_local(name): value for name, value in element.attrib.items()}
    style = FONT.sub("", element.get("style", ""))
    for color, replacement in COLORS.items():
        style = style.replace(color, replacement)
    if style:
        element.set("style", style)


def _rename(root: ElementTree.Element, prefix: str) -> None:
    """Give each id that is referred to a prefix of its figure's own; drop all other ids."""
    used: set[str] = set()
    for element in root.iter():
        for name, value in element.attrib.items():
            if name == "href" and value.startswith("#"):
                used.add(value[1:])
                element.set(name, f"#{prefix}{value[1:]}")
            elif "url(#" in value:
                used.update(REFERENCE.findall(value))
                element.set(name, REFERENCE.sub(rf"url(#{prefix}\1)", value))
    for element in root.iter():
        identifier = element.attrib.pop("id", None)
        if identifier in used:
            element.set("id", f"{prefix}{identifier}")


def inline(path: Path, prefix: str, label: str) -> str:
    """An SVG file as an element of an HTML page, with `label` as its text alternative.

    Black follows the page's text colour, and all ids begin with `prefix`, so that they are unique
    as long as prefixes are. Raises UserError where the file is no SVG.
    """
    try:
        root = ElementTree.parse(path).getroot()
        _, _, width, height = map(float, root.attrib["viewBox"].split())
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise UserError(f"{path}: expected an SVG with a viewBox ({error})") from error
    _plain(root)
    _rename(root, prefix)
    # From points to pixels; the style sheet reads the natural width on narrow screens.
    pixels = {"width": f"{width * 4 / 3:.0f}", "height": f"{height * 4 / 3:.0f}"}
    root.attrib.update(pixels | {"style": f"--natural: {pixels['width']}px"})
    root.attrib.update({"role": "img", "aria-label": label})
    return ElementTree.tostring(root, encoding="unicode")
