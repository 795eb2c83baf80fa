"""Create the MLflow store and the study's experiment."""

from mlplab.files import PathLike, write_json
from mlplab.tracking import study as mlflow_study
from mlplab.tracking.uri import tracking_uri


def start_study(name: str, uri: str | None, scored_on: str, study: PathLike) -> None:
    """Write to `study` (JSON) where MLflow holds the study called `name`.

    `scored_on` is the split that its runs are scored on.
    """
    started = mlflow_study.start_study(tracking_uri(uri), name, scored_on)
    write_json(study, started)
    print(f"experiment {started['experiment_id']} in {started['tracking_uri']}")
