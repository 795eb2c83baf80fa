import pytest

from mlplab.addresses import has_credentials, without_credentials

WITH_CREDENTIALS = {
    "https://user:secret@host:5000/a": "https://host:5000/a",
    "https://secret@host": "https://host",
    "postgresql://user:se%40cret@host/db": "postgresql://host/db",
    "postgresql://user:se@cret@host/db": "postgresql://host/db",
    "postgresql://host/db?user=me&password=secret": "postgresql://host/db",
    "postgresql://host/db?sslmode=require&password=secret": "postgresql://host/db?sslmode=require",
    "postgresql://host/db?PASSWORD=secret&sslmode=require": "postgresql://host/db?sslmode=require",
    "https://host/a?token=secret": "https://host/a",
    "https://host/a?x=1&access_token=secret": "https://host/a?x=1",
    "https://host/a?x=1&X-Amz-Signature=secret&y=2": "https://host/a?x=1&y=2",
    "https://host/a?api-key=secret": "https://host/a",
    "https://host/a?tok%65n=secret": "https://host/a",
    "https://host/a;sig=secret;x=1": "https://host/a;x=1",
    "https://host/a#client_secret=secret": "https://host/a",
}
WITHOUT = [
    "sqlite:///results/mlflow/mlflow.db",
    "http://127.0.0.1:5000",
    "postgresql:///mlflow?host=/run/postgresql",
    "databricks",
    "https://host/a@b",
    "https://host/a?page=2&monkey=3&keys=4#part",
    "git@host",
    "/a/b:c@d",
]


@pytest.mark.parametrize(("address", "public"), WITH_CREDENTIALS.items())
def test_credentials_are_seen_and_removed(address: str, public: str) -> None:
    assert has_credentials(address)
    assert without_credentials(address) == public
    message = "Cannot reach '{}' (refused), did you mean {} ?"
    assert without_credentials(message.format(address, address)) == message.format(public, public)


@pytest.mark.parametrize("address", WITHOUT)
def test_an_address_without_credentials_stays_as_it_is(address: str) -> None:
    assert not has_credentials(address)
    assert without_credentials(address) == address
