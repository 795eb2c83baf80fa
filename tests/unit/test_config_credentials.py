"""Credentials in a configuration: refused wherever they stand, and shown nowhere."""

import json

import pytest

from mlplab.config.resolve import resolve
from mlplab.config.sources import ConfigError
from refusals import Config, message

WITH_CREDENTIALS = [
    "https://me:secret@host",
    "https://me:secret@host/path",
    "postgresql://host/db?password=secret",
    "https://host/?token=secret",
    "https://host/?a=b&access_token=secret",
    "https://host/?api-key=secret",
    "https://host/?X-Amz-Signature=secret",
    "https://host/?SIG=secret",
    "https://host/#token=secret",
    "https://me:se secret@host",
    "https://me:se'secret@host",
    "me:secret@host/path",
]


@pytest.mark.parametrize("address", WITH_CREDENTIALS)
@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ('{{"tracking": {{"uri": {}}}}}', "tracking.uri"),
        ('{{"tracking": {{"ui_url": {}}}}}', "tracking.ui_url"),
        ('{{"mirrors": ["/data", {}]}}', "mirrors[1]"),
        ('{{"implementations": [{}]}}', "implementations[0]"),
        ('{{"tracking": {{"url": {}}}}}', "tracking.url"),
        ('{{"mirror": {}}}', "mirror"),
        ('{{"grid": {{"1": [[{}]]}}}}', "grid.1[0][0]"),
    ],
)
def test_credentials_are_refused_and_not_shown(changes: str, path: str, address: str) -> None:
    with pytest.raises(ConfigError) as refused:
        resolve({"study": "s", **json.loads(changes.format(json.dumps(address)))})
    assert f"config error: {path}" in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "mend"),
    [
        ({"tracking": {"uri": "https://me:secret@host"}}, "MLFLOW_TRACKING_PASSWORD"),
        ({"mirrors": ["https://me:secret@host"]}, "download the files to a folder"),
        ({"tracking": {"ui_url": "https://me:secret@host"}}, "browser"),
    ],
)
def test_credentials_are_the_only_mistake_of_an_address_and_the_line_mends_it(
    changes: Config, mend: str
) -> None:
    line = message(**changes)
    assert "found an address with a user name, password or token" in line
    assert mend in line


@pytest.mark.parametrize(
    "address",
    ["https://host/a@b", "sqlite:///a/b.db", "http://[::1]:5000", "https://host/?page=2&keys=3"],
)
def test_an_address_without_credentials_is_allowed(address: str) -> None:
    resolved = resolve({"study": "s", "tracking": {"uri": address}, "mirrors": [address, "/a@b"]})
    assert resolved["tracking"]["uri"] == address
    assert resolved["mirrors"] == [address, "/a@b"]
