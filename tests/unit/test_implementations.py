"""Article items B5 to B8, C1 to C3: the interface and the numbers that each implementation owes."""

import inspect
import math
import shutil
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from mlplab import activations, implementations
from mlplab.implementations import numpy as numpy_implementation
from mlplab.implementations import scratch
from mlplab.implementations._parameters import activation_parameters, layers
from mlplab.initializers import initial_parameters

Parameters = dict[str, torch.Tensor]

every_implementation = pytest.mark.parametrize("name", implementations.names())
every_activation = pytest.mark.parametrize("activation", activations.names())
one_to_three_hidden_layers = pytest.mark.parametrize("hidden", [(7,), (7, 5), (7, 5, 6)])

HEIGHT, WIDTH, CLASSES = 3, 4, 10
LEARNING_RATE = 0.3


def start(
    hidden: tuple[int, ...] = (7,),
    activation: str | Path = "relu",
    dtype: torch.dtype = torch.float64,
) -> Parameters:
    sizes = (HEIGHT * WIDTH, *hidden, CLASSES)
    own = activations.load(activation).parameters
    return initial_parameters(sizes, 0, 0.5, "framework", dtype, own)


def batch(count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    images = torch.rand(count, HEIGHT, WIDTH, generator=random, dtype=torch.float64)
    return images, torch.randint(CLASSES, (count,), generator=random)


def build(
    name: str,
    parameters: Parameters,
    activation: str | Path = "relu",
    rate: float = LEARNING_RATE,
) -> implementations.Network:
    return implementations.load(name)(parameters, activations.load(activation), rate)


def copies(parameters: Parameters) -> Parameters:
    return {name: value.clone() for name, value in parameters.items()}


def backpropagated(
    parameters: Parameters, images: torch.Tensor, labels: torch.Tensor, activation: str | Path
) -> tuple[float, Parameters]:
    """The mean loss and its gradient by the chain rule, written out; autograd has no part in it."""
    chosen = activations.load(activation)
    pairs, own = layers(parameters), activation_parameters(parameters)
    inputs, before = [images.reshape(len(images), -1)], []
    for (weight, bias), alphas in zip(pairs, [*own, ()], strict=True):
        before.append(inputs[-1] @ weight + bias)
        if len(before) < len(pairs):
            inputs.append(chosen.function(before[-1], *alphas))
    logits = before[-1]
    probabilities = torch.exp(logits) / torch.exp(logits).sum(dim=1, keepdim=True)
    right = probabilities[torch.arange(len(labels)), labels]
    delta = (probabilities - torch.eye(CLASSES, dtype=logits.dtype)[labels]) / len(labels)
    gradient = {}
    for layer in range(len(pairs), 0, -1):
        gradient[f"W{layer}"] = inputs[layer - 1].T @ delta
        gradient[f"b{layer}"] = delta.sum(dim=0)
        if layer > 1:
            point = before[layer - 2], *own[layer - 2]
            returned = delta @ pairs[layer - 1][0].T
            slopes = chosen.parameter_derivatives(*point)
            for name, slope in zip(chosen.parameters, slopes, strict=True):
                gradient[f"{name}{layer - 1}"] = (returned * slope).sum().reshape(1)
            delta = returned * chosen.derivative(*point)
    return -right.log().mean().item(), gradient


def autograd_of_mean_loss(
    parameters: Parameters, images: torch.Tensor, labels: torch.Tensor, activation: str
) -> Parameters:
    leaves = {name: value.clone().requires_grad_() for name, value in parameters.items()}
    hidden = images.flatten(1)
    pairs = layers(leaves)
    for (weight, bias), alphas in zip(pairs[:-1], activation_parameters(leaves), strict=True):
        hidden = activations.load(activation).function(hidden @ weight + bias, *alphas)
    loss = functional.cross_entropy(hidden @ pairs[-1][0] + pairs[-1][1], labels)
    return dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))


def assert_same(actual: Parameters, expected: Parameters, tolerance: float = 1e-12) -> None:
    assert list(actual) == list(expected)
    for name, value in expected.items():
        torch.testing.assert_close(actual[name], value, atol=tolerance, rtol=0, msg=name)


