"""Keep the study's figures, tables and report in MLflow."""

from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from mlplab.files import PathLike, file_digest, read_json, write_json
from mlplab.tracking import study as mlflow_study
from mlplab.tracking.store import tracking_uri


def publish_study(
    config: PathLike,
    study: PathLike,
    files: Sequence[PathLike],
    published: PathLike,
    tell: Callable[[str], None] = print,
) -> None:
    """Keep `files` as artifacts of the study's summary run; write to `published` which they are.

    MLflow keeps the folders that the files have within the study, the folder of `published`.
    """
    resolved = yaml.safe_load(Path(config).read_text(encoding="utf-8"))
    started = read_json(study)
    artifacts: dict[str, list[str]] = {}
    for file in files:
        folder = Path(file).parent.relative_to(Path(published).parent).as_posix()
        artifacts.setdefault("report" if folder == "." else folder, []).append(str(file))
    tracking = resolved["tracking"]
    mlflow_study.publish_study(
        tracking_uri(tracking["uri"]), started, resolved, artifacts, tracking["wait_seconds"], tell
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
