"""The MLflow store: where it is, how long it is waited for, and which errors mean that it is away.

A store that is away (slow, refusing, restarting, unreachable) is no reason to stop training: what
would be sent to it is on disk. Every other error is one of the study or of the code.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import sqlalchemy
from mlflow import MlflowClient
from mlflow.exceptions import ERROR_CODE_TO_HTTP_STATUS, MlflowException
from requests import RequestException

from mlplab.addresses import without_credentials
from mlplab.commands import again
from mlplab.errors import UserError
from mlplab.tracking import sqlite
from mlplab.tracking.uri import URI_VARIABLE

DATABASES = ("sqlite", "postgresql", "mysql", "mssql")

# Seconds between two attempts to reach a store that is away.
PAUSE = 1.0
# Refusals that may pass: of a server without its database, without a password, or with too much
# to do. MLflow gives the code 500 to mistakes of its client as well: those are told by their cause.
PASSING = {401, 403, 408, 429, 502, 503, 504}

Result = TypeVar("Result")

# While runs train, a job asks a store that is away for so long, and waits so long for an answer.
BRIEF_SECONDS, BRIEF_TIMEOUT = 5, 10
# The config says how long a store that is away is asked; much to send or read may take its time.
PATIENT_TIMEOUT = 60


class StoreAway(UserError):
    """The store does not answer, or refuses; `reason` says why in one line, without credentials."""

    def __init__(self, uri: str, reason: str) -> None:
        self.store = f"tracking.uri: the MLflow store {without_credentials(uri)}"
        self.reason = reason
        super().__init__(
            f"{self.store} is away or refuses ({reason}); start it, or name another under "
            f"`tracking: uri:` in the config or in {URI_VARIABLE}, and run the same command: "
            "nothing is trained again"
        )


def is_database(uri: str) -> bool:
    """Whether the store is a database that the client itself writes to, without a server."""
    return uri.partition(":")[0].partition("+")[0] in DATABASES


@contextmanager
def patience(seconds: int) -> Iterator[None]:
    """Let a request of MLflow's client take so many seconds, and fail then; the environment wins.

    MLflow's client does not repeat a request itself: a run whose first creation was answered too
    late would be there twice. `patiently` begins anew, and looks first at what is there.
    """
    defaults = {
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(seconds),
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        # PostgreSQL's own variable, for a store that is a database.
        "PGCONNECT_TIMEOUT": "5",
    }
    # The client would print the address of each run, with credentials where the store's has them.
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    added = {name: value for name, value in defaults.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def patiently(
    action: Callable[[], Result], seconds: float, tell: Callable[[str], None] = print
) -> Result:
    """What `action` returns; while the store is away it is called again, for so many seconds.

    `tell` is told, once, what is waited for. Raises StoreAway after that time.
    """
    deadline: float | None = None
    while True:
        try:
            return action()
        except StoreAway as away:
            if deadline is None:
                # The time before the store went away does not count.
                deadline = time.monotonic() + seconds
                tell(f"{away.store} is away ({away.reason}): waiting up to {seconds:g} s for it")
            if time.monotonic() + PAUSE > deadline:
                raise
            time.sleep(PAUSE)


def connect(uri: str) -> MlflowClient:
    """A client of the store. Raises StoreAway where a database takes no connection.

    A SQLite store is made where there is none.
    """
    file = sqlite.path_of(uri)
    if file:
        with reaching(uri):
            sqlite.make_whole(file)
    elif is_database(uri):
        # MLflow would try for two minutes.
        with reaching(uri):
            engine = sqlalchemy.create_engine(uri, poolclass=sqlalchemy.NullPool)
            engine.connect().close()
    with reaching(uri):
        return MlflowClient(uri)


@contextmanager
def reaching(uri: str) -> Iterator[None]:
    """Turn what MLflow raises into StoreAway, or UserError where waiting will not help.

    Messages say which store, without credentials. Errors of the code itself are left alone.
    """
    try:
        yield
    except UserError:
        raise
    except (MlflowException, sqlalchemy.exc.SQLAlchemyError, OSError, ImportError) as error:
        reason = without_credentials(_reason(error))
        if is_away(error):
            raise StoreAway(uri, reason) from error
        store = f"tracking.uri: the MLflow store {without_credentials(uri)}"
        file = sqlite.path_of(uri)
        if file and any(map(sqlite.is_damage, _causes(error))):
            raise UserError(
                f"{store} is no whole database of MLflow's ({reason}); move {file} away: all runs "
                f"are then sent to a new one, and nothing is trained again: {again('start_study')}"
            ) from error
        raise UserError(
            f"{store} cannot be used ({reason}); name another under `tracking: uri:` in the config "
            f"or in {URI_VARIABLE}"
        ) from error


def is_away(error: BaseException) -> bool:
    """Whether an error says that the store is away, and not that it was asked for nonsense."""
    for each in _causes(error):
        if isinstance(each, RequestException):
            answer = each.response
            return answer is None or answer.status_code in PASSING | {500}
        if isinstance(each, sqlite3.Error):
            return sqlite.passes(each)
        if isinstance(each, (sqlalchemy.exc.OperationalError, sqlalchemy.exc.TimeoutError)):
            return not isinstance(getattr(each, "orig", None), sqlite3.Error) or sqlite.passes(each)
    if isinstance(error, MlflowException):
        return _status(error) in PASSING
    return False


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and those that it came from, the outermost first."""
    found: BaseException | None = error
    while found:
        yield found
        found = found.__cause__ or found.__context__


def _reason(error: BaseException) -> str:
    """Kind and first line of the error that all began with, or of MLflow's own."""
    if isinstance(error, MlflowException) and _status(error) == 401:
        return "401: it asks for MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
    *_, first = _causes(error)
    told = first if is_away(error) else error
    line = (str(told).strip().splitlines() or [""])[0]
    return f"{type(told).__name__}: {line}" if line else type(told).__name__


def _status(error: MlflowException) -> int | None:
    return ERROR_CODE_TO_HTTP_STATUS.get(error.error_code)
