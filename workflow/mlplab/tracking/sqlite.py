"""A store that is a SQLite file: it is made whole or not at all, and moves with its folder."""

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import url2pathname

import sqlalchemy
from mlflow import MlflowClient

from mlplab.errors import UserError
from mlplab.files import replacing

# What MLflow keeps of places: tables with their column of an absolute address.
PLACES = {
    "experiments": "artifact_location",
    "runs": "artifact_uri",
    "logged_models": "artifact_location",
}
# What another writer leads to, or a disk that is away: it may pass.
PASSING = ("locked", "busy", "disk I/O error")
# What a store leads to whose making was interrupted, or that is another's.
DAMAGE = ("no such table", "no such column", "already exists", "not a database", "malformed")


def path_of(uri: str) -> Path | None:
    """The file of a store; None where it is none, or only in memory."""
    if uri.partition(":")[0].partition("+")[0] != "sqlite":
        return None
    database = sqlalchemy.make_url(uri).database
    return Path(database) if database and database != ":memory:" else None


def make_whole(file: Path) -> None:
    """Make a store where there is none yet, beside its place, and give it its name at the end.

    MLflow takes seconds for its schema, and cannot go on with one that was interrupted.
    """
    if file.exists() and file.stat().st_size:
        return
    with suppress(FileExistsError), replacing(file) as temporary:
        # MLflow takes a name that it has seen before for the same database.
        new = temporary.with_name(f"{temporary.name}.{secrets.token_hex(4)}")
        with _written_late():
            MlflowClient(f"sqlite:///{new.absolute()}").search_experiments(max_results=1)
        new.rename(temporary)
        with temporary.open("rb") as whole:
            os.fsync(whole)
        if file.exists() and not file.stat().st_size:
            file.unlink()
        # Unlike renaming it takes no place that another process has taken meanwhile.
        os.link(temporary, file)


@contextmanager
def _written_late() -> Iterator[None]:
    """Have the system write to the disk when it likes to what SQLite writes meanwhile.

    MLflow changes its schema a hundred times until it is made, and SQLite waits for the disk after
    each.
    """

    def change(connection: Any, _: object) -> None:
        connection.execute("PRAGMA synchronous = OFF")

    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", change)
    try:
        yield
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "connect", change)


def passes(error: BaseException) -> bool:
    """Whether an error of SQLite may be gone when it is tried again."""
    return any(words in str(error) for words in PASSING)


def is_damage(error: BaseException) -> bool:
    """Whether an error of SQLite says that the file is no whole store of MLflow's."""
    return any(words in str(error) for words in DAMAGE)


def move(file: Path, experiment_id: str, before: str, now: Path) -> None:
    """Have the artifacts of an experiment where they are now: its folder was moved or copied.

    `before` is the address that the store knows; nothing happens while artifacts are still there
    and not here. MLflow has no way to say it.
    """
    there = Path(url2pathname(before.removeprefix("file://")))
    if not there.is_absolute() or (there.is_dir() and not now.is_dir()):
        return
    with closing(sqlite3.connect(file, timeout=30)) as store, store:
        for table, column in PLACES.items():
            known = {row[1] for row in store.execute(f"PRAGMA table_info({table})")}
            if column not in known:
                raise UserError(f"{file}: its table {table} has no {column}: which MLflow made it?")
            store.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                f"WHERE experiment_id = ? AND ({column} = ? OR {column} LIKE ? || '/%')",
                (now.as_uri(), len(before) + 1, int(experiment_id), before, before),
            )
