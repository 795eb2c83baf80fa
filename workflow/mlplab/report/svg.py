"""SVG files as parts of one HTML page."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from mlplab.commands import again
from mlplab.errors import UserError
from mlplab.study import colors

REFERENCE = re.compile(r"url\(#([^)]+)\)")
FONT = re.compile(r"font-family: [^;]+;? ?")
# Colours that the page sets, so that figures can be read on a dark ground too (styles/page.css).
COLORS = {
    "#000000": "currentColor",
    "#0072b2": "var(--blue, #0072b2)",
    "#5b5b5b": "var(--grey, #5b5b5b)",
    "#8c6d31": "var(--brown, #8c6d31)",
}
HEX = re.compile(r"(stroke|fill): #([0-9a-f]{6})\b")
# More decimals of a point than two cannot be seen.
LONG = re.compile(r"-?\d+\.\d{3,}")
COORDINATES = ("d", "x", "y", "width", "height")
WORDS = {"text", "tspan"}
DROPPED = {"metadata", "style", "title"}


def _local(name: str) -> str:
    """A name without its namespace, as HTML writes the parts of an SVG."""
    return name.rpartition("}")[2]


def _lightened(match: re.Match[str]) -> str:
    """A dark colour, and a lighter one where the page is dark; greys belong to words, and stay."""
    name, digits = match.groups()
    grey = digits[:2] == digits[2:4] == digits[4:]
    if grey or not colors.is_dark(f"#{digits}"):
        return match[0]
    # Said twice: a browser that does not know light-dark() keeps the first.
    return f"{match[0]}; {name}: light-dark(#{digits}, {colors.lighter(f'#{digits}')})"


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
    style = HEX.sub(_lightened, style)
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


def _rounded(match: re.Match[str]) -> str:
    text = f"{float(match[0]):.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _slim(element: ElementTree.Element) -> None:
    """Drop blanks, decimals and groups that say nothing: a page holds many figures."""
    children: list[ElementTree.Element] = []
    for child in element:
        _slim(child)
        empty = child.tag == "g" and not child.attrib
        children.extend(child if empty else [child])
    element[:] = children
    if element.tag not in WORDS:
        for child in children:
            child.tail = None
        element.text = (element.text or "").strip() or None
    for name in COORDINATES:
        if name in element.attrib:
            element.set(name, " ".join(LONG.sub(_rounded, element.attrib[name]).split()))


def inline(path: Path, prefix: str, label: str) -> str:
    """An SVG file as an element of an HTML page, with `label` as its text alternative.

    Black follows the page's text colour, and all ids begin with `prefix`, so that they are unique
    as long as prefixes are. Raises UserError where the file is no SVG.
    """
    try:
        root = ElementTree.parse(path).getroot()
        _, _, width, height = map(float, root.attrib["viewBox"].split())
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise UserError(
            f"{path}: expected an SVG with a viewBox ({error}); make it anew: {again(path)}"
        ) from error
    _plain(root)
    _rename(root, prefix)
    _slim(root)
    # From points to pixels; the style sheet reads the natural width on narrow screens.
    pixels = {"width": f"{width * 4 / 3:.0f}", "height": f"{height * 4 / 3:.0f}"}
    root.attrib.update(pixels | {"style": f"--natural: {pixels['width']}px"})
    root.attrib.update({"role": "img", "aria-label": label})
    return ElementTree.tostring(root, encoding="unicode")
