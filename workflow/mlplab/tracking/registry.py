"""The registry of models: the network that a study selected, under the study's name."""

from collections.abc import Mapping
from typing import Any

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from mlplab.tracking import models

ALIAS = "champion"


def register(
    client: MlflowClient, study: Mapping[str, Any], run_id: str, card: str
) -> dict[str, str] | None:
    """Make the model of a run the study's champion, with a card; a model is registered once.

    Returns its name and version; None where the run has no model.
    """
    name, found = study["study"], models.of_run(client, study["experiment_id"], run_id)
    if not found:
        return None
    model_id, place = found[0].model_id, found[0].artifact_location
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    same = [
        version
        for version in client.search_model_versions(f"name = '{name}'")
        if version.source == place
    ]
    kept = (
        min(same, key=lambda version: int(version.version))
        if same
        else client.create_model_version(name, place, run_id, model_id=model_id)
    )
    client.update_model_version(name, kept.version, card)
    client.update_registered_model(name, card)
    client.set_registered_model_alias(name, ALIAS, kept.version)
    return {"name": name, "version": str(kept.version)}
