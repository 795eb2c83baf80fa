"""What MLflow costs per run: opening a store, sending runs, reading them back.

One real run is trained and recorded as the workflow does it; its record, under other seeds, is then
sent to a fresh SQLite store in a temporary folder.
"""

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from functools import wraps
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.measure import data_file, paragraph, spread, table
from mlplab import activations, implementations
from mlplab.study.documents import Manifest, read_manifest, read_run, write_document
from mlplab.study.grid import Run
from mlplab.study.record import RunFiles

RUNS = 60
OPENINGS = 3
READINGS = 3
URI = "sqlite:///mlflow.db"
STUDY = "benchmark"

# For a new process, as a job is one: within a process MLflow keeps a store that it has opened.
# Prints the seconds of the import and of the opening.
OPEN = f"""
import time
start = time.perf_counter()
from mlplab.tracking import send, study
imported = time.perf_counter()
study.start_study({URI!r}, {STUDY!r})
print(imported - start, time.perf_counter() - imported)
"""

Calls = dict[str, list[float]]


def record(data: Path, manifest: Path, folder: Path) -> tuple[Run, RunFiles]:
    """Train one run with the article's settings and write its record to `folder`."""
    from mlplab.analysis.scores import evaluate_run
    from mlplab.study.settings import Settings
    from mlplab.training.run import Job, train_run

    settings = asdict(Settings())
    run = Run("manual", "relu", 0, {**settings, "hidden_sizes": list(settings["hidden_sizes"])})
    job = Job(
        run,
        implementation=implementations.source(run.implementation),
        activation=activations.source(run.activation),
        data=data,
        threads=1,
        scored_on="test",
    )
    files = RunFiles.at(folder)
    folder.mkdir()
    train_run(job, files.history, files.diagnostics, files.parameters, files.predictions, files.run)
    evaluate_run(files.predictions, files.history, manifest, "test", files.evaluation)
    return run, files


def copies(run: Run, files: RunFiles, folder: Path, count: int) -> dict[str, RunFiles]:
    """Path → record of `count` runs that differ in their seed only."""
    made = {}
    for seed in range(count):
        path = replace(run, seed=seed).path
        made[path] = RunFiles.at(folder / path)
        shutil.copytree(files.run.parent, made[path].run.parent)
        write_document(made[path].run, {**asdict(read_run(files.run)), "run": path, "seed": seed})
    return made


