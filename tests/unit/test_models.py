"""The model that MLflow keeps of a run: what it computes, what it holds, and that there is one."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import pyarrow.parquet
import pytest
import yaml
from mlflow import MlflowClient
from mlflow.entities import LoggedModelStatus
from mlflow.models import Model
from test_tracking import Killed, Store

from mlplab import activations, implementations
from mlplab.analysis.scores import evaluate_run
from mlplab.datasets import store as data_store
from mlplab.study.documents import Manifest, read_manifest
from mlplab.study.grid import Run
from mlplab.study.record import RunFiles
from mlplab.tracking import models, registry, send
from mlplab.tracking.models import Networks
from mlplab.training.run import Job, train_run
from services.loopback import free_port, wait_for

pytestmark = pytest.mark.slow

SETTINGS = {
    "hidden_sizes": [16, 8],
    "weight_std": 0.2,
    "bias_init": "zeros",
    "epochs": 2,
    "batch_size": 32,
    "learning_rate": 0.1,
    "validation_size": 100,
}


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with contextlib.chdir(tmp_path_factory.mktemp("mlflow")):
        uri = f"sqlite:///{Path.cwd()}/mlflow.db"
        mlflow.set_tracking_uri(uri)
        yield uri


@pytest.fixture
def store(uri: str, request: pytest.FixtureRequest) -> Store:
    return Store(uri, request.node.name)


def train(
    folder: Path,
    digits: Path,
    activation: Path,
    implementation: Path,
    scored_on: str = "test",
    **settings: Any,
) -> RunFiles:
    """The record of a small run on the digits."""
    folder.mkdir(parents=True)
    run = Run(implementation.stem, activation.stem, 0, {**SETTINGS, **settings})
    job = Job(run, implementation, activation, digits / "data.safetensors", 1, scored_on)
    files = RunFiles.at(folder)
    train_run(job, files.history, files.diagnostics, files.parameters, files.predictions, files.run)
    evaluate_run(
        files.predictions, files.history, digits / "manifest.json", scored_on, files.evaluation
    )
    return files


class Kept:
    """A run that was sent with its network."""

    def __init__(
        self, store: Store, digits: Path, files: RunFiles, activation: Path, implementation: Path
    ) -> None:
        self.store, self.files = store, files
        self.manifest: Manifest = read_manifest(digits / "manifest.json")
        self.networks = Networks(
            digits / "data.safetensors",
            {implementation.stem: implementation},
            {activation.stem: activation},
        )

    def send(self) -> str:
        (sent,) = send.track_runs(
            self.store.uri,
            self.store.study,
            [self.files],
            self.manifest,
            "digest",
            networks=self.networks,
        )
        return sent["run_id"]

    def models(self) -> list[Any]:
        """All that MLflow has of the study, deleted ones left out."""
        return list(self.store.client.search_logged_models([self.store.study["experiment_id"]]))

    def tags(self) -> dict[str, str]:
        (run,) = self.store.runs()
        return dict(run.data.tags)


@pytest.fixture
def kept(store: Store, digits_folder: Path, tmp_path: Path) -> Kept:
    relu, scratch = activations.source("relu"), implementations.source("scratch")
    files = train(tmp_path / "run", digits_folder, relu, scratch)
    return Kept(store, digits_folder, files, relu, scratch)


def logits(files: RunFiles) -> np.ndarray:
    """What the run recorded of every scored image."""
    return np.array(pyarrow.parquet.read_table(files.predictions)["logits"].to_pylist(), np.float32)


@pytest.mark.parametrize(
    ("activation", "implementation", "scored_on"),
    [
        ("relu", "scratch", "test"),
        ("prelu", "concise", "test"),
        ("gelu", "manual", "validation"),
        ("sigmoid", "numpy", "test"),
    ],
)
def test_a_model_says_what_its_run_recorded(
    store: Store,
    digits_folder: Path,
    tmp_path: Path,
    activation: str,
    implementation: str,
    scored_on: str,
) -> None:
    chosen = activations.source(activation), implementations.source(implementation)
    files = train(tmp_path / "run", digits_folder, *chosen, scored_on)
    run_id = Kept(store, digits_folder, files, *chosen).send()
    model = mlflow.pyfunc.load_model(f"runs:/{run_id}/network")
    digits = data_store.load(digits_folder / "data.safetensors")
    images = data_store.scored_split(digits, scored_on, SETTINGS["validation_size"]).images.numpy()
    found = model.predict(images)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, logits(files), rtol=1e-4, atol=1e-4)
    assert not np.allclose(found, 0)

    probabilities = model.predict(images, params={"output": "probabilities"})
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    names = model.predict(images, params={"output": "classes"})
    assert names.tolist() == [digits.class_names[index] for index in found.argmax(axis=1)]


def test_a_model_holds_no_pickle_and_no_path_of_this_machine(kept: Kept, tmp_path: Path) -> None:
    run_id = kept.send()
    (found,) = kept.models()
    assert (found.name, found.status) == ("network", LoggedModelStatus.READY)
    assert found.source_run_id == run_id
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{found.model_id}"))
    # MLflow's own note of what it has downloaded.
    names = {path.name for path in folder.iterdir()} - {"registered_model_meta"}
    assert names == {
        "MLmodel",
        "activation.py",
        "input_example.json",
        "model.py",
        "parameters.safetensors",
        "python_env.yaml",
        "requirements.txt",
        "serving_input_example.json",
    }
    text = (folder / "MLmodel").read_text()
    assert str(Path.cwd()) not in text and str(tmp_path) not in text
    assert "mlplab" not in (folder / "requirements.txt").read_text()
    assert yaml.safe_load(text)["flavors"]["python_function"]["model_code_path"] == "model.py"
    loaded = Model.load(folder)
    assert loaded.model_id == found.model_id and loaded.run_id == run_id
    assert loaded.signature.inputs.inputs[0].shape == (-1, 8, 8)
    assert loaded.signature.outputs.inputs[0].shape == (-1, 10)
    example = loaded.load_input_example(str(folder))
    said = mlflow.pyfunc.load_model(str(folder)).predict(example)
    np.testing.assert_allclose(said, logits(kept.files)[:1], rtol=1e-4, atol=1e-4)
    serving = json.loads((folder / "serving_input_example.json").read_text())
    assert np.shape(serving["inputs"]) == (1, 8, 8)


def test_a_run_with_a_model_leads_to_it_and_keeps_no_second_copy(kept: Kept) -> None:
    run_id = kept.send()
    (model,) = kept.models()
    client = kept.store.client
    (output,) = client.get_run(run_id).outputs.model_outputs
    assert output.model_id == model.model_id
    artifacts = {artifact.path for artifact in client.list_artifacts(run_id)}
    assert artifacts == {path.name for path in kept.files.all()} - {"parameters.safetensors"}
    metrics = {
        metric.key: metric.value for metric in client.get_logged_model(model.model_id).metrics
    }
    accuracy = client.get_run(run_id).data.metrics["test_accuracy"]
    assert metrics["test_accuracy"] == accuracy
    assert "no_model" not in kept.tags()


CALLS = [
    "create_logged_model",
    "log_batch",
    "log_artifact",
    "log_model_artifacts",
    "log_outputs",
    "finalize_logged_model",
    "set_terminated",
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("fatal_call", CALLS)
def test_a_model_that_was_left_half_sent_is_completed_and_there_once(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, fatal_call: str, after: bool
) -> None:
    send_it = getattr(MlflowClient, fatal_call)

    def die(*arguments: Any, **named: Any) -> None:
        if after:
            send_it(*arguments, **named)
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(MlflowClient, fatal_call, die)
        kept.send()
    run_id = kept.send()
    assert [run.info.run_id for run in kept.store.runs()] == [run_id]
    (model,) = kept.models()
    assert model.status == LoggedModelStatus.READY
    run = kept.store.client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert [output.model_id for output in run.outputs.model_outputs] == [model.model_id]
    assert (
        len(
            mlflow.pyfunc.load_model(f"runs:/{run_id}/network").predict(
                np.zeros((1, 8, 8), np.uint8)
            )
        )
        == 1
    )
    assert kept.send() == run_id and len(kept.models()) == 1


def test_two_senders_make_one_model(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    create = MlflowClient.create_logged_model

    def twice(*arguments: Any, **named: Any) -> None:
        for _ in range(2):
            create(*arguments, **named)

    monkeypatch.setattr(MlflowClient, "create_logged_model", twice)
    run_id = kept.send()
    (model,) = kept.models()
    (output,) = kept.store.client.get_run(run_id).outputs.model_outputs
    assert output.model_id == model.model_id


def test_another_training_takes_the_models_place_as_well(
    kept: Kept, digits_folder: Path, tmp_path: Path
) -> None:
    kept.send()
    (first,) = kept.models()
    relu, scratch = activations.source("relu"), implementations.source("scratch")
    kept.files = train(tmp_path / "other", digits_folder, relu, scratch, learning_rate=0.2)
    run_id = kept.send()
    (second,) = kept.models()
    assert second.model_id != first.model_id and second.source_run_id == run_id


def test_a_run_that_failed_has_none_and_says_so(
    kept: Kept, digits_folder: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("def function(x):\n    raise ValueError('no')\n")
    scratch = implementations.source("scratch")
    files = train(tmp_path / "failed", digits_folder, broken, scratch)
    failed = Kept(kept.store, digits_folder, files, broken, scratch)
    failed.send()
    assert failed.models() == []
    assert failed.tags()["no_model"] == "the run failed"


def test_an_activation_of_ones_own_goes_with_the_model_where_it_stands_alone(
    store: Store, digits_folder: Path, tmp_path: Path
) -> None:
    own, scratch = tmp_path / "mine.py", implementations.source("scratch")
    own.write_text("def function(x):\n    return x.clamp(min=0) * 0.5\n")
    files = train(tmp_path / "run", digits_folder, own, scratch)
    run_id = Kept(store, digits_folder, files, own, scratch).send()
    own.unlink()
    images = data_store.load(digits_folder / "data.safetensors").test.images.numpy()
    found = mlflow.pyfunc.load_model(f"runs:/{run_id}/network").predict(images)
    np.testing.assert_allclose(found, logits(files), rtol=1e-4, atol=1e-4)


def test_an_activation_that_needs_more_files_has_no_model(
    store: Store, digits_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "helper_of_mine.py").write_text("FACTOR = 0.5\n")
    own, scratch = tmp_path / "mine.py", implementations.source("scratch")
    own.write_text("def function(x):\n    return x.clamp(min=0)\n")
    files = train(tmp_path / "run", digits_folder, own, scratch)
    own.write_text(f"from helper_of_mine import FACTOR\n\n\n{own.read_text()}")
    kept = Kept(store, digits_folder, files, own, scratch)
    kept.send()
    assert kept.models() == []
    assert "imports helper_of_mine.py" in kept.tags()["no_model"]


OTHER = """
from mlplab.implementations.scratch import Network as Plain


