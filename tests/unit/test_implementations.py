"""Article items B5 to B8, C1 to C3: the interface and the numbers that each implementation owes."""

import inspect
import math
from itertools import pairwise

import pytest
import torch
from torch.nn import functional

from mlplab import activations, implementations
from mlplab.implementations import scratch
from mlplab.parameters import initial_parameters, layers

Parameters = dict[str, torch.Tensor]

every_implementation = pytest.mark.parametrize("name", implementations.names())
every_activation = pytest.mark.parametrize("activation", activations.names())
one_to_three_hidden_layers = pytest.mark.parametrize("hidden", [(7,), (7, 5), (7, 5, 6)])

HEIGHT, WIDTH, CLASSES = 3, 4, 10
LEARNING_RATE = 0.3


def start(hidden: tuple[int, ...] = (7,), seed: int = 0, weight_std: float = 0.5) -> Parameters:
    sizes = (HEIGHT * WIDTH, *hidden, CLASSES)
    return initial_parameters(sizes, seed, weight_std, "framework", dtype=torch.float64)


def batch(count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    images = torch.rand(count, HEIGHT, WIDTH, generator=random, dtype=torch.float64)
    return images, torch.randint(CLASSES, (count,), generator=random)


def build(
    name: str, parameters: Parameters, activation: str = "relu", rate: float = LEARNING_RATE
) -> implementations.Network:
    return implementations.load(name)(parameters, activations.load(activation), rate)


def copies(parameters: Parameters) -> Parameters:
    return {name: value.clone() for name, value in parameters.items()}


def backpropagated(
    parameters: Parameters, images: torch.Tensor, labels: torch.Tensor, activation: str
) -> tuple[float, Parameters]:
    """The mean loss and its gradient by the chain rule, written out; autograd has no part in it."""
    chosen = activations.load(activation)
    pairs = layers(parameters)
    inputs, before = [images.reshape(len(images), -1)], []
    for weight, bias in pairs:
        before.append(inputs[-1] @ weight + bias)
        inputs.append(chosen.function(before[-1]))
    logits = before[-1]
    probabilities = torch.exp(logits) / torch.exp(logits).sum(dim=1, keepdim=True)
    right = probabilities[torch.arange(len(labels)), labels]
    delta = (probabilities - torch.eye(CLASSES, dtype=logits.dtype)[labels]) / len(labels)
    gradient = {}
    for layer in range(len(pairs), 0, -1):
        gradient[f"W{layer}"] = inputs[layer - 1].T @ delta
        gradient[f"b{layer}"] = delta.sum(dim=0)
        if layer > 1:
            delta = delta @ pairs[layer - 1][0].T * chosen.derivative(before[layer - 2])
    return -right.log().mean().item(), gradient


def autograd_of_mean_loss(
    parameters: Parameters, images: torch.Tensor, labels: torch.Tensor, activation: str
) -> Parameters:
    leaves = {name: value.clone().requires_grad_() for name, value in parameters.items()}
    hidden = images.flatten(1)
    pairs = layers(leaves)
    for weight, bias in pairs[:-1]:
        hidden = activations.load(activation).function(hidden @ weight + bias)
    loss = functional.cross_entropy(hidden @ pairs[-1][0] + pairs[-1][1], labels)
    return dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))


def assert_same(actual: Parameters, expected: Parameters, tolerance: float = 1e-12) -> None:
    assert list(actual) == list(expected)
    for name, value in expected.items():
        torch.testing.assert_close(actual[name], value, atol=tolerance, rtol=0, msg=name)


def test_both_of_the_articles_implementations_are_registered() -> None:
    assert {"concise", "scratch"} <= set(implementations.names())


@every_implementation
def test_interface_is_the_protocols(name: str) -> None:
    network = implementations.load(name)
    assert implementations.source(name).is_file()
    for method in ("__init__", "logits", "train_step", "parameters"):
        expected = list(inspect.signature(getattr(implementations.Network, method)).parameters)
        assert list(inspect.signature(getattr(network, method)).parameters) == expected


@every_implementation
def test_types_and_shapes_are_the_protocols(name: str) -> None:
    network = build(name, start())
    images, labels = batch(5)
    assert network.logits(images).shape == (5, CLASSES)
    assert network.logits(images).dtype == torch.float64
    loss, hits = network.train_step(images, labels)
    assert loss.shape == hits.shape == ()
    assert not loss.requires_grad
    assert not any(value.requires_grad for value in network.parameters().values())


@every_implementation
@one_to_three_hidden_layers
def test_parameters_come_back_as_they_went_in(name: str, hidden: tuple[int, ...]) -> None:
    parameters = start(hidden)
    assert_same(build(name, parameters).parameters(), parameters, tolerance=0)


@every_implementation
def test_first_loss_is_that_of_guessing_where_all_weights_are_zero(name: str) -> None:
    sizes = (HEIGHT * WIDTH, 7, CLASSES)
    zeros = initial_parameters(sizes, seed=0, weight_std=0, dtype=torch.float64)
    images, labels = batch(24)
    loss, hits = build(name, zeros).train_step(images, labels)
    assert loss.item() == pytest.approx(24 * math.log(10), rel=1e-12)
    assert hits == (labels == 0).sum()


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
    parameters = start(hidden)
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
    _, gradient = backpropagated(start(hidden), images, labels, activation)
    expected = autograd_of_mean_loss(start(hidden), images, labels, activation)
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
def test_hits_are_counted_before_the_step(name: str) -> None:
    images, _ = batch(64)
    labels = torch.zeros(64, dtype=torch.int64)
    network = build(name, start(), rate=5.0)
    before = (network.logits(images).argmax(dim=1) == labels).sum()
    _, hits = network.train_step(images, labels)
    after = (network.logits(images).argmax(dim=1) == labels).sum()
    assert hits == before
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
    reference = build("scratch", start(hidden), activation)
    other = build(name, start(hidden), activation)
    for step in range(20):
        images, labels = batch(8 if step % 4 else 3, seed=step)
        loss, hits = reference.train_step(images, labels)
        other_loss, other_hits = other.train_step(images, labels)
        assert other_loss.item() == pytest.approx(loss.item(), abs=1e-11)
        assert other_hits == hits
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


def test_hits_are_counted_for_scores_and_for_class_indices() -> None:
    labels = torch.tensor([2, 0, 1, 1])
    scores = torch.tensor([[0.1, 0.2, 0.7], [0.9, 0.1, 0.0], [0.5, 0.2, 0.3], [0.0, 0.6, 0.4]])
    assert scratch.hits(scores, labels) == 3
    assert scratch.hits(torch.tensor([2, 0, 0, 1]), labels) == 3
    assert scratch.hits(torch.tensor([0, 1, 0, 0]), labels) == 0


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
    network = build("concise", start((7,)))
    modules = [module for module in vars(network).values() if isinstance(module, torch.nn.Module)]
    sequence = next(module for module in modules if isinstance(module, torch.nn.Sequential))
    kinds = [type(module) for module in sequence]
    assert kinds == [torch.nn.Flatten, torch.nn.Linear, torch.nn.ReLU, torch.nn.Linear]
    widths = [12, 7, 10]
    linear = [module for module in sequence if isinstance(module, torch.nn.Linear)]
    sizes = [(module.in_features, module.out_features) for module in linear]
    assert sizes == list(pairwise(widths))