@contextlib.contextmanager
def timed_calls(owner: type) -> Iterator[Calls]:
    """Seconds of every call of the owner's public methods, by name and named arguments."""
    calls: Calls = defaultdict(list)

    def timed(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def call(*arguments: Any, **named: Any) -> Any:
            start = time.perf_counter()
            try:
                return method(*arguments, **named)
            finally:
                detail = f" ({', '.join(named)})" if named else ""
                calls[name + detail].append(time.perf_counter() - start)

        return call

    with contextlib.ExitStack() as stack:
        for name, method in vars(owner).items():
            if callable(method) and not name.startswith("_"):
                stack.enter_context(mock.patch.object(owner, name, timed(name, method)))
        yield calls


def openings(count: int) -> list[dict[str, float]]:
    """Seconds of import and opening in `count` new processes; the first one makes the store."""
    found = []
    for _ in range(count):
        answer = subprocess.run([sys.executable, "-c", OPEN], stdout=subprocess.PIPE, check=True)
        imported, opened = map(float, answer.stdout.split()[-2:])
        found.append({"import": imported, "open": opened})
    return found


def send(
    study: Mapping[str, Any],
    records: Mapping[str, RunFiles],
    manifest: Manifest,
    data: Path | None = None,
) -> tuple[dict[str, str], list[float], Calls]:
    """Send every record; returns path → MLflow run, seconds of each run, seconds of each call.

    With the `data` of the runs each has its network as a model.
    """
    from mlflow import MlflowClient

    from mlplab.tracking import models, send

    plug_ins = (implementations.REGISTRY.sources(), activations.REGISTRY.sources())
    networks = models.Networks(data, *plug_ins) if data else None
    ids, seconds = {}, []
    with timed_calls(MlflowClient) as calls:
        for path, files in records.items():
            start = time.perf_counter()
            (sent,) = send.track_runs(URI, study, [files], manifest, "0" * 64, networks=networks)
            ids[path] = sent["run_id"]
            seconds.append(time.perf_counter() - start)
    return ids, seconds, calls


def measure(data: Path, manifest_file: Path, runs: int) -> dict[str, Any]:
    """All of it in a temporary folder, which becomes the working directory meanwhile."""
    data, manifest_file = data.absolute(), manifest_file.absolute()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        run, files = record(data, manifest_file, Path("trained"))
        records = copies(run, files, Path("runs"), runs)
        opened = openings(1 + OPENINGS)

        from mlplab.tracking import collect
        from mlplab.tracking import study as mlflow_study

        study = mlflow_study.start_study(URI, STUDY)
        store = Path(URI.removeprefix("sqlite:///"))
        manifest = read_manifest(manifest_file)
        bare = mlflow_study.start_study(URI, f"{STUDY} without models")
        _, without, _ = send(bare, records, manifest)
        before = store.stat().st_size
        ids, seconds, calls = send(study, records, manifest, data)
        reading = []
        for _ in range(READINGS):
            start = time.perf_counter()
            collect.read_runs(URI, study, ids)
            reading.append(time.perf_counter() - start)
        size = store.stat().st_size - before
    return {
        "runs": runs,
        "epochs": run.settings["epochs"],
        "import": spread([each["import"] for each in opened]),
        "first_open": spread([opened[0]["open"]]),
        "open": spread([each["open"] for each in opened[1:]]),
        "first_run": spread(without[:1]),
        "run_without_model": spread(without[1:]),
        "run": spread(seconds[1:]),
        # Per run: a method that is called several times for each counts as often.
        "calls": {
            name: {"times": len(found) / runs, "seconds": sum(found) / runs}
            for name, found in calls.items()
        },
        "read": spread(reading),
        "bytes_per_run": size / runs,
    }


def main() -> dict[str, Any]:
    """Send and read back the runs of one study."""
    return measure(data_file("data.safetensors"), data_file("manifest.json"), RUNS)


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.1f}"


def _row(name: str, measured: Mapping[str, Any]) -> list[str]:
    values = (_milliseconds(measured[key]) for key in ("median", "min", "max"))
    return [name, str(measured["n"]), *values]


def page(result: dict[str, Any]) -> str:
    """Costs as a section of Markdown."""
    runs = result["runs"]
    costs = {
        "import of mlplab.tracking, in a new process": result["import"],
        "making a store, in a new process": result["first_open"],
        "opening a store, in a new process": result["open"],
        "sending the first run of a process": result["first_run"],
        "sending a further run, without its model": result["run_without_model"],
        "sending a further run with its model": result["run"],
        f"reading back {runs} runs": result["read"],
    }
    calls = [
        [name, f"{call['times']:.0f}", _milliseconds(call["seconds"])]
        for name, call in result["calls"].items()
    ]
    what = paragraph(
        f"""A fresh SQLite store; {runs} runs of {result["epochs"]} epochs with all their metrics,
        diagnostics and files, sent one after another by one process. The store grows
        by {result["bytes_per_run"] / 1000:.0f} kB per run, artifacts apart."""
    )
    rows = [_row(name, measured) for name, measured in costs.items()]
    return "\n".join(
        [
            "## Tracking in MLflow\n",
            what,
            table(["milliseconds", "n", "median", "least", "greatest"], rows),
            "Of a run's time, by method of MLflow's client, means of all runs:\n",
            table(["method", "calls per run", "ms per run"], calls),
        ]
    )
