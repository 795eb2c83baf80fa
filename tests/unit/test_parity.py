"""Every wrong implementation is told from the reference, at the right quantity; no right one is."""

import math
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from conftest import CORPUS
from mlplab import activations, implementations
from mlplab.datasets.store import Split
from mlplab.judging import check
from mlplab.judging import compare as parity
from mlplab.judging.cases import Problem, problems_of
from mlplab.judging.compare import compare, first_difference
from mlplab.judging.tolerances import Row
from mlplab.judging.values import difference, farthest
from mlplab.plugins import summary

# A check takes a second or more.
pytestmark = pytest.mark.slow

REFERENCE = implementations.source("concise")

# Wrong file → the first quantity that differs, of what, at which step.
EXPECTED: dict[str, tuple[str, str, int]] = {
    "activated_output": ("logits", "", 0),
    "adam": ("gradient", "W2", 1),
    "bias_not_trained": ("gradient", "b2", 1),
    "derivative_at_output": ("gradient", "W1", 1),
    "dropout": ("logits", "", 0),
    "dropout_in_training": ("loss", "", 1),
    "first_batch_size": ("parameters", "W2", 3),
    "fixed_batch_size": ("gradient", "W2", 1),
    "float16": ("logits", "", 0),
    "float32": ("logits", "", 0),
    "gradient_sign": ("gradient", "W2", 1),
    "correct_after_step": ("correct predictions of a smaller batch", "", 1),
    "images_normalised": ("images unchanged", "logits()", 0),
    "images_overwritten": ("images unchanged", "train_step()", 1),
    "initial_parameters": ("gradient", "W2", 1),
    "labels_shifted": ("loss", "", 1),
    "last_layer_only": ("gradient", "W1", 1),
    "learning_rate_ignored": ("gradient", "W2", 1),
    "learning_rate_twice": ("gradient", "W2", 1),
    "loss_after_step": ("loss", "", 1),
    "loss_piles_up": ("loss of all steps", "", 100),
    "mean_loss": ("loss", "", 1),
    "momentum": ("parameters", "W2", 2),
    "no_copies": ("parameters given unchanged", "W2", 1),
    "no_derivative": ("gradient", "W1", 1),
    "no_hidden_bias": ("logits", "", 0),
    "no_output_bias": ("logits", "", 0),
    "no_zero_grad": ("parameters", "W2", 2),
    "not_finite": ("logits", "", 0),
    "not_reset": ("start of a second seed", "W2", 0),
    "derivative_of_next_layer": ("gradient", "W2", 1),
    "shared_by_all": ("apart from a second seed", "W2", 1),
    "small_batch_dropped": ("parameters", "W2", 3),
    "softmax_in_logits": ("logits", "", 0),
    "softmax_twice": ("loss", "", 1),
    "summed_gradient": ("gradient", "W2", 1),
    "updates_too_early": ("gradient", "W1", 1),
    "weight_decay": ("gradient", "W2", 1),
}

# Only a deeper network shows these.
DEEP = {"derivative_of_next_layer"}

# Right, though written in another way than the library's: parts of a class `Network`.
RIGHT = {
    "transposed": """
    def __init__(self, parameters, activation, learning_rate):
        self.stored = {n: v.t().clone().requires_grad_() for n, v in parameters.items()}
        self.f, self.rate = activation.function, learning_rate

    def logits(self, images):
        hidden = images.flatten(1).T
        count = sum(name.startswith("W") for name in self.stored)
        for layer in range(1, count + 1):
            weight, bias = self.stored[f"W{layer}"], self.stored[f"b{layer}"]
            hidden = weight @ hidden + bias[:, None]
            if layer < count:
                own = [self.stored[f"alpha{layer}"]] if f"alpha{layer}" in self.stored else []
                hidden = self.f(hidden, *own)
        return hidden.T

    def train_step(self, images, labels):
        logits = self.logits(images)
        loss = cross_entropy(logits, labels, reduction="sum")
        gradients = torch.autograd.grad(loss / len(labels), list(self.stored.values()))
        for value, gradient in zip(self.stored.values(), gradients):
            value.data -= self.rate * gradient
        return loss.detach(), (logits.argmax(1) == labels).sum()

    def parameters(self):
        return {name: value.detach().t() for name, value in self.stored.items()}
""",
    **{
        path.stem: path.read_text(encoding="utf-8").partition("class Network:\n")[2]
        for path in CORPUS.right
        if path.stem in ("always_double", "learns_alphas", "one_by_one")
    },
}

