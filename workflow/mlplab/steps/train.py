"""Train one run."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlplab.datasets import store
from mlplab.files import PathLike
from mlplab.study.grid import Run
from mlplab.study.live import shown
from mlplab.training.run import Job, train_run

if TYPE_CHECKING:
    from mlplab.tracking.live import Live


def train(
    run: Mapping[str, Any],
    implementation: PathLike,
    activation: PathLike,
    data: PathLike,
    threads: int,
    scored_on: str,
    device: str,
    checkpoint_epochs: int,
    isolation: str,
    outputs: Mapping[str, PathLike],
    live: Mapping[str, Any] | None = None,
) -> None:
    """Train a run of the grid, given as plain values, and write the files of its record.

    Where it is to be tracked meanwhile, `live` has the `uri` and the file `study` that says where.
    """
    job = Job(
        run=Run(**run),
        implementation=Path(implementation),
        activation=Path(activation),
        data=Path(data),
        threads=threads,
        scored_on=scored_on,
        device=device,
        checkpoint_epochs=checkpoint_epochs,
        isolation=isolation,
    )
    record = Path(outputs["run"])
    observer = _observer(job, live) if live else None
    with shown(record.parent, job.run.settings["epochs"]) as show:
        train_run(
            job,
            history=Path(outputs["history"]),
            diagnostics=Path(outputs["diagnostics"]),
            parameters=Path(outputs["parameters"]),
            predictions=Path(outputs["predictions"]),
            record=record,
            observers=[show, *([observer] if observer else [])],
        )
    if observer:
        observer.close()


def _observer(job: Job, live: Mapping[str, Any]) -> "Live":
    # MLflow takes seconds and memory, which other training does without.
    from mlplab.tracking.live import Live

    return Live(job.run, store.load(job.data).name, live["uri"], Path(live["study"]))
