"""Data and libraries that the page carries, compressed; scripts/data.js unpacks them."""

import base64
import gzip
import json
from typing import Any

from markupsafe import Markup


def packed(name: str, content: bytes) -> Markup:
    """A block of data, named `name`, that a script of the page reads with `page.bytes(name)`."""
    text = base64.b64encode(gzip.compress(content, mtime=0)).decode()
    return Markup('<script type="application/gzip" id="packed-{}">{}</script>').format(name, text)


def packed_json(name: str, value: Any) -> Markup:
    """The same for what can be JSON, read with `page.json(name)`.

    Raises ValueError for a number that JSON does not know (nan, infinity).
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return packed(name, text.encode())