IMPORTS = """
import torch
from torch.nn.functional import cross_entropy

"""


def split(count: int = 70, side: int = 4) -> Split:
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 240, (count, side, side), generator=random, dtype=torch.uint8)
    return Split(images, torch.randint(4, (count,), generator=random), pixel_max=255)


def problem(*hidden: int) -> Problem:
    return Problem(split(), hidden or (7,), classes=4, batch_size=20, weight_std=0.3)


PROBLEMS = [problem(7), problem(7, 7, 7)]


@cache
def rows_of_wrong(file: Path) -> list[Row]:
    problems = PROBLEMS if file.stem in DEEP else PROBLEMS[:1]
    chosen = "sigmoid" if file.stem == "derivative_at_output" else "relu"
    return list(compare(file, REFERENCE, activations.load(chosen), problems))


def compared(source: Path, activation: str = "relu", *problems: Problem) -> list[Row]:
    chosen = problems or PROBLEMS
    return list(compare(source, REFERENCE, activations.load(activation), chosen))


def written(folder: Path, body: str, name: str = "written") -> Path:
    path = folder / f"{name}.py"
    path.write_text(f"{IMPORTS}\nclass Network:\n{body}", encoding="utf-8")
    return path


def assert_agrees(rows: list[Row]) -> None:
    assert rows
    assert first_difference(rows) is None
    assert max(row.difference for row in rows if row.dtype == "float64") < 1e-12


def test_every_wrong_file_is_expected_and_says_what_is_wrong(
    wrong: Callable[[str], Path],
) -> None:
    assert set(EXPECTED) <= set(CORPUS.wrong)
    assert all(summary(wrong(name)).endswith(".") for name in CORPUS.wrong)


@pytest.mark.parametrize("activation", activations.names())
@pytest.mark.parametrize("base", ["autograd", "by_hand"])
def test_what_the_wrong_files_are_made_from_is_right(base: str, activation: str) -> None:
    (source,) = (path for path in CORPUS.right if path.stem == base)
    assert_agrees(compared(source, activation))


def test_a_test_that_fails_shows_the_wrong_file(
    wrong: Callable[[str], Path], request: pytest.FixtureRequest
) -> None:
    source = wrong("adam").read_text(encoding="utf-8")
    outcome = pytest.CallInfo.from_call(pytest.fail, "call")
    shown = pytest.TestReport.from_item_and_call(request.node, outcome).sections
    assert ("Captured adam.py call", source) in shown
    assert "torch.optim.Adam" in source


@pytest.mark.parametrize("name", EXPECTED)
def test_a_wrong_implementation_is_flagged_where_it_is_wrong(
    wrong: Callable[[str], Path], name: str
) -> None:
    row = first_difference(rows_of_wrong(wrong(name)))
    assert row is not None
    assert (row.quantity, row.of, row.step) == EXPECTED[name]
    assert row.verdict == "differs"
    assert row.mistake == CORPUS.wrong[name].cause
    assert row.detail
    assert not row.difference <= row.tolerance


@pytest.mark.parametrize("name", EXPECTED)
def test_a_wrong_file_is_wrong_in_one_way_only(wrong: Callable[[str], Path], name: str) -> None:
    rows = rows_of_wrong(wrong(name))
    first = rows.index(first_difference(rows))
    assert all(row.verdict == "agrees" for row in rows[:first])
    # The first network of all is kept here, and the one in float32 does not fit to it.
    assert name == "not_reset" or all(row.verdict != "fails" for row in rows)


def test_a_mistake_between_layers_shows_in_the_deep_network_alone(
    wrong: Callable[[str], Path],
) -> None:
    rows = rows_of_wrong(wrong("derivative_of_next_layer"))
    assert {row.network for row in rows if row.verdict != "agrees"} == {"16-7-7-7-4"}


@pytest.mark.parametrize("activation", activations.names())
@pytest.mark.parametrize("name", implementations.names())
def test_every_shipped_implementation_agrees(name: str, activation: str) -> None:
    assert_agrees(compared(implementations.source(name), activation))


@pytest.mark.parametrize("name", implementations.names())
def test_any_shipped_implementation_can_be_the_reference(
    wrong: Callable[[str], Path], name: str
) -> None:
    reference = implementations.source(name)
    rows = list(compare(REFERENCE, reference, activations.load("relu"), PROBLEMS[:1]))
    assert first_difference(rows) is None
    summed = wrong("summed_gradient")
    rows = list(compare(summed, reference, activations.load("relu"), PROBLEMS[:1]))
    row = first_difference(rows)
    assert row is not None and row.quantity == "gradient"


