"""Send the records of a cell's runs to MLflow."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlplab.files import PathLike, read_json, value_digest, write_json
from mlplab.study.documents import read_manifest
from mlplab.study.record import NAMES, RunFiles, beside
from mlplab.tracking.models import networks_of
from mlplab.tracking.send import track_runs
from mlplab.tracking.uri import tracking_uri


def track(
    config: Mapping[str, Any],
    study: PathLike,
    manifest: PathLike,
    evaluations: Sequence[PathLike],
    tracked: Sequence[PathLike],
    networks: Mapping[str, Any],
    tell: Callable[[str], None] = print,
) -> None:
    """Write to each file of `tracked` (JSON) where MLflow holds the run of this evaluation.

    `networks` has what models are made of: `data`, files of `implementations` and `activations`.
    """
    runs = RunFiles.each(beside(evaluations, *NAMES))
    for files in runs:
        files.check()
    sent = track_runs(
        tracking_uri(config["tracking"]["uri"]),
        read_json(study),
        runs,
        read_manifest(manifest),
        value_digest(config),
        tell,
        networks_of(config, networks),
    )
    for file, run in zip(tracked, sent, strict=True):
        write_json(file, run)
        print(f"{file}: {'deferred' if 'deferred' in run else run['run_id']}")