class Network(Plain):
    def logits(self, images):
        return {factor} * super().logits(images)
"""


@pytest.mark.parametrize(("factor", "has_one"), [("1", True), ("2", False)])
def test_an_implementation_of_ones_own_has_a_model_where_it_computes_the_plain_network(
    store: Store, digits_folder: Path, tmp_path: Path, factor: str, has_one: bool
) -> None:
    own, relu = tmp_path / "mine.py", activations.source("relu")
    own.write_text(OTHER.format(factor=factor))
    files = train(tmp_path / "run", digits_folder, relu, own)
    kept = Kept(store, digits_folder, files, relu, own)
    kept.send()
    assert len(kept.models()) == has_one
    assert ("plain network" in kept.tags().get("no_model", "")) != has_one


def test_a_strangers_activation_is_not_run_to_try_a_strangers_network(
    store: Store, digits_folder: Path, tmp_path: Path
) -> None:
    own, relu = tmp_path / "mine.py", tmp_path / "relu.py"
    own.write_text(OTHER.format(factor="1"))
    ran = tmp_path / "ran"
    files = train(tmp_path / "run", digits_folder, activations.source("relu"), own)
    relu.write_text(f"open({str(ran)!r}, 'w').close()\n" + activations.source("relu").read_text())
    kept = Kept(store, digits_folder, files, relu, own)
    kept.send()
    assert not kept.models() and not ran.exists()
    assert "nor its activation is the library's" in kept.tags()["no_model"]


def test_without_networks_there_is_no_model(kept: Kept) -> None:
    kept.networks = None  # type: ignore[assignment]
    run_id = kept.send()
    assert kept.models() == []
    artifacts = {artifact.path for artifact in kept.store.client.list_artifacts(run_id)}
    assert artifacts == {path.name for path in kept.files.all()}


def test_whether_there_are_models_is_the_configs_choice(tmp_path: Path) -> None:
    files = {"data": "d", "implementations": {"a": "a.py"}, "activations": {"b": "b.py"}}
    assert models.networks_of({"tracking": {"models": False}}, files) is None
    networks = models.networks_of({"tracking": {"models": True}}, files)
    assert networks == Networks(Path("d"), {"a": Path("a.py")}, {"b": Path("b.py")})


def versions(store: Store) -> list[tuple[str, list[str]]]:
    """Number and aliases of what is registered under the study's name."""
    name = store.study["study"]
    found = store.client.search_model_versions(f"name = '{name}'")
    numbers = sorted(str(each.version) for each in found)
    aliases = store.client.get_registered_model(name).aliases if found else {}
    return [
        (number, [alias for alias, of in aliases.items() if str(of) == number])
        for number in numbers
    ]