def test_both_of_the_articles_implementations_are_registered() -> None:
    assert {"concise", "scratch"} <= set(implementations.names())
    assert {"manual", "numpy"} <= set(implementations.names())


@every_implementation
def test_interface_is_the_protocols(name: str) -> None:
    network = implementations.REGISTRY.load(name).Network
    assert implementations.source(name).is_file()
    for method in ("__init__", "logits", "train_step", "parameters"):
        expected = list(inspect.signature(getattr(implementations.Network, method)).parameters)
        # One that knows plain gradient descent alone says so by the name of its third argument.
        plain = ["learning_rate" if argument == "optimizer" else argument for argument in expected]
        found = list(inspect.signature(getattr(network, method)).parameters)
        assert found == (plain if name == "numpy" else expected)


@every_implementation
def test_types_and_shapes_are_the_protocols(name: str) -> None:
    network = build(name, start())
    images, labels = batch(5)
    assert network.logits(images).shape == (5, CLASSES)
    assert network.logits(images).dtype == torch.float64
    loss, correct = network.train_step(images, labels)
    assert loss.shape == correct.shape == ()
    assert not loss.requires_grad
    assert not any(value.requires_grad for value in network.parameters().values())


@every_implementation
def test_an_implementation_builds_networks_that_are_watched_over(name: str) -> None:
    builder = implementations.load(name)
    assert not isinstance(builder, type)
    network = builder(start(), activations.load("relu"), LEARNING_RATE)
    assert type(network).__name__ == "Guarded"
    assert type(network) is not implementations.REGISTRY.load(name).Network


@every_implementation
@pytest.mark.parametrize("activation", ["relu", "prelu"])
@one_to_three_hidden_layers
def test_parameters_come_back_as_they_went_in(
    name: str, activation: str, hidden: tuple[int, ...]
) -> None:
    parameters = start(hidden, activation)
    came = build(name, parameters, activation).parameters()
    assert_same(came, parameters, tolerance=0)


@every_implementation
@every_activation
def test_in_float32_everything_stays_float32(name: str, activation: str) -> None:
    parameters = start((7, 5), activation, torch.float32)
    network = build(name, parameters, activation)
    images, labels = batch(5)
    for _ in range(2):
        assert network.logits(images.float()).dtype == torch.float32
        loss, correct = network.train_step(images.float(), labels)
        assert loss.dtype == torch.float32
        assert correct.dtype == torch.int64
        assert {value.dtype for value in network.parameters().values()} == {torch.float32}


@every_implementation
def test_first_loss_is_that_of_guessing_where_all_weights_are_zero(name: str) -> None:
    sizes = (HEIGHT * WIDTH, 7, CLASSES)
    zeros = initial_parameters(sizes, 0, 0, "zeros", torch.float64)
    images, labels = batch(24)
    loss, correct = build(name, zeros).train_step(images, labels)
    assert loss.item() == pytest.approx(24 * math.log(10), rel=1e-12)
    assert correct == (labels == 0).sum()


@every_implementation
def test_logits_equal_a_computation_by_hand(name: str) -> None:
    # Pixels 1 and 2; hidden units max(0, 1·1 + 2·2 + 1) = 6 and max(0, 1·3 - 2·4 + 0) = 0.
    parameters = {
        "W1": torch.tensor([[1.0, 3.0], [2.0, -4.0]]),
        "b1": torch.tensor([1.0, 0.0]),
        "W2": torch.tensor([[1.0, -1.0, 0.5], [7.0, 7.0, 7.0]]),
        "b2": torch.tensor([0.0, 10.0, -3.0]),
    }
    logits = build(name, parameters).logits(torch.tensor([[[1.0, 2.0]]]))
    assert logits.tolist() == [[6.0, 4.0, 0.0]]


