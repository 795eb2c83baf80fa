"""Addresses without the credentials that they may hold."""

import re
import urllib.parse

# Fields of an address's query that hold credentials: whole names, and what a name may contain.
_WHOLE = ("user", "username", "auth", "key", "sig", "pass", "pwd")
_PARTS = ("password", "passwd", "token", "secret", "credential", "signature", "apikey", "accesskey")
_NAME = re.compile(rf"(?:{'|'.join(_WHOLE)})|.*(?:{'|'.join(_PARTS)}).*", re.IGNORECASE)
# A user and a password, also where the address has no scheme.
_LOGIN = re.compile(r"(?:[^/\s]*//)?[^/\s]+:[^/]+@")
_ADDRESS = re.compile(r"://[^\s'\"]+")
_USER = re.compile(r"(?<=^://)[^/]*@")
_FIELD = re.compile(r"(?<=[?&#;])([^=&#;]*)=[^&#;]*(?:&|;|$)")


def without_credentials(text: str) -> str:
    """A text, such as an address or a message, in which no address has credentials."""
    return _ADDRESS.sub(lambda found: _without(found[0]), text)


def _without(address: str) -> str:
    shortened = _FIELD.sub(
        lambda field: "" if _is_secret(field[1]) else field[0], _USER.sub("", address)
    )
    return address if shortened == address else shortened.rstrip("?&;#")


def _is_secret(field: str) -> bool:
    return bool(_NAME.fullmatch(urllib.parse.unquote(field).replace("-", "").replace("_", "")))


def has_credentials(address: str) -> bool:
    """Whether an address holds a user name, a password or a token."""
    try:
        host = urllib.parse.urlsplit(address).netloc
    except ValueError:
        host = ""
    return "@" in host or bool(_LOGIN.match(address)) or without_credentials(address) != address
