"""Keep the study's figures, tables and report in MLflow."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import yaml

from mlplab.files import PathLike, file_digest, read_json, write_json
from mlplab.study import grid
from mlplab.tracking import publish
from mlplab.tracking.entities import summary_metrics
from mlplab.tracking.notes import note
from mlplab.tracking.uri import tracking_uri


def publish_study(
    config: PathLike,
    study: PathLike,
    files: Sequence[PathLike],
    published: PathLike,
    tell: Callable[[str], None] = print,
) -> None:
    """Keep `files` as artifacts of the study's summary run; write to `published` which they are.

    MLflow keeps the folders that the files have within the study, the folder of `published`. The
    tables `findings` and `summary` are among them: the run's note and its metrics.
    """
    resolved = yaml.safe_load(Path(config).read_text(encoding="utf-8"))
    started = read_json(study)
    artifacts: dict[str, list[str]] = {}
    for file in files:
        folder = Path(file).parent.relative_to(Path(published).parent).as_posix()
        artifacts.setdefault("report" if folder == "." else folder, []).append(str(file))
    tables = Path(published).parent / "tables"
    findings = pd.read_parquet(tables / "findings.parquet")
    first = findings[findings["section"] == "Findings"].drop_duplicates("finding")
    summary = pd.read_parquet(tables / "summary.parquet").to_dict("records")
    cells = list(grid.by_cell(grid.runs(resolved)))
    tracking = resolved["tracking"]
    publish.publish_study(
        tracking_uri(tracking["uri"]),
        started,
        resolved,
        artifacts,
        note(started, resolved, first["sentence"].tolist()),
        summary_metrics(cells, summary, grid.scored_split(resolved)),
        tracking["wait_seconds"],
        tell,
    )
    write_json(
        published,
        {
            "experiment_id": started["experiment_id"],
            "run_id": started["study_run_id"],
            "sha256": {str(file): file_digest(file) for file in files},
        },
    )
    print(f"{len(files)} files in MLflow run {started['study_run_id']}")
