"""`mlplab ui`: it opens on the runs of a study, or says in one line why it cannot."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mlplab.study import pages
from mlplab.tracking import opener, ui
from mlplab.tracking import study as mlflow_study
from mlplab.tracking.view import VIEW_TAG, saved_view


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A store with two studies, the second the last that was worked on."""
    with contextlib.chdir(tmp_path_factory.mktemp("mlflow")):
        store = f"sqlite:///{Path.cwd()}/mlflow.db"
        for study, split in (("first", "test"), ("second", "validation")):
            mlflow_study.start_study(store, study, split)
        yield store


class Server(BaseException):
    """What this process would have become."""


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The command that this process becomes, its variables, and the process beside it."""
    seen: dict[str, Any] = {}

    def execve(program: str, command: list[str], variables: dict[str, str]) -> None:
        seen.update(command=command, variables=variables)
        raise Server

    monkeypatch.setattr("os.execve", execve)
    monkeypatch.setattr("subprocess.Popen", lambda command, **_: seen.update(opener=command))
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "CI", "SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    return seen


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["first", "second", None])
def test_it_becomes_a_server_of_this_machine_alone_and_opens_the_study(
    uri: str, became: dict[str, Any], name: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    port = free_port()
    with pytest.raises(Server):
        ui.main([*([name] if name else []), "--store", uri, "--port", str(port)])
    command = became["command"]
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--port") + 1] == str(port)
    assert became["variables"]["MLFLOW_BACKEND_STORE_URI"] == uri
    *_, study, address, browser = became["opener"]
    assert study == name or (name is None and study == "second")
    assert address.startswith(f"http://127.0.0.1:{port}/#/experiments/")
    assert browser == "--browser"


@pytest.mark.slow
def test_an_unknown_study_is_refused_with_those_that_there_are(
    uri: str, became: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ui.main(["third", "--store", uri, "--port", str(free_port())]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "study: there is no study 'third' in MLflow; there is second, first"
    assert not became


def test_a_missing_store_is_refused_and_none_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ui.main(["--store", f"sqlite:///{tmp_path}/none.db"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"store: there is no {tmp_path}/none.db;") and "make demo" in line
    assert list(tmp_path.iterdir()) == []


def test_a_taken_port_is_refused_with_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mlflow.db").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert ui.main(["--store", f"sqlite:///{tmp_path}/mlflow.db", "--port", str(port)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"port: {port} cannot be had") and f"PORT={port + 1}" in line


@pytest.mark.parametrize(
    ("environment", "system", "opens"),
    [
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({}, "darwin", True),
        ({}, "linux", False),
        ({"DISPLAY": ""}, "linux", False),
        ({"DISPLAY": ":0", "CI": "true"}, "linux", False),
        ({"DISPLAY": "localhost:10.0", "SSH_CONNECTION": "x"}, "linux", False),
        ({"SSH_TTY": "/dev/pts/1"}, "darwin", False),
    ],
)
def test_a_browser_is_opened_on_a_desktop_alone(
    environment: dict[str, str], system: str, opens: bool
) -> None:
    assert ui.on_a_desktop(environment, system) is opens


class Healthy(BaseHTTPRequestHandler):
    """Says that it is well, at the address that MLflow does."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--browser"]])
def test_the_address_is_told_when_the_server_answers(
    options: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    with ThreadingHTTPServer(("127.0.0.1", 0), Healthy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = pages.runs("7", f"http://127.0.0.1:{server.server_port}")
        assert opener.main(["digits", address, *options]) == 0
        server.shutdown()
    assert address in capsys.readouterr().out
    assert opened == ([address] if options else [])


def test_a_server_that_never_answers_is_not_waited_for_forever(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opener, "PATIENCE", 0.0)
    assert opener.main(["digits", f"http://127.0.0.1:{free_port()}/#/x"]) == 1
    assert capsys.readouterr().out == ""


def test_addresses_lead_to_runs_and_not_to_pages_for_language_models() -> None:
    ui_address = "http://127.0.0.1:5000"
    for address in (
        pages.runs("7", ui_address),
        pages.charts("7", ui_address),
        pages.run("7", "id0", ui_address),
        pages.artifact("7", "id0", "report/report.html", ui_address),
    ):
        assert address.startswith(f"{ui_address}/#/experiments/7/runs")
        assert "workflowType=machine_learning" in address
    assert pages.run("7", "id0").startswith("#/experiments/7/runs/id0?")
    assert pages.run("7", "id0", "http://x/mlflow/").startswith("http://x/mlflow/#/")
    assert VIEW_TAG.endswith(f".{pages.VIEW}")
    assert f"viewStateShareKey={pages.VIEW}&" in pages.runs("7")


@pytest.mark.parametrize("split", ["test", "validation"])
def test_the_view_begins_with_accuracy_loss_and_activation(split: str) -> None:
    view = json.loads(saved_view(split, 5))
    state = json.loads(view["state"])
    assert view["createdAt"] == 5
    assert state["selectedColumns"][:3] == [
        f"metrics.`{split}_accuracy`",
        "metrics.`training_loss`",
        "params.`activation`",
    ]
    assert (state["orderByKey"], state["orderByAsc"]) == (f"metrics.`{split}_accuracy`", False)
    assert state["groupBy"]["groupByKeys"] == [{"mode": "param", "groupByData": "activation"}]
    # MLflow keeps no tag of an experiment that is longer.
    assert len(saved_view(split, 10**13)) < 5000
