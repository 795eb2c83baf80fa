"""The model that MLflow keeps of a run: its network, which loads and serves without this library.

Code, parameters as safetensors, a signature and an example; nothing is pickled. MLflow's own
`save_model` would write the same after it has loaded, tried and searched the model for what it
needs: seconds for each run of a study.
"""

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import pyarrow.parquet
import yaml
from mlflow import MlflowClient
from mlflow.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus
from mlflow.models import Model, ModelSignature
from mlflow.types import ParamSchema, ParamSpec, Schema, TensorSpec
from numpy.typing import NDArray
from safetensors import safe_open

from mlplab.files import write_text
from mlplab.study.code import LIBRARY, closure
from mlplab.study.documents import Manifest
from mlplab.study.record import RunFiles, RunRecord

NAME = "network"
CODE = Path(__file__).with_name("network_model.py")
# What a model's code imports, and the activations' files.
PACKAGES = ("mlflow", "numpy", "safetensors", "scipy", "torch")
# Images that an implementation of a user's is tried on, and how far logits may be apart, as a share
# of the greatest: float32 products are rounded in an order of their own.
TRIED, TOLERANCE = 32, 1e-4


@dataclass(frozen=True)
class Networks:
    """What models are made of beside a run's record: images, and files of plug-ins by name."""

    data: Path
    implementations: Mapping[str, Path]
    activations: Mapping[str, Path]


def networks_of(config: Mapping[str, Any], files: Mapping[str, Any]) -> Networks | None:
    """What a study's models are made of, from plain paths; None where the config wants none."""
    if not config["tracking"]["models"]:
        return None
    plug_ins = ("implementations", "activations")
    paths = ({name: Path(path) for name, path in files[kind].items()} for kind in plug_ins)
    return Networks(Path(files["data"]), *paths)


def obstacle(record: RunRecord, files: RunFiles, manifest: Manifest, networks: Networks) -> str:
    """Why there can be no model of a run, "" where there can."""
    if record.run.status != "finished":
        return f"the run {record.run.status}"
    activation = networks.activations[record.run.activation]
    others = closure([activation]) - {activation.resolve()}
    if others:
        names = ", ".join(sorted(path.name for path in others))
        return f"its activation imports {names}, which a model does not hold"
    implementation = networks.implementations[record.run.implementation]
    if implementation.resolve().parent == LIBRARY / "implementations":
        return ""
    if activation.resolve().parent != LIBRARY / "activations":
        # To try the model is to run the activation's file here, outside of its isolation.
        return "neither its implementation nor its activation is the library's"
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), record, files, manifest, networks)
        found = mlflow.pyfunc.load_model(folder).predict(_images(record, networks.data, TRIED))
    expected = _logits(files, TRIED)
    if np.abs(found - expected).max() <= TOLERANCE * np.abs(expected).max():
        return ""
    return "its implementation does not compute the plain network of its parameters"


def _images(record: RunRecord, data: Path, count: int) -> NDArray[Any]:
    """The first images of the split that the run was scored on."""
    with safe_open(data, framework="np") as file:
        if record.run.scored_on == "test":
            return file.get_slice("test_images")[:count]
        images = file.get_slice("training_images")
        first = images.get_shape()[0] - record.run.settings["validation_size"]
        return images[first : first + count]


def _logits(files: RunFiles, count: int) -> NDArray[np.float32]:
    """What the run's network said of the same images."""
    column = pyarrow.parquet.read_table(files.predictions, columns=["logits"])["logits"]
    return np.array(column.slice(0, count).to_pylist(), dtype=np.float32)


def write(
    folder: Path,
    record: RunRecord,
    files: RunFiles,
    manifest: Manifest,
    networks: Networks,
    run_id: str | None = None,
    model_id: str | None = None,
) -> None:
    """Write a run's model to a folder that is there."""
    shutil.copyfile(CODE, folder / "model.py")
    shutil.copyfile(networks.activations[record.run.activation], folder / "activation.py")
    shutil.copyfile(files.parameters, folder / "parameters.safetensors")
    pins = "".join(f"{package}=={version(package)}\n" for package in PACKAGES)
    write_text(folder / "requirements.txt", pins)
    environment = {"python": record.run.machine.python, "dependencies": ["-r requirements.txt"]}
    write_text(folder / "python_env.yaml", yaml.safe_dump(environment))
    example = _images(record, networks.data, 1).tolist()
    write_text(folder / "input_example.json", json.dumps(example))
    write_text(folder / "serving_input_example.json", json.dumps({"inputs": example}))
    model = Model(
        signature=_signature(manifest),
        saved_input_example_info={
            "artifact_path": "input_example.json",
            "serving_input_path": "serving_input_example.json",
            "type": "ndarray",
        },
        metadata={"run": record.run.run, "data": manifest.name},
        model_size_bytes=sum(file.stat().st_size for file in folder.iterdir()),
        run_id=run_id,
        model_id=model_id,
        model_uuid=model_id,
    )
    mlflow.pyfunc.add_to_model(
        model,
        loader_module="mlflow.pyfunc.loaders.code_model",
        model_code_path="model.py",
        python_env="python_env.yaml",
        artifacts={
            "activation": {"path": "activation.py"},
            "parameters": {"path": "parameters.safetensors"},
        },
        model_config={
            "class_names": list(manifest.class_names),
            "pixel_max": manifest.pixel_max,
        },
    )
    model.save(folder / "MLmodel")


def _signature(manifest: Manifest) -> ModelSignature:
    pixels = np.dtype("uint8" if manifest.pixel_max > 1 else "float32")
    shape = manifest.counts["test"].shape
    return ModelSignature(
        inputs=Schema([TensorSpec(pixels, (-1, *shape))]),
        outputs=Schema([TensorSpec(np.dtype("float32"), (-1, len(manifest.class_names)))]),
        params=ParamSchema([ParamSpec("output", "string", "logits")]),
    )


def of_run(client: MlflowClient, experiment_id: str, run_id: str) -> list[LoggedModel]:
    """The models of a run; finished ones first, then by their ids."""
    found = client.search_logged_models([experiment_id], f"source_run_id = '{run_id}'")
    return sorted(found, key=lambda m: (m.status != LoggedModelStatus.READY, m.model_id))


def create(client: MlflowClient, experiment_id: str, run_id: str) -> str:
    """The id of the run's one model, which is created where there is none.

    It is looked for once more after that: another sender may have created one as well.
    """
    found = of_run(client, experiment_id, run_id)
    if not found:
        client.create_logged_model(experiment_id, NAME, source_run_id=run_id, model_type=NAME)
        found = of_run(client, experiment_id, run_id)
    for model in found[1:]:
        client.delete_logged_model(model.model_id)
    return str(found[0].model_id)


def fill(
    client: MlflowClient,
    run_id: str,
    model_id: str,
    record: RunRecord,
    files: RunFiles,
    manifest: Manifest,
    networks: Networks,
) -> None:
    """Send what a run's model is, or send it again, and say that it is ready."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), record, files, manifest, networks, run_id, model_id)
        client.log_model_artifacts(model_id, folder)
    outputs = client.get_run(run_id).outputs
    if model_id not in [model.model_id for model in (outputs.model_outputs if outputs else ())]:
        client.log_outputs(run_id, [LoggedModelOutput(model_id, len(record.history))])
    client.finalize_logged_model(model_id, LoggedModelStatus.READY)
