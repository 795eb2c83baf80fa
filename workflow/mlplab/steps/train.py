"""Train one run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlplab.files import PathLike
from mlplab.study import live
from mlplab.study.grid import Run
from mlplab.training.run import Job, train_run


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
) -> None:
    """Train a run of the grid, given as plain values, and write the files of its record."""
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
    with live.shown(record.parent, job.run.settings["epochs"]) as show:
        train_run(
            job,
            history=Path(outputs["history"]),
            diagnostics=Path(outputs["diagnostics"]),
            parameters=Path(outputs["parameters"]),
            predictions=Path(outputs["predictions"]),
            record=record,
            observers=[show],
        )
