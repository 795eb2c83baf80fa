"""A PostgreSQL of a test's own, and MLflow's server on it: started, killed, stopped, taken away."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .loopback import free_port, wait_for

ROOT = Path(__file__).parents[2]
# Debian keeps each version's programs in a folder of its own, away from PATH.
PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
# PostgreSQL refuses to run as root.
UNPRIVILEGED = 65534
PASSWORD = "recognisable-" + secrets.token_hex(8)


@dataclass
class PostgreSQL:
    """A cluster in `folder`, on loopback, with the user and database `mlflow`."""

    folder: Path
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        if os.getuid() == 0:
            os.chown(self.folder, UNPRIVILEGED, UNPRIVILEGED)
        (self.folder / "password").write_text(PASSWORD)
        (self.folder / "password").chmod(0o644)
        options = ["--username=mlflow", "--auth=scram-sha-256", "--no-sync"]
        self._run("initdb", *options, f"--pwfile={self.folder}/password")
        self.start()
        self._run("createdb", "mlflow", **self._login)

    @property
    def uri(self) -> str:
        """Address of the database, with the password."""
        return f"postgresql://mlflow:{PASSWORD}@127.0.0.1:{self.port}/mlflow"

    @property
    def _login(self) -> dict[str, str]:
        return {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGUSER": "mlflow",
            "PGPASSWORD": PASSWORD,
        }

    def _run(self, program: str, *arguments: str, **environment: str) -> str:
        user: dict[str, Any] = (
            {"user": UNPRIVILEGED, "group": UNPRIVILEGED} if os.getuid() == 0 else {}
        )
        answer = subprocess.run(
            [PROGRAMS[-1] / program, *arguments],
            env={**os.environ, "PGDATA": str(self.folder / "data"), **environment},
            # The test's own folder may be closed to the other user.
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **user,
        )
        assert answer.returncode == 0, answer.stdout
        return answer.stdout

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        options = (
            f"-c port={self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= "
            "-c fsync=off -c shared_buffers=32MB"
        )
        self._run("pg_ctl", "start", "--wait", f"--log={self.folder}/log", f"--options={options}")

    def stop(self, mode: str = "immediate") -> None:
        """Stop the server; `immediate` is what a crash looks like."""
        self._run("pg_ctl", "stop", "--wait", f"--mode={mode}")

    def query(self, statement: str) -> str:
        """The rows that psql answers with, unadorned."""
        return self._run("psql", "mlflow", "--no-align", "--tuples-only", "-c", statement,
                         **self._login).strip()  # fmt: skip

    def close(self) -> None:
        """Stop the server and see that it is gone."""
        if (self.folder / "data/postmaster.pid").exists():
            self.stop()
        assert not listens(self.port)


def listens(port: int) -> bool:
    """Whether anybody listens on a port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Server:
    """MLflow's server as `make mlflow-server` starts it, in a process group of its own."""

    folder: Path
    store: str
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self.start()

    @property
    def uri(self) -> str:
        """The server's address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mlplab.cli", "server", "--port", str(self.port),
                 "--artifacts", str(self.folder / "artifacts"),
                 "--", "--workers", "2", *self.options],
                cwd=self.folder,
                env={**os.environ, "MLFLOW_BACKEND_STORE_URI": self.store, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        wait_for(self.answers, 120, "MLflow's server")

    def answers(self) -> bool:
        """Whether the server says that it is well."""
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the server and its workers."""
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """Kill the server and its workers without warning."""
        self.signal(signal.SIGKILL)
        self.process.wait()
        wait_for(lambda: not listens(self.port), 10, "a free port")

    def close(self) -> None:
        """Kill what is left of the server."""
        if self.process.poll() is None:
            self.kill()
        assert not listens(self.port)