@pytest.mark.parametrize(
    ("name", "activation"),
    [
        *((name, activation) for name in RIGHT for activation in ("relu", "sigmoid")),
        ("transposed", "prelu"),
        ("learns_alphas", "prelu"),
    ],
)
def test_a_right_implementation_is_right_however_it_is_written(
    tmp_path: Path, name: str, activation: str
) -> None:
    assert_agrees(compared(written(tmp_path, RIGHT[name]), activation))


def test_settings_with_which_training_is_chaotic_flag_no_right_implementation() -> None:
    settings = {"hidden_sizes": [32], "batch_size": 16, "learning_rate": 10.0, "weight_std": 5.0}
    for problem_ in problems_of(split(), 4, settings):
        assert_agrees(compared(implementations.source("numpy"), "relu", problem_))


def test_max_hidden_layers_is_respected(tmp_path: Path) -> None:
    body = """
    def __init__(self, parameters, activation, learning_rate):
        assert len(parameters) == 4
        self.network = build(parameters, activation, learning_rate)

    def logits(self, images):
        return self.network.logits(images)

    def train_step(self, images, labels):
        return self.network.train_step(images, labels)

    def parameters(self):
        return self.network.parameters()
"""
    imported = "\nfrom mlplab.implementations.manual import Network as build\n"
    shallow, unlimited = (written(tmp_path, body, name) for name in ("shallow", "unlimited"))
    for path, limit in ((shallow, "MAX_HIDDEN_LAYERS = 1\n"), (unlimited, "")):
        path.write_text(imported + limit + path.read_text())
    rows = compared(shallow)
    assert_agrees(rows)
    assert {row.network for row in rows} == {"16-7-4"}
    assert_agrees(compared(shallow, "relu", problem(7, 7)))
    last = compared(unlimited)[-1]
    assert (last.verdict, last.network) == ("fails", "16-7-7-7-4")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("    pass", "lacks the method logits(images)"),
        ("    def", "SyntaxError"),
        (
            RIGHT["one_by_one"]
            .replace("torch.stack([", "([")
            .replace("for image in images])", "])"),
            "",
        ),
        (RIGHT["one_by_one"].replace("return loss, correct + 0", "return loss"), "must return"),
    ],
)
def test_a_broken_file_fails_in_the_last_row(tmp_path: Path, body: str, words: str) -> None:
    path = written(tmp_path, body)
    rows = compared(path)
    assert rows[-1].verdict == "fails"
    assert rows[-1].quantity == "interface"
    assert str(path) in rows[-1].detail
    assert words in rows[-1].detail
    assert all(row.verdict == "agrees" for row in rows[:-1])


def test_all_quantities_are_requirements_of_the_check_in_the_same_order() -> None:
    quantities = list(dict.fromkeys(row.quantity for row in compared(REFERENCE)))
    assert [*quantities, "interface"] == list(check.REQUIREMENTS)


def test_gradients_are_compared_from_the_output_back() -> None:
    rows = compared(REFERENCE, "prelu", problem(7, 7))
    names = [row.of for row in rows if row.quantity == "gradient"]
    assert names == ["W3", "b3", "W2", "b2", "alpha2", "W1", "b1", "alpha1"]


def test_biases_are_not_zero_at_the_start_and_a_second_seed_is_another_start() -> None:
    start = problem().start(activations.load("prelu"), torch.float64)
    other = problem().start(activations.load("prelu"), torch.float64, seed=1)
    assert list(start) == ["W1", "b1", "alpha1", "W2", "b2"]
    for name in ("W1", "b1", "W2", "b2"):
        assert start[name].abs().min() > 0
        assert not torch.equal(start[name], other[name])
    in_float32 = problem().start(activations.load("relu"), torch.float32)
    assert all(torch.equal(in_float32[name].double(), start[name]) for name in in_float32)


def test_batches_are_whole_twice_then_smaller_and_of_all_examples() -> None:
    batches = list(problem().batches(20))
    sizes = [len(labels) for _, labels in batches]
    assert sizes == [20, 20, *[6] * 7, 20, *[6] * 9, 20]
    assert all(images.dtype == torch.float64 for images, _ in batches)
    assert all(images.min() >= 0 and images.max() < 1 for images, _ in batches)
    assert not torch.equal(batches[0][0], batches[1][0])
    again = list(problem().batches(20))
    assert all(torch.equal(one, other) for (one, _), (other, _) in zip(batches, again, strict=True))


