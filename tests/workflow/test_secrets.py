"""Users, passwords and tokens: refused or used, and written nowhere."""

import base64
import http.client
import http.server
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from planted import CommandLines, Search
from services.loopback import free_port, wait_for

from .conftest import Project

pytestmark = pytest.mark.slow
# Each could be seen in no other way than by being written down; some have to be quoted.
USER, PASSWORD, TOKEN = "planted/user-7Q", "planted+pass word/7Q", "planted-token=7Q"
MIRROR_USER, MIRROR_PASSWORD = "planted-mirror-user-7Q", "planted-mirror pass?7Q"
SEARCH = Search([USER, PASSWORD, TOKEN, MIRROR_USER, MIRROR_PASSWORD])
LOGIN = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}"
MIRROR = f"http://{MIRROR_USER}:{quote(MIRROR_PASSWORD)}@127.0.0.1:9/files"
ALLOWED = {
    f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}",
    f"Bearer {TOKEN}",
}


class Gate(http.server.BaseHTTPRequestHandler):
    """Hands requests on to an MLflow server where they have a user's password or the token."""

    protocol_version = "HTTP/1.1"
    upstream = 0
    seen: set[str]

    def _hand_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        credentials = self.headers.get("Authorization", "")
        if credentials not in ALLOWED:
            self._answer(401, b'{"error_code": "UNAUTHENTICATED"}', "application/json")
            return
        self.seen.add(credentials.split()[0])
        server = http.client.HTTPConnection("127.0.0.1", self.upstream)
        kept = {
            key: value
            for key, value in self.headers.items()
            if key not in ("Host", "Authorization")
        }
        server.request(self.command, self.path, body, kept)
        answer = server.getresponse()
        self._answer(answer.status, answer.read(), answer.getheader("Content-Type", ""))
        server.close()

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _hand_on

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def guarded_server(folder: Path) -> Iterator[tuple[int, set[str]]]:
    """An MLflow server that wants credentials: its port, and which kinds it has been given."""
    folder.mkdir()
    port = free_port()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [*command, "--backend-store-uri", "sqlite:///mlflow.db"],
            cwd=folder,
            env={**os.environ, **quiet, "PATH": path},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    seen: set[str] = set()
    handler = type("Handler", (Gate,), {"upstream": port, "seen": seen})
    try:
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as gate:
            threading.Thread(target=gate.serve_forever, daemon=True).start()
            wait_for(lambda: _listens(port), 120, "MLflow's server")
            yield gate.server_address[1], seen
            gate.shutdown()
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _listens(port: int) -> bool:
    try:
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        asked.request("GET", "/health")
        return asked.getresponse().status == 200
    except OSError:
        return False


def found(project: Project, said: str) -> list[str]:
    """Where secrets are, of a project's files and of what was said."""
    return SEARCH.folder(project.folder) + SEARCH.text(said)


def test_secrets_are_used_and_written_nowhere(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The mirror is asked for nothing: the digits come with scikit-learn.
    clean = {**project.environment(), "MLPLAB_MIRRORS": MIRROR}
    variables: dict[str, str] = {}
    monkeypatch.setattr(project, "environment", lambda: {**clean, **variables})
    server = tmp_path / "server"
    said = []
    with guarded_server(server) as (port, seen), CommandLines(project.folder) as lines:
        login = {"MLFLOW_TRACKING_USERNAME": USER, "MLFLOW_TRACKING_PASSWORD": PASSWORD}
        address = f"127.0.0.1:{port}"
        tracked = ("--", "results/small/tracked.json")
        for credentials, host, arguments in (
            ({}, address, ("--", "results/small/study.json")),
            ({"MLFLOW_TRACKING_TOKEN": TOKEN}, address, tracked),
            ({}, f"{LOGIN}@{address}", ("--forcerun", "start_study", *tracked)),
            (login, address, ()),
        ):
            variables.clear()
            variables.update(credentials, MLFLOW_TRACKING_URI=f"http://{host}")
            seen.clear()
            answer = project.run("--cores", "2", *arguments)
            said.append(answer.stdout)
            refused = not credentials and host == address
            assert (answer.returncode != 0) is refused, answer.stdout
            kind = "Bearer" if "MLFLOW_TRACKING_TOKEN" in credentials else "Basic"
            assert seen == (set() if refused else {kind})
        assert "MLFLOW_TRACKING_USERNAME" in said[0]
        config = ("--configfile", "results/small/config.yaml")
        report = project.run(*config, "--report", "results/small/report.zip")
        assert report.returncode == 0, report.stdout
        said.append(report.stdout)
    crate = project.mlplab("crate", "small", "--ran-by", "Ada Lovelace")
    assert crate.returncode == 0, crate.stderr
    said += [crate.stdout, crate.stderr]

    # All that is searched is there.
    for kind in ("report.html", "report.zip", "crate.zip", "logs/track/scratch/relu.log"):
        assert (project.folder / "results/small" / kind).is_file()
    assert list((project.folder / ".snakemake/metadata").iterdir())
    assert any("snakemake" in line for line in lines.seen)
    assert (server / "mlflow.db").is_file() and list((server / "mlartifacts").rglob("report.html"))
    assert found(project, "\n".join(said)) == []
    assert SEARCH.folder(server) == []
    assert SEARCH.text("\n".join(lines.seen)) == []


def test_secrets_in_the_configuration_or_of_a_mirror_are_refused_and_not_shown(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = []
    for changes in (
        {"mirrors": [MIRROR]},
        {"tracking": {"uri": f"https://{LOGIN}@host"}},
        {"tracking": {"ui_url": f"https://host/?token={quote(TOKEN)}"}},
    ):
        project.write_config(**changes)
        refused = project.run("--cores", "1")
        assert refused.returncode != 0
        assert "config error: " in refused.stdout
        (project.folder / "small.yaml").unlink()
        said.append(refused.stdout)
    project.write_config(dataset="fashion_mnist")
    environment = {**project.environment(), "MLPLAB_MIRRORS": MIRROR}
    monkeypatch.setattr(project, "environment", lambda: environment)
    target = "results/data/fashion_mnist/data.safetensors"
    refused = project.run("--cores", "1", "--", target)
    assert refused.returncode != 0
    assert "was given with a user name, password or token" in refused.stdout
    said.append(refused.stdout)
    assert found(project, "\n".join(said)) == []
