"""`mlplab ui`: MLflow's UI on this machine, opened on the runs of a study.

It listens on loopback alone: who is to see it from elsewhere takes `make mlflow-server`.
"""

import argparse
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Experiment

from mlplab.addresses import without_credentials
from mlplab.errors import UserError
from mlplab.study import pages
from mlplab.tracking.server import QUIET
from mlplab.tracking.store import BRIEF_TIMEOUT, connect, patience, reaching
from mlplab.tracking.uri import tracking_uri
from mlplab.tracking.view import VIEW_TAG

HOST, PORT = "127.0.0.1", 5000
SQLITE = "sqlite:///"


def find_study(client: MlflowClient, name: str | None) -> Experiment:
    """The experiment of a study, of the last one that was worked on where no name is given."""
    found = client.search_experiments(order_by=["last_update_time DESC"])
    studies = {each.name: each for each in found if VIEW_TAG in each.tags}
    if not studies:
        raise UserError("MLflow holds no study yet; run one first: make demo")
    if name is None:
        return next(iter(studies.values()))
    if name not in studies:
        raise UserError(
            f"study: there is no study {name!r} in MLflow; there is {', '.join(studies)}"
        )
    return studies[name]


def check_store(uri: str) -> None:
    """Raise UserError where a SQLite store is not there: MLflow would make an empty one."""
    if uri.startswith(SQLITE) and not Path(uri.removeprefix(SQLITE)).is_file():
        raise UserError(
            f"store: there is no {uri.removeprefix(SQLITE)}; run a study here first (make demo), "
            "or name another store: mlplab ui --store sqlite:///path/to/mlflow.db"
        )


def check_port(port: int) -> None:
    """Raise UserError where somebody listens on a port already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise UserError(
                f"port: {port} cannot be had ({error}); is `make ui` running already? Stop it, or "
                f"take another port: make ui PORT={port + 1 if port < 65535 else PORT}"
            ) from error


def on_a_desktop(environment: Mapping[str, str] = os.environ, system: str = sys.platform) -> bool:
    """Whether a browser may be opened: somebody sits before this machine, and is no CI."""
    if any(environment.get(name) for name in ("CI", "SSH_CONNECTION", "SSH_TTY")):
        return False
    screens = ("DISPLAY", "WAYLAND_DISPLAY")
    return system == "darwin" or any(environment.get(name) for name in screens)


def main(arguments: Sequence[str]) -> int:
    """Find the study, say where its runs are seen, and become MLflow's server."""
    parser = argparse.ArgumentParser(prog="mlplab ui", description=__doc__)
    parser.add_argument("study", nargs="?", help="name of the study; the last one without it")
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--store", help="MLflow tracking URI (default: as for a study)")
    parser.add_argument("--no-browser", action="store_true", help="open no browser")
    chosen = parser.parse_args(arguments)
    uri = tracking_uri(chosen.store)
    elsewhere = uri.startswith(("http://", "https://"))
    try:
        check_store(uri)
        if not elsewhere:
            check_port(chosen.port)
        with patience(BRIEF_TIMEOUT):
            client = connect(uri)
            with reaching(uri):
                experiment = find_study(client, chosen.study or None)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    ui = without_credentials(uri) if elsewhere else f"http://{HOST}:{chosen.port}"
    address = pages.runs(experiment.experiment_id, ui)
    opener = [sys.executable, "-m", "mlplab.tracking.opener", experiment.name, address]
    if on_a_desktop() and not chosen.no_browser:
        opener.append("--browser")
    if elsewhere:
        return subprocess.call(opener)
    print(f"Starting MLflow on {without_credentials(uri)} …", flush=True)
    # It tells the address, and opens it, once the server, which this process becomes, answers.
    subprocess.Popen(opener, stdin=subprocess.DEVNULL)
    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(chosen.port)]
    command += ["--workers", "1", "--uvicorn-opts", "--log-level warning"]
    variables = {**QUIET, **os.environ, "MLFLOW_BACKEND_STORE_URI": uri}
    os.execve(command[0], command, variables)