def test_a_tiny_split_still_has_a_smaller_batch() -> None:
    tiny = Problem(split(count=4), (3,), 4, batch_size=256)
    assert [len(labels) for _, labels in tiny.batches(3)] == [2, 2, 1]
    great = Problem(split(count=600), (3,), 4, batch_size=256)
    assert [len(labels) for _, labels in great.batches(3)] == [256, 256, 32]
    assert_agrees(compared(implementations.source("scratch"), "relu", tiny))


def test_difference_is_relative_to_the_greatest_value_expected() -> None:
    expected = torch.tensor([0.5, -4.0])
    assert difference(expected.clone(), expected) == 0
    assert difference(torch.tensor([0.6, -4.0]), expected) == pytest.approx(0.1 / 4, rel=1e-5)
    assert difference(torch.tensor([0.5, 4.0]), expected) == 2
    assert difference(torch.tensor([0.0, 0.25]), torch.zeros(2)) == 0.25
    assert math.isnan(difference(torch.tensor([math.nan, -4.0]), expected))
    assert difference(torch.tensor([math.inf, -4.0]), expected) == math.inf


def test_the_values_farthest_apart_are_told() -> None:
    expected = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert farthest(expected + torch.tensor([[0.0, 0.0], [-5.0, 1.0]]), expected) == (
        "found -2 at [1, 0], expected 3"
    )
    assert farthest(torch.tensor(1.5), torch.tensor(2.5)) == "found 1.5, expected 2.5"
    # As many digits as it takes to see the difference.
    near = torch.tensor(1 + 1e-9, dtype=torch.float64)
    assert farthest(near, torch.tensor(1.0)) == "found 1.000000001, expected 1"
    infinite = torch.tensor([1.0, math.inf])
    assert farthest(infinite, torch.tensor([9.0, 2.0])) == "found inf at [1], expected 2"


def test_a_loss_of_nan_differs_as_not_finite(tmp_path: Path) -> None:
    body = RIGHT["always_double"].replace(
        "loss.detach() * len(labels)", "loss.detach() * torch.nan"
    )
    row = first_difference(compared(written(tmp_path, body)))
    assert row is not None
    assert (row.quantity, row.verdict, row.mistake) == ("loss", "differs", "not-finite")
    assert math.isnan(row.difference)


SETTINGS: Mapping[str, Any] = {
    "hidden_sizes": [7],
    "batch_size": 16,
    "learning_rate": 0.1,
    "weight_std": 0.3,
}


def study_rows(source: Path, *names: str) -> list[dict[str, Any]]:
    files = [activations.source(name) for name in names]
    return list(parity.study_rows(source, REFERENCE, files, split(), 4, SETTINGS))


def test_study_rows_are_plain_values() -> None:
    rows = study_rows(implementations.source("manual"), "relu", "tanh")
    assert [row["activation"] for row in rows] == sorted(row["activation"] for row in rows)
    assert {row["activation"] for row in rows} == {"relu", "tanh"}
    assert {row["network"] for row in rows} == {"16-7-4", "16-16-16-16-4"}
    for row in rows:
        assert (row["implementation"], row["reference"]) == ("manual", "concise")
        assert row["verdict"] == "agrees"
        assert all(type(value) in (str, int, float) for value in row.values())


def test_study_rows_have_none_for_what_is_not_finite(wrong: Callable[[str], Path]) -> None:
    rows = study_rows(wrong("not_finite"), "relu")
    first = next(row for row in rows if row["verdict"] != "agrees")
    assert first["difference"] is None
    assert first["mistake"] == "not-finite"
    for row in rows:
        assert row["difference"] is None or math.isfinite(row["difference"])


def test_a_broken_activation_is_a_row_and_the_next_is_compared(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("def function(x):\n    return x[0]\n")
    files = [broken, activations.source("relu")]
    source = implementations.source("scratch")
    rows = list(parity.study_rows(source, REFERENCE, files, split(), 4, SETTINGS))
    failed = [row for row in rows if row["activation"] == "broken"][-1]
    assert (failed["verdict"], failed["difference"]) == ("fails", None)
    assert f"{broken}:1" in failed["detail"]
    assert {row["verdict"] for row in rows if row["activation"] == "relu"} == {"agrees"}


def test_first_difference_is_the_first_row_that_does_not_agree(
    wrong: Callable[[str], Path],
) -> None:
    rows = rows_of_wrong(wrong("mean_loss"))
    assert first_difference(rows) is next(row for row in rows if row.verdict == "differs")
    assert first_difference(compared(REFERENCE)) is None
    assert first_difference([]) is None