@every_implementation
@every_activation
@one_to_three_hidden_layers
def test_a_step_is_the_closed_form_gradient_step_also_on_a_smaller_last_batch(
    name: str, activation: str, hidden: tuple[int, ...]
) -> None:
    parameters = start(hidden, activation)
    network = build(name, parameters, activation)
    expected = copies(parameters)
    for count, seed in ((8, 0), (8, 1), (3, 2)):
        images, labels = batch(count, seed)
        mean_loss, gradient = backpropagated(expected, images, labels, activation)
        loss, _ = network.train_step(images, labels)
        expected = {key: value - LEARNING_RATE * gradient[key] for key, value in expected.items()}
        assert loss.item() == pytest.approx(count * mean_loss, rel=1e-12)
        assert_same(network.parameters(), expected)


@every_activation
@one_to_three_hidden_layers
def test_the_closed_form_gradient_equals_autograd(activation: str, hidden: tuple[int, ...]) -> None:
    images, labels = batch(8)
    parameters = start(hidden, activation)
    _, gradient = backpropagated(parameters, images, labels, activation)
    expected = autograd_of_mean_loss(parameters, images, labels, activation)
    assert_same({name: gradient[name] for name in expected}, expected)


@every_implementation
def test_parameters_do_not_alias_those_that_came_in(name: str) -> None:
    parameters = start()
    before = copies(parameters)
    network = build(name, parameters)
    network.train_step(*batch(8))
    assert_same(parameters, before, tolerance=0)
    assert not any(value.requires_grad for value in parameters.values())
    after = network.parameters()
    assert all(not torch.equal(after[key], before[key]) for key in before)
    for value in parameters.values():
        value.fill_(9.0)
    assert_same(network.parameters(), after, tolerance=0)


@every_implementation
def test_correct_predictions_are_counted_before_the_step(name: str) -> None:
    images, _ = batch(64)
    labels = torch.zeros(64, dtype=torch.int64)
    network = build(name, start(), rate=5.0)
    before = (network.logits(images).argmax(dim=1) == labels).sum()
    _, correct = network.train_step(images, labels)
    after = (network.logits(images).argmax(dim=1) == labels).sum()
    assert correct == before
    assert before < after == 64


@every_implementation
def test_gradients_do_not_pile_up_over_steps(name: str) -> None:
    images, labels = batch(8)
    stepped = build(name, start())
    stepped.train_step(images, labels)
    fresh = build(name, copies(stepped.parameters()))
    stepped.train_step(images, labels)
    fresh.train_step(images, labels)
    assert_same(stepped.parameters(), fresh.parameters(), tolerance=0)


@pytest.mark.parametrize("name", [n for n in implementations.names() if n != "scratch"])
@every_activation
@one_to_three_hidden_layers
def test_implementations_agree_over_twenty_steps(
    name: str, activation: str, hidden: tuple[int, ...]
) -> None:
    reference = build("scratch", start(hidden, activation), activation)
    other = build(name, start(hidden, activation), activation)
    for step in range(20):
        images, labels = batch(8 if step % 4 else 3, seed=step)
        loss, correct = reference.train_step(images, labels)
        other_loss, other_correct = other.train_step(images, labels)
        assert other_loss.item() == pytest.approx(loss.item(), abs=1e-11)
        assert other_correct == correct
        assert_same(other.parameters(), reference.parameters())


def test_cross_entropy_is_the_frameworks_for_every_example() -> None:
    random = torch.Generator().manual_seed(0)
    logits = 5 * torch.randn(50, CLASSES, generator=random, dtype=torch.float64)
    labels = torch.randint(CLASSES, (50,), generator=random)
    actual = scratch.cross_entropy(logits, labels)
    assert actual.shape == (50,)
    expected = functional.cross_entropy(logits, labels, reduction="none")
    torch.testing.assert_close(actual, expected, atol=1e-12, rtol=0)


def test_cross_entropy_does_not_overflow() -> None:
    logits = torch.tensor([[1e4, 0.0], [0.0, -1e4]])
    assert scratch.cross_entropy(logits, torch.tensor([1, 0])).tolist() == [1e4, 0.0]


def test_correct_predictions_are_counted_for_scores_and_for_class_indices() -> None:
    labels = torch.tensor([2, 0, 1, 1])
    scores = torch.tensor([[0.1, 0.2, 0.7], [0.9, 0.1, 0.0], [0.5, 0.2, 0.3], [0.0, 0.6, 0.4]])
    assert scratch.correct(scores, labels) == 3
    assert scratch.correct(torch.tensor([2, 0, 0, 1]), labels) == 3
    assert scratch.correct(torch.tensor([0, 1, 0, 0]), labels) == 0


