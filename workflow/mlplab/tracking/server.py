"""`make mlflow-server`: MLflow's server on PostgreSQL, with the database made before it starts.

The store's URI comes from MLFLOW_BACKEND_STORE_URI, never from the command line, where every user
of the machine would see its password. What follows `--` is handed on to `mlflow server`.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import sqlalchemy
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from mlplab.addresses import without_credentials

STORE_VARIABLE = "MLFLOW_BACKEND_STORE_URI"
DEFAULT_STORE = "postgresql:///mlflow"
# The database that is always there.
MAINTENANCE = "postgres"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # For evaluating language models; it takes 200 MB and a core at times.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}


def prepare(uri: str) -> None:
    """See to it that the database is there. Exits with one line where it cannot be used."""
    os.environ.setdefault("PGCONNECT_TIMEOUT", "5")
    try:
        url = sqlalchemy.make_url(uri)
    except ArgumentError:
        _refuse(uri, "it is no database's address")
    if url.get_backend_name() != "postgresql":
        sys.exit(
            f"{STORE_VARIABLE}: {without_credentials(uri)} is no PostgreSQL database, which many "
            f"writers need; expected {DEFAULT_STORE} or postgresql://host/name "
            "(docs/tracking-server.md). For the local SQLite store there is `make ui`."
        )
    try:
        _connect(url)
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).strip()
        if f'database "{url.database}" does not exist' not in reason:
            _refuse(uri, reason)
        try:
            _connect(url.set(database=MAINTENANCE), f'CREATE DATABASE "{url.database}"')
        except SQLAlchemyError as refused:
            _refuse(uri, f"{reason}; {str(getattr(refused, 'orig', refused)).strip()}")
        print(f"created the database {url.database}")


def _connect(url: sqlalchemy.URL, statement: str = "SELECT 1") -> None:
    engine = sqlalchemy.create_engine(
        url, poolclass=sqlalchemy.NullPool, isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)


def _refuse(uri: str, reason: str) -> NoReturn:
    sys.exit(
        f"{STORE_VARIABLE}: {without_credentials(uri)} cannot be used "
        f"({without_credentials(' '.join(reason.split()))}); is PostgreSQL started, and may this "
        "user write there? docs/tracking-server.md says how"
    )


def main(arguments: Sequence[str]) -> None:
    """Prepare the database and become the server."""
    parser = argparse.ArgumentParser(prog="make mlflow-server", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", default="5000")
    parser.add_argument("--artifacts", type=Path, default=Path("mlflow-artifacts"))
    parser.add_argument("options", nargs="*")
    chosen = parser.parse_args(arguments)
    # An empty variable is one that is not set.
    uri = os.environ.get(STORE_VARIABLE) or DEFAULT_STORE
    prepare(uri)
    if chosen.host not in LOOPBACK and "basic-auth" not in chosen.options:
        print(
            f"WARNING: whoever reaches {chosen.host}:{chosen.port} may read and delete every run; "
            "docs/tracking-server.md says how passwords are asked for"
        )
    print(f"MLflow on {without_credentials(uri)}, artifacts in {chosen.artifacts.absolute()}")
    command = [sys.executable, "-m", "mlflow", "server", "--host", chosen.host]
    command += ["--port", chosen.port]
    command += ["--artifacts-destination", chosen.artifacts.absolute().as_uri()]
    sys.stdout.flush()
    # MLflow itself migrates an empty database before its workers start.
    os.execve(command[0], [*command, *chosen.options], {**QUIET, **os.environ, STORE_VARIABLE: uri})
