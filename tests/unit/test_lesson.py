"""The network that the page trains: the study's own start, and mistakes that the check names."""

import json
import re
from pathlib import Path

import pytest
import torch
import yaml
from safetensors import safe_open
from safetensors.torch import load_file

from conftest import REPOSITORY, initial_parameters
from mlplab import activations
from mlplab.datasets import store
from mlplab.datasets.order import epoch_order
from mlplab.judging import lesson
from mlplab.judging.check import problems
from mlplab.judging.mistakes.catalogue import CATALOGUE
from mlplab.judging.mistakes.diagnosis import cause_of
from mlplab.judging.mistakes.network import Network
from mlplab.judging.values import Parameters
from mlplab.steps.pack_lesson import pack_lesson
from mlplab.study.formulas import FORMULAS

SCRIPTS = REPOSITORY / "workflow/mlplab/report/page/scripts"


def test_its_settings_are_those_of_the_digits_study() -> None:
    config = yaml.safe_load((REPOSITORY / "config/digits.yaml").read_text(encoding="utf-8"))
    assert config["network"] == {
        "hidden_sizes": list(lesson.HIDDEN_SIZES),
        "weight_std": lesson.WEIGHT_STD,
    }
    training = config["training"]
    assert training["batch_size"] == lesson.BATCH_SIZE
    assert training["learning_rate"] == lesson.LEARNING_RATE
    assert training["epochs"] >= lesson.EPOCHS


def test_it_starts_as_a_run_of_the_study_does(tmp_path: Path, digits: store.Dataset) -> None:
    file = tmp_path / "lesson.safetensors"
    mine = tmp_path / "mine.py"
    files = {name: activations.source(name) for name in ("tanh", "prelu")} | {"mine": mine}
    pack_lesson(files, 3, 1, file)
    tensors = load_file(file)
    with safe_open(file, framework="numpy") as opened:
        said = json.loads(opened.metadata()["mlplab"])
    assert said["activations"] == ["tanh", "prelu"]
    for split in ("training", "test"):
        assert torch.equal(tensors[f"{split}_images"], getattr(digits, split).images)
        assert torch.equal(tensors[f"{split}_labels"].long(), getattr(digits, split).labels)
    for epoch, order in enumerate(tensors["order"], start=1):
        assert torch.equal(order.long(), epoch_order(1437, 3, epoch))
    start = initial_parameters((64, 64, 10), 3, 0.1, "zeros", activation_parameters={"alpha": 0.25})
    for name, value in start.items():
        assert torch.equal(tensors[f"prelu/{name}"], value)
    assert tensors["tanh/losses"].dtype == torch.float64 and len(tensors["tanh/losses"]) == 450
    assert tensors["prelu/correct"][-1] > 0.8 * 360


def test_without_a_formula_of_the_study_it_learns_with_relu(tmp_path: Path) -> None:
    file = tmp_path / "lesson.safetensors"
    pack_lesson({"relu": tmp_path / "relu.py"}, 0, 1, file)
    with safe_open(file, framework="numpy") as opened:
        assert json.loads(opened.metadata()["mlplab"])["activations"] == ["relu"]


def test_the_framework_s_network_is_what_the_catalogue_s_right_one_is() -> None:
    data = lesson.digits()
    tanh, orders = activations.load("tanh"), lesson.order(1, data)[:1]
    start = lesson.start(1, tanh, data)
    found = lesson.trained(Network(start, tanh, lesson.LEARNING_RATE), data, orders)
    tensors, _ = lesson.lesson(1, ["tanh"])
    torch.testing.assert_close(found["losses"], tensors["tanh/losses"][:45], rtol=1e-12, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in lesson.MISTAKES if n != "softmax-overflows"])
def test_the_check_names_each_mistake_as_the_page_does(name: str) -> None:
    settings = lesson.MISTAKES[name]
    network = CATALOGUE[name].variants[0].network

    def build(parameters: Parameters, activation: activations.Activation, rate: object) -> Network:
        return network(parameters, activation, getattr(rate, "learning_rate", rate), **settings)

    (told,) = [each for each in lesson.told() if each.name == name]
    quantity = "loss" if CATALOGUE[name].kind in ("loss", "forward") else "gradient"
    tanh = activations.load("tanh")
    found = cause_of(quantity, 1, build, tanh, problems()[0])  # type: ignore[arg-type]
    assert found is not None and found.sentence == told.sentence


def test_the_scripts_know_every_formula_and_every_mistake() -> None:
    functions = (SCRIPTS / "live-functions.js").read_text(encoding="utf-8")
    shown = functions.partition("  return {\n    erf,")[2]
    assert set(re.findall(r"^    (\w+): ", shown, re.M)) == set(FORMULAS)
    assert set(FORMULAS) <= set(activations.names())
    mistakes = (SCRIPTS / "live-mistakes.js").read_text(encoding="utf-8")
    assert set(re.findall(r'^    "([\w-]+)": \(', mistakes, re.M)) == set(lesson.MISTAKES)
    assert len(lesson.MISTAKES) >= 6