@pytest.mark.parametrize("count", [1, 3, 8])
def test_summed_loss_with_update_and_mean_loss_with_optimiser_give_the_same_step(
    count: int,
) -> None:
    images, labels = batch(count)
    by_hand = build("scratch", start())
    by_hand.train_step(images, labels)

    leaves = {name: value.clone().requires_grad_() for name, value in start().items()}
    optimizer = torch.optim.SGD(list(leaves.values()), lr=LEARNING_RATE)
    hidden = torch.relu(images.flatten(1) @ leaves["W1"] + leaves["b1"])
    loss = functional.cross_entropy(hidden @ leaves["W2"] + leaves["b2"], labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    assert_same(by_hand.parameters(), {name: value.detach() for name, value in leaves.items()})


def test_concise_is_the_articles_sequence_of_modules() -> None:
    concise = implementations.REGISTRY.load("concise").Network
    network = concise(start((7,)), activations.load("relu"), LEARNING_RATE)
    modules = [module for module in vars(network).values() if isinstance(module, torch.nn.Module)]
    sequence = next(module for module in modules if isinstance(module, torch.nn.Sequential))
    kinds = [type(module) for module in sequence]
    assert kinds == [torch.nn.Flatten, torch.nn.Linear, torch.nn.ReLU, torch.nn.Linear]
    widths = [12, 7, 10]
    linear = [module for module in sequence if isinstance(module, torch.nn.Linear)]
    sizes = [(module.in_features, module.out_features) for module in linear]
    assert sizes == list(pairwise(widths))


@pytest.mark.parametrize("count", [1, 8])
def test_prelus_slope_moves_as_a_computation_by_hand_says(count: int) -> None:
    # One pixel of 1, one hidden unit at z = -2: H = α z = -0.5, logits ±H, labels all 0.
    parameters = {
        "W1": torch.tensor([[-2.0]]),
        "b1": torch.tensor([0.0]),
        "alpha1": torch.tensor([0.25]),
        "W2": torch.tensor([[1.0, -1.0]]),
        "b2": torch.tensor([0.0, 0.0]),
    }
    wrong = 1 / (1 + math.exp(-1.0))
    # ∂/∂Z₂ = (-wrong, wrong), so ∂/∂H = -2 wrong and ∂/∂α = z ∂/∂H = 4 wrong.
    doubles = {name: value.double() for name, value in parameters.items()}
    images, labels = torch.ones(count, 1, 1).double(), torch.zeros(count, dtype=torch.int64)
    for name in implementations.names():
        network = build(name, doubles, "prelu", rate=0.1)
        network.train_step(images, labels)
        alpha = network.parameters()["alpha1"]
        assert alpha.item() == pytest.approx(0.25 - 0.1 * 4 * wrong, rel=1e-12)


SWISH = """
import torch

PARAMETERS = {"height": 1.5, "steepness": 0.7}

def function(x, height, steepness):
    return height * x * torch.sigmoid(steepness * x)
"""


@every_implementation
def test_an_activation_of_ones_own_needs_no_derivatives(name: str, tmp_path: Path) -> None:
    path = tmp_path / "swish.py"
    path.write_text(SWISH)
    parameters = start((7, 5), path)
    assert [key for key in parameters if key[0] in "hs"] == [
        "height1",
        "steepness1",
        "height2",
        "steepness2",
    ]
    network = build(name, parameters, path)
    images, labels = batch(8)
    _, gradient = backpropagated(parameters, images, labels, path)
    network.train_step(images, labels)
    expected = {key: value - LEARNING_RATE * gradient[key] for key, value in parameters.items()}
    assert_same(network.parameters(), expected)


def forbid_autograd(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("autograd was used")

    for owner, name in (
        (torch.autograd, "backward"),
        (torch.autograd, "grad"),
        (torch.Tensor, "backward"),
        (torch.func, "jvp"),
        (torch.func, "grad"),
    ):
        monkeypatch.setattr(owner, name, refuse)


@pytest.mark.parametrize("name", ["manual", "numpy"])
@every_activation
def test_the_chain_rule_by_hand_needs_no_autograd(
    name: str, activation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, labels = batch(8)
    expected = build("scratch", start((7, 5), activation), activation)
    expected.train_step(images, labels)
    forbid_autograd(monkeypatch)
    network = build(name, start((7, 5), activation), activation)
    # No graph can be made here.
    with torch.inference_mode():
        network.train_step(images, labels)
    assert_same(network.parameters(), expected.parameters())


@pytest.mark.parametrize("name", ["concise", "scratch"])
def test_autograd_is_missed_where_it_is_used(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = build(name, start())
    forbid_autograd(monkeypatch)
    with pytest.raises(Exception, match="autograd was used"):
        network.train_step(*batch(8))


class Calls(TorchFunctionMode):
    """Names of torch's functions that are called meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        self.names.add(func.__name__)
        return func(*args, **kwargs or {})


def torch_calls(name: str, activation: str) -> set[str]:
    """What an implementation asks of torch from batch to step, without those who watch over it."""
    network = implementations.REGISTRY.load(name).Network(
        start((7, 5), activation), activations.load(activation), LEARNING_RATE
    )
    images, labels = batch(8)
    with Calls() as calls:
        network.logits(images)
        network.train_step(images, labels)
    return calls.names


@every_activation
def test_numpys_network_computes_nothing_with_torch(activation: str) -> None:
    assert torch_calls("numpy", activation) <= {"numpy", "from_numpy", "as_tensor"}


def test_what_torch_computes_would_be_noticed() -> None:
    assert {"addmm", "log_softmax", "gelu"} <= torch_calls("manual", "gelu")
    assert {"addmm"} <= {name.strip("_") for name in torch_calls("manual", "relu")}


def test_numpys_softmax_and_cross_entropy_are_the_frameworks() -> None:
    random = torch.Generator().manual_seed(0)
    logits = 5 * torch.randn(50, CLASSES, generator=random, dtype=torch.float64)
    labels = torch.randint(CLASSES, (50,), generator=random)
    probabilities = numpy_implementation.softmax(logits.numpy())
    torch.testing.assert_close(
        torch.from_numpy(probabilities), logits.softmax(dim=1), atol=1e-15, rtol=1e-12
    )
    losses = numpy_implementation.cross_entropy(logits.numpy(), labels.numpy())
    expected = functional.cross_entropy(logits, labels, reduction="none")
    torch.testing.assert_close(torch.from_numpy(losses), expected, atol=1e-12, rtol=0)


@every_implementation
def test_great_logits_do_not_overflow(name: str) -> None:
    parameters = start()
    parameters["W2"] *= 1e4
    loss, _ = build(name, parameters).train_step(*batch(8))
    assert loss.isfinite()


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("MAX_HIDDEN_LAYERS = 1", 1),
        ("MAX_HIDDEN_LAYERS: int = 2", 2),
        ("MAX_HIDDEN_LAYERS: int", None),
        ("MAX_HIDDEN_LAYERS = None", None),
        ("MAX_HIDDEN_LAYERS = 'one'", None),
        ("import no_such_module", None),
        ("", None),
    ],
)
def test_an_implementation_may_say_how_many_hidden_layers_it_can_do(
    text: str, limit: int | None, tmp_path: Path
) -> None:
    path = tmp_path / "shallow.py"
    path.write_text(text)
    assert implementations.max_hidden_layers(path) == limit


@every_implementation
def test_those_of_the_library_can_do_any_number(name: str) -> None:
    assert implementations.max_hidden_layers(implementations.source(name)) is None


def test_an_implementation_of_ones_own_is_known_and_built_by_its_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    shutil.copyfile(implementations.source("manual"), path)
    assert implementations.names([tmp_path]) == sorted([*implementations.names(), "mine"])
    assert implementations.source("mine", [tmp_path]) == path
    network = implementations.load(path)(start(), activations.load("relu"), LEARNING_RATE)
    expected = build("manual", start())
    for each in (network, expected):
        each.train_step(*batch(8))
    assert_same(network.parameters(), expected.parameters(), tolerance=0)
