"""Trained networks in int8: what is kept of them, which are carried, and what is said of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from mlplab import activations
from mlplab.analysis import int8
from mlplab.datasets import store
from mlplab.initializers import initial_parameters
from mlplab.report.live import live
from mlplab.steps.pack_networks import _samples, pack_networks
from mlplab.study.words import run_in_words
from mlplab.training.predictions import write_predictions

SIZES = (64, 6, 5, 10)


def arrays(seed: int = 0, **own: float) -> dict[str, Any]:
    tensors = initial_parameters(SIZES, seed, 0.3, "framework", activation_parameters=own)
    return {name: value.numpy() for name, value in tensors.items()}


def test_a_weight_is_off_by_half_a_step_at_most_and_the_greatest_by_nothing() -> None:
    trained = arrays(alpha=0.25)
    kept = int8.quantised(trained)
    back = int8.restored(kept)
    assert back.keys() == trained.keys()
    for name in ("W1", "W2", "W3"):
        assert kept[name].dtype == np.int8
        step = np.abs(trained[name]).max(axis=0) / 127
        assert (np.abs(back[name] - trained[name]) <= step * (0.5 + 1e-5)).all()
        assert (np.abs(kept[name]).max(axis=0) == 127).all()
    for name in ("b1", "b3", "alpha1"):
        assert (back[name] == trained[name]).all()


def test_a_unit_without_weights_has_none_in_int8() -> None:
    kept = int8.quantised({"W1": np.array([[0.0, 2.0], [0.0, -1.0]], np.float32)})
    assert kept["W1"].tolist() == [[0, 127], [0, -64]]
    assert int8.restored(kept)["W1"][:, 0].tolist() == [0, 0]


def test_scores_are_those_of_the_framework() -> None:
    trained = arrays()
    images = np.random.default_rng(0).integers(0, 17, (7, 8, 8)).astype(np.uint8)
    (some,) = int8.batches(images, 16)
    wide = {name: value.astype(np.float64) for name, value in trained.items()}
    found = int8.logits(wide, some, lambda layer, z: np.tanh(z))
    expected = torch.tensor(some)
    for layer in (1, 2, 3):
        weight, bias = (torch.tensor(wide[f"{name}{layer}"]) for name in "Wb")
        expected = torch.nn.functional.linear(expected, weight.T, bias)
        expected = torch.tanh(expected) if layer < 3 else expected
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-12)


def test_a_table_stands_for_a_smooth_function_and_goes_on_straight() -> None:
    ranges = int8.Ranges(lambda layer, z: np.tanh(layer * z))
    ranges(1, np.array([[-3.0, 2.0]]))
    ranges(2, np.array([[-1.0, 1.0]]))
    read = int8.by_table(ranges.tables())
    z = np.linspace(-4, 3, 101)[None]
    np.testing.assert_allclose(read(1, z), np.tanh(z), atol=2e-6)
    np.testing.assert_allclose(read(2, z / 2), np.tanh(z), atol=2e-6)
    straight = int8.Ranges(lambda layer, z: 2 * z + 1)
    straight(1, np.array([[0.0, 1.0]]))
    beyond = np.array([[-50.0, 50.0]])
    np.testing.assert_allclose(int8.by_table(straight.tables())(1, beyond), 2 * beyond + 1, 1e-3)


def runs_of(rows: list[tuple[str, str, int, float, str, float]]) -> pd.DataFrame:
    names = ["implementation", "activation", "seed", "learning_rate", "status", "test_accuracy"]
    table = pd.DataFrame(rows, columns=names)
    paths = [f"{row[0]}/{row[1]}/seed={row[2]}/learning_rate={row[3]}" for row in rows]
    return table.assign(run=paths, validation_size=0)


def test_the_median_run_at_the_best_settings_stands_for_an_activation() -> None:
    runs = runs_of(
        [
            ("concise", "relu", 0, 0.1, "finished", 0.80),
            ("concise", "relu", 1, 0.1, "finished", 0.70),
            ("concise", "relu", 2, 0.1, "finished", 0.75),
            ("concise", "relu", 3, 0.1, "finished", 0.90),
            # Better, but it did not always finish.
            ("concise", "relu", 0, 0.5, "finished", 0.99),
            ("concise", "relu", 1, 0.5, "diverged", np.nan),
            ("concise", "tanh", 0, 0.1, "finished", 0.60),
            ("concise", "tanh", 0, 0.5, "finished", 0.95),
            ("concise", "mish", 0, 0.1, "failed", np.nan),
            ("scratch", "sigmoid", 0, 0.1, "finished", 0.5),
        ]
    )
    found = int8.typical(runs, ["learning_rate"], "concise", "test_accuracy")
    assert [run["run"] for run in found.values()] == [
        "concise/tanh/seed=0/learning_rate=0.5",
        "concise/relu/seed=2/learning_rate=0.1",
    ]
    assert int8.typical(runs, ["learning_rate"], "", "test_accuracy") == {}


class Packed:
    """Some trained networks as a study has them, packed."""

    def __init__(
        self,
        folder: Path,
        digits: store.Dataset,
        data: Path,
        files: dict[str, Path],
        change: Any = lambda name, parameters: parameters,
        isolation: str = "off",
    ) -> None:
        rows, runs = [], {}
        images = digits.test.images.double().flatten(1) / 16
        for index, name in enumerate(files):
            at = folder / name
            at.mkdir(parents=True)
            own = {"alpha": 0.25} if name == "prelu" else {}
            trained = change(name, arrays(index, **own))
            save_file(trained, at / "parameters.safetensors")
            logits = images.numpy() @ np.ones((64, 10))
            write_predictions(at / "predictions.parquet", logits, digits.test.labels.numpy())
            runs[f"concise/{name}/seed=0/learning_rate=0.1"] = at / "run.json"
            rows.append(("concise", name, 0, 0.1, "finished", 0.9 - 0.1 * index))
        table = runs_of(rows)
        agreed = pd.DataFrame([("concise", "agrees")], columns=["implementation", "verdict"])
        for name, frame in (("runs", table), ("agreement", agreed)):
            frame.to_parquet(folder / f"{name}.parquet")
        self.file = folder / "networks.safetensors"
        outputs = {f"int8_{form}": folder / f"int8.{form}" for form in ("csv", "parquet")}
        pack_networks(
            folder / "runs.parquet", folder / "agreement.parquet", data, runs, [], files,
            "test", isolation, self.file, outputs,
        )  # fmt: skip
        self.table = pd.read_parquet(outputs["int8_parquet"]).set_index("activation")
        with safe_open(self.file, framework="numpy") as opened:
            self.said = json.loads(opened.metadata()["mlplab"])
        self.tensors = load_file(self.file)


@pytest.fixture
def data(digits_folder: Path) -> Path:
    return digits_folder / "data.safetensors"


def own(*names: str) -> dict[str, Path]:
    return {name: activations.source(name) for name in names}


def test_networks_are_packed_with_images_and_what_int8_does_to_them(
    tmp_path: Path, digits: store.Dataset, data: Path
) -> None:
    packed = Packed(tmp_path, digits, data, own("relu", "prelu"))
    assert packed.table["carried"].all() and set(packed.table["function"]) == {"formula"}
    assert packed.tensors["relu/W1"].dtype == np.int8
    assert packed.table["bytes"].to_dict() == {
        name: sum(v.nbytes for key, v in packed.tensors.items() if key.startswith(f"{name}/"))
        for name in ("relu", "prelu")
    }
    kept = {k[5:]: torch.tensor(v) for k, v in packed.tensors.items() if k.startswith("relu/")}
    h = digits.test.images.double().flatten(1) / 16
    for layer in (1, 2, 3):
        weight = kept[f"W{layer}"].double() * kept[f"W{layer}.scale"].double()
        h = h @ weight + kept[f"b{layer}"].double()
        h = h.relu() if layer < 3 else h
    right = (h.argmax(1) == digits.test.labels).double().mean().item()
    assert packed.table.loc["relu", "int8_accuracy"] == right
    places = packed.tensors["places"]
    assert len(places) == 40 and np.bincount(packed.tensors["labels"]).tolist() == [4] * 10
    assert (packed.tensors["images"] == digits.test.images.numpy()[places]).all()
    assert packed.said["networks"][1] == {
        "activation": "prelu",
        "run": "concise/prelu/seed=0/learning_rate=0.1",
        "function": "formula",
        "parameters": ["alpha"],
    }


SWISH = "import torch\n\ndef function(x):\n    return x * torch.sigmoid(2 * x)\n"
ROWS = "import torch\n\ndef function(x):\n    return torch.softmax(x, 1)\n"
BROKEN = "def function(x):\n    return 1 / 0\n"


def test_a_plug_ins_function_is_a_table_or_left_out(
    tmp_path: Path, digits: store.Dataset, data: Path
) -> None:
    files = {}
    for name, text in {"swish": SWISH, "rows": ROWS, "broken": BROKEN}.items():
        files[name] = tmp_path / f"{name}.py"
        files[name].write_text(text)
    packed = Packed(tmp_path / "study", digits, data, own("tanh") | files)
    assert packed.table.loc["swish", "function"] == "table"
    assert {"swish/f1", "swish/f2"} <= packed.tensors.keys()
    assert "as a table it gives" in packed.table.loc["rows", "left_out"]
    assert "ZeroDivisionError" in packed.table.loc["broken", "left_out"]
    assert packed.table["carried"].to_dict() == {
        "tanh": True, "swish": True, "rows": False, "broken": False,
    }  # fmt: skip


def test_what_does_not_fit_or_is_not_finite_is_left_out_and_said(
    tmp_path: Path, digits: store.Dataset, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = int8.size(int8.quantised(arrays()))
    monkeypatch.setattr(int8, "BUDGET", 2 * needed - 1)

    def change(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
        factor = np.float32(np.nan if name == "tanh" else 1)
        return {key: value * factor for key, value in parameters.items()}

    packed = Packed(tmp_path, digits, data, own("tanh", "relu", "sigmoid"), change)
    assert [each["activation"] for each in packed.said["networks"]] == ["relu"]
    assert packed.table["left_out"].to_dict() == {
        "tanh": "its parameters are not finite",
        "relu": "",
        "sigmoid": f"it takes {needed:,} bytes, and of {2 * needed - 1:,} for all networks "
        f"{needed - 1} are left",
    }
    shown = live([packed.file], packed.table.reset_index())
    assert shown.networks == ["relu"] and not shown.lesson
    notes = {row[0].text: row[-1].text for row in shown.table.rows}
    assert notes["tanh"] == "Left out: its parameters are not finite." and not notes["relu"]


def test_a_study_without_a_right_network_has_an_empty_file(
    tmp_path: Path, digits: store.Dataset, data: Path
) -> None:
    table = runs_of([("scratch", "relu", 0, 0.1, "finished", 0.9)])
    table.to_parquet(tmp_path / "runs.parquet")
    agreed = pd.DataFrame([("scratch", "differs")], columns=["implementation", "verdict"])
    agreed.to_parquet(tmp_path / "agreement.parquet")
    outputs = {f"int8_{form}": tmp_path / f"int8.{form}" for form in ("csv", "parquet")}
    pack_networks(
        tmp_path / "runs.parquet", tmp_path / "agreement.parquet", data, {}, [], own("relu"),
        "test", "off", tmp_path / "networks.safetensors", outputs,
    )  # fmt: skip
    found = pd.read_parquet(outputs["int8_parquet"])
    assert found["left_out"].tolist() == [
        "no run of an implementation that agrees finished with it"
    ]
    assert set(load_file(tmp_path / "networks.safetensors")) == {"images", "labels", "places"}
    shown = live([tmp_path / "networks.safetensors"], found)
    assert shown.networks == [] and shown.said == ""


@pytest.mark.slow
def test_a_stranger_s_function_is_sampled_in_a_process_of_its_own(
    tmp_path: Path, digits: store.Dataset, data: Path
) -> None:
    files = {}
    dies = "import os\n\ndef function(x):\n    os._exit(1)\n"
    for name, text in {"dies": dies, "swish": SWISH}.items():
        files[name] = tmp_path / f"{name}.py"
        files[name].write_text(text)
    packed = Packed(tmp_path / "study", digits, data, files, isolation="auto")
    assert packed.table["carried"].to_dict() == {"dies": False, "swish": True}
    assert packed.table.loc["dies", "left_out"]


def test_few_large_images_go_along() -> None:
    images = np.zeros((30, 100, 100), np.uint8)
    labels = np.arange(30) // 10
    found = _samples(images, labels)
    assert found["places"].tolist() == [0, 1, 10, 11, 20, 21]
    assert not len(_samples(np.zeros((3, 300, 300), np.uint8), np.arange(3))["places"])


def test_a_run_is_told_in_words() -> None:
    path = "manual/relu/seed=1/hidden_sizes=64x32/learning_rate=0.5"
    assert run_in_words(path) == "manual, seed 1, hidden sizes 64 × 32, learning rate 0.5"
