"""Where runs are tracked; imports nothing of MLflow."""

import os
from collections.abc import Mapping

DEFAULT_URI = "sqlite:///results/mlflow/mlflow.db"
URI_VARIABLE = "MLFLOW_TRACKING_URI"


def tracking_uri(configured: str | None, environment: Mapping[str, str] = os.environ) -> str:
    """Where runs are tracked: the configured URI, else the environment's, else local SQLite."""
    return configured or environment.get(URI_VARIABLE) or DEFAULT_URI
