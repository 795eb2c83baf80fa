"""A study whose local MLflow database was deleted is sent again."""

import sys
from pathlib import Path

PREFIX = "sqlite:///"


def forget_lost(uri: str, started: Path, dry_run: bool) -> None:
    """Take away `started`, the file by which a study is known to have begun in a lost database.

    Snakemake knows nothing of databases: it would say that there is nothing to be done.
    """
    file = uri.removeprefix(PREFIX)
    if not uri.startswith(PREFIX) or Path(file).exists() or not started.exists():
        return
    print(
        f"{file}, MLflow's database, is gone: all runs {'would be' if dry_run else 'are'} sent to "
        "a new one, and nothing is trained again.",
        file=sys.stderr,
    )
    if not dry_run:
        started.unlink()
