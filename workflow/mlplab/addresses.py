"""Addresses without the credentials that they may hold."""

import re
import urllib.parse

# Fields of an address's query that hold credentials, as PostgreSQL's and MySQL's drivers take them.
SECRET_FIELDS = ("user", "username", "password", "passwd", "token")
_ADDRESS = re.compile(r"://[^\s'\"]+")
_USER = re.compile(r"(?<=^://)[^/]*@")
_FIELD = re.compile(rf"(?<=[?&])(?:{'|'.join(SECRET_FIELDS)})=[^&]*(?:&|$)", re.IGNORECASE)


def without_credentials(text: str) -> str:
    """A text, such as an address or a message, in which no address has credentials."""
    return _ADDRESS.sub(lambda found: _without(found[0]), text)


def _without(address: str) -> str:
    shortened = _FIELD.sub("", _USER.sub("", address))
    return address if shortened == address else shortened.rstrip("?&")


def has_credentials(address: str) -> bool:
    """Whether an address holds a user name, a password or a token."""
    parts = urllib.parse.urlsplit(address)
    fields = {name.lower() for name in urllib.parse.parse_qs(parts.query, keep_blank_values=True)}
    return "@" in parts.netloc or not fields.isdisjoint(SECRET_FIELDS)