@pytest.mark.parametrize(
    "fatal_call",
    [None, "create_model_version", "update_model_version", "set_registered_model_alias"],
)
def test_a_champion_is_registered_once_with_its_card(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, fatal_call: str | None
) -> None:
    store, run_id = kept.store, kept.send()

    def register() -> None:
        registry.register(store.client, store.study, run_id, "the card")

    if fatal_call:
        send_it = getattr(MlflowClient, fatal_call)

        def die(*arguments: Any, **named: Any) -> None:
            send_it(*arguments, **named)
            raise Killed

        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(MlflowClient, fatal_call, die)
            register()
    for _ in range(2):
        register()
    assert versions(store) == [("1", ["champion"])]
    name = store.study["study"]
    version = store.client.get_model_version_by_alias(name, "champion")
    assert version.description == "the card" and version.run_id == run_id
    images = np.zeros((3, 8, 8), np.uint8)
    assert mlflow.pyfunc.load_model(f"models:/{name}@champion").predict(images).shape == (3, 10)


def test_another_champion_is_another_version(
    kept: Kept, digits_folder: Path, tmp_path: Path
) -> None:
    store = kept.store
    registry.register(store.client, store.study, kept.send(), "first")
    relu, scratch = activations.source("relu"), implementations.source("scratch")
    kept.files = train(tmp_path / "other", digits_folder, relu, scratch, learning_rate=0.2)
    registry.register(store.client, store.study, kept.send(), "second")
    assert versions(store) == [("1", []), ("2", ["champion"])]


