"""Create the MLflow store and the study's experiment."""

from mlplab.files import PathLike, write_json
from mlplab.tracking import study as mlflow_study
from mlplab.tracking.store import tracking_uri


def start_study(name: str, uri: str | None, study: PathLike) -> None:
    """Write to `study` (JSON) where MLflow holds the study called `name`."""
    started = mlflow_study.start_study(tracking_uri(uri), name)
    write_json(study, started)
    print(f"experiment {started['experiment_id']} in {started['tracking_uri']}")
