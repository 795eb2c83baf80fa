"""Data and libraries that the page carries, compressed; scripts/data.js unpacks them."""

import base64
import gzip
import json
from typing import Any

from markupsafe import Markup

# Beyond it a page takes seven times as long to pack, for less than 1 % of it.
LEVEL = 6


def packed(name: str, content: bytes) -> Markup:
    """A block of data, named `name`, that a script of the page reads with `page.bytes(name)`."""
    return carried(name, gzip.compress(content, LEVEL, mtime=0))


def carried(name: str, compressed: bytes) -> Markup:
    """The same for what gzip has compressed before."""
    text = base64.b64encode(compressed).decode()
    return Markup('<script type="application/gzip" id="packed-{}">{}</script>').format(name, text)


def packed_json(name: str, value: Any) -> Markup:
    """The same for what can be JSON, read with `page.json(name)`.

    Raises ValueError for a number that JSON does not know (nan, infinity).
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return packed(name, text.encode())