def test_a_champion_without_a_model_is_not_registered(kept: Kept) -> None:
    kept.networks = None  # type: ignore[assignment]
    run_id = kept.send()
    assert registry.register(kept.store.client, kept.store.study, run_id, "") is None
    assert versions(kept.store) == []


@pytest.mark.services
def test_mlflow_serves_a_model(kept: Kept, tmp_path: Path, digits: data_store.Dataset) -> None:
    kept.send()
    (model,) = kept.models()
    port = free_port()
    # MLflow starts uvicorn by its name.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = ["models", "serve", "--model-uri", f"models:/{model.model_id}", "--port", str(port)]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *command, "--env-manager", "local"],
            env={**os.environ, "MLFLOW_TRACKING_URI": kept.store.uri, "PATH": path},
            # Without the library: the model stands for itself.
            cwd=tmp_path,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(lambda: answers(f"{address}/ping"), 120, (tmp_path / "log").read_text())
        images = digits.test.images[:5].tolist()
        said = ask(f"{address}/invocations", {"inputs": images})
        np.testing.assert_allclose(said, logits(kept.files)[:5], rtol=1e-4, atol=1e-4)
        names = ask(f"{address}/invocations", {"inputs": images, "params": {"output": "classes"}})
        assert names == [digits.class_names[index] for index in np.argmax(said, axis=1)]
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def ask(address: str, question: dict[str, Any]) -> Any:
    """What a served model predicts."""
    request = urllib.request.Request(
        address, json.dumps(question).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["predictions"]
