"""`make mlflow-server` without a database: what it starts, and what it says of a wrong one."""

import shlex
import subprocess
from pathlib import Path

import pytest

from mlplab.tracking import server

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sqlite:///mlflow.db", "no PostgreSQL database"),
        ("postgresql://someone:secret@127.0.0.1:1/mlflow", "Connection refused"),
        ("postgresql://someone:secret@/mlflow?host=/nowhere", "No such file or directory"),
        ("nonsense", "no database's address"),
    ],
)
def test_a_database_that_cannot_be_used_is_named_in_one_line(uri: str, expected: str) -> None:
    with pytest.raises(SystemExit) as refused:
        server.prepare(uri)
    line = str(refused.value.code)
    assert line.startswith("MLFLOW_BACKEND_STORE_URI: ")
    assert expected in line
    assert "docs/tracking-server.md" in line
    assert "\n" not in line
    assert "secret" not in line and "someone" not in line


def started(*variables: str) -> str:
    """The command of the target."""
    # Make says where it is when it is called by another make.
    command = ["make", "--no-print-directory", "--dry-run", "mlflow-server", *variables]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return shlex.join(shlex.split(answer.stdout.splitlines()[-1]))


def test_the_server_is_reached_from_this_machine_alone_unless_told_otherwise() -> None:
    assert "--host 127.0.0.1 --port 5000 --artifacts mlflow-artifacts --" in started()
    told = started("MLFLOW_HOST=0.0.0.0", "MLFLOW_PORT=80", "MLFLOW_OPTIONS=--workers 2")
    assert "--host 0.0.0.0 --port 80" in told
    assert told.endswith("-- --workers 2")
