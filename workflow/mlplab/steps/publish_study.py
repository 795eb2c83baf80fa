"""Keep the study's figures, tables and report in MLflow."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mlplab.analysis.selection import champion as champion_of
from mlplab.analysis.tables import read
from mlplab.files import PathLike, file_digest, read_json, write_json
from mlplab.study import grid
from mlplab.study.documents import Manifest, read_config, read_manifest
from mlplab.tracking import publish
from mlplab.tracking.entities import summary_metrics
from mlplab.tracking.notes import card, note
from mlplab.tracking.uri import tracking_uri


def publish_study(
    config: PathLike,
    study: PathLike,
    files: Sequence[PathLike],
    manifest: PathLike,
    selection: PathLike | None,
    published: PathLike,
    tell: Callable[[str], None] = print,
) -> None:
    """Keep `files` as artifacts of the study's summary run; write to `published` which they are.

    MLflow keeps the folders that the files have within the study, the folder of `published`. The
    tables `findings`, `summary` and `runs` are among them: the run's note and its metrics. With a
    `selection` the network that won is registered.
    """
    resolved = read_config(config)
    started = read_json(study)
    artifacts: dict[str, list[str]] = {}
    for file in files:
        folder = Path(file).parent.relative_to(Path(published).parent).as_posix()
        artifacts.setdefault("report" if folder == "." else folder, []).append(str(file))
    tables = Path(published).parent / "tables"
    findings = read(tables / "findings.parquet")
    first = findings[findings["section"] == "Findings"].drop_duplicates("finding")
    summary = read(tables / "summary.parquet").to_dict("records")
    cells = list(grid.by_cell(grid.runs(resolved)))
    champion = None
    if selection:
        runs = read(tables / "runs.parquet")
        champion = _champion(resolved, read_manifest(manifest), read_json(selection), runs)
    tracking = resolved["tracking"]
    registered = publish.publish_study(
        tracking_uri(tracking["uri"]),
        started,
        resolved,
        artifacts,
        note(started, resolved, first["sentence"].tolist()),
        summary_metrics(cells, summary, grid.scored_split(resolved)),
        tracking["wait_seconds"],
        tell,
        champion,
    )
    write_json(
        published,
        {
            "experiment_id": started["experiment_id"],
            "run_id": started["study_run_id"],
            "registered": registered,
            "sha256": {str(file): file_digest(file) for file in files},
        },
    )
    print(f"{len(files)} files in MLflow run {started['study_run_id']}")


def _champion(
    config: Mapping[str, Any], manifest: Manifest, selected: Mapping[str, Any], runs: pd.DataFrame
) -> publish.Champion:
    """The run that won, with its card."""
    images = manifest.counts["test"].images
    chosen, interval = champion_of(selected, runs, images)
    text = card(config, manifest, selected, chosen, (interval.low, interval.high))
    return publish.Champion(chosen["mlflow_run_id"], text)
