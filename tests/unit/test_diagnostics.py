"""Gradients, dead units and saturation (A8), against computations that share no code with them."""

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from conftest import initial_parameters
from mlplab import activations, implementations
from mlplab.activations import Activation
from mlplab.datasets.batches import Batches
from mlplab.datasets.store import Split
from mlplab.training.diagnostics import BINS, PROBE_IMAGES, Diagnosis, Probe

Array = NDArray[np.float64]
Parameters = dict[str, torch.Tensor]

every_activation = pytest.mark.parametrize("name", activations.names())
every_implementation = pytest.mark.parametrize("implementation", implementations.names())

SIZES = (6, 5, 4, 3)


def split(count: int = 20, pixel_max: int = 255, seed: int = 0) -> Split:
    random = torch.Generator().manual_seed(seed)
    pixels = torch.randint(pixel_max + 1, (count, 2, 3), generator=random).to(torch.uint8)
    return Split(pixels, torch.randint(3, (count,), generator=random), pixel_max)


def parameters_of(activation: Activation, sizes: tuple[int, ...] = SIZES) -> Parameters:
    """Parameters in float64 with biases that are not zero."""
    return initial_parameters(
        sizes, 1, 0.8, "framework", torch.float64, activation_parameters=activation.parameters
    )


def diagnose(
    parameters: Parameters, activation: Activation, images: Split, batch_size: int = 256
) -> dict[str, float]:
    """Quantity and what it is of → value, each once."""
    dtype = next(iter(parameters.values())).dtype
    found = Probe(images, batch_size, activation, dtype).diagnose(3, parameters)
    assert {row.epoch for row in found} == {3}
    named = {f"{row.quantity}/{row.of}": row.value for row in found}
    assert len(named) == len(found)
    return named


def mean_loss(parameters: dict[str, Array], activation: Activation, images: Split) -> float:
    """The mean cross-entropy, in NumPy from end to end."""
    hidden = images.images.numpy().reshape(len(images), -1) / images.pixel_max
    depth = sum(name.startswith("W") for name in parameters)
    for layer in range(1, depth):
        alphas = [parameters[f"{name}{layer}"] for name in activation.parameters]
        before = hidden @ parameters[f"W{layer}"] + parameters[f"b{layer}"]
        hidden = activation.numpy_function(before, *alphas)
    logits = hidden @ parameters[f"W{depth}"] + parameters[f"b{depth}"]
    chosen = logits[np.arange(len(images)), images.labels.numpy()]
    return float((np.log(np.exp(logits).sum(axis=1)) - chosen).mean())


def difference_norms(
    parameters: Parameters, activation: Activation, images: Split
) -> dict[str, float]:
    """Norms of the gradient by central differences."""
    arrays = {name: value.numpy().copy() for name, value in parameters.items()}
    norms, step = {}, 1e-6
    for name, array in arrays.items():
        slopes = []
        for index in np.ndindex(array.shape):
            value, losses = array[index], []
            for shifted in (value + step, value - step):
                array[index] = shifted
                losses.append(mean_loss(arrays, activation, images))
            array[index] = value
            slopes.append((losses[0] - losses[1]) / (2 * step))
        norms[name] = math.hypot(*slopes)
    return norms


@every_activation
def test_gradient_norms_are_those_of_finite_differences(name: str) -> None:
    activation, images = activations.load(name), split()
    parameters = parameters_of(activation)
    found = diagnose(parameters, activation, images)
    expected = difference_norms(parameters, activation, images)
    assert all(norm > 1e-4 for norm in expected.values())
    for parameter, norm in expected.items():
        assert found[f"gradient_norm/{parameter}"] == pytest.approx(norm, rel=1e-5)
    assert sum(key.startswith("gradient_norm") for key in found) == len(parameters)


@pytest.mark.parametrize("pixel_max", [16, 255])
def test_gradient_norms_are_those_of_the_chain_rule_by_hand(pixel_max: int) -> None:
    images, activation = split(pixel_max=pixel_max), activations.load("tanh")
    parameters = parameters_of(activation, (6, 5, 3))
    w1, b1, w2, b2 = (value.numpy() for value in parameters.values())
    x = images.images.numpy().reshape(20, 6) / pixel_max
    h = np.tanh(x @ w1 + b1)
    z = h @ w2 + b2
    error = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    error[np.arange(20), images.labels.numpy()] -= 1
    error /= 20
    below = error @ w2.T * (1 - h**2)
    expected = {"W1": x.T @ below, "b1": below.sum(0), "W2": h.T @ error, "b2": error.sum(0)}
    found = diagnose(parameters, activation, images)
    for name, gradient in expected.items():
        norm = np.sqrt((gradient**2).sum())
        assert found[f"gradient_norm/{name}"] == pytest.approx(norm, rel=1e-12)


@every_activation
def test_every_parameter_and_every_hidden_layer_is_diagnosed_in_order(name: str) -> None:
    activation = activations.load(name)
    parameters = parameters_of(activation)
    found = Probe(split(), 256, activation, torch.float64).diagnose(7, parameters)
    assert all(isinstance(row, Diagnosis) and row.epoch == 7 for row in found)
    assert all(type(row.value) is float for row in found)
    norms = [("gradient_norm", parameter) for parameter in parameters]
    shares = [(q, of) for of in ("H1", "H2") for q in ("dead", "saturated", "activation_std")]
    weights = [("weight_norm", name) for name in parameters if name.startswith("W")]
    assert [(row.quantity, row.of) for row in found] == norms + weights + shares
    assert all(0 <= row.value <= 1 for row in found if row.quantity in ("dead", "saturated"))


@every_activation
def test_the_spread_of_a_layer_is_over_all_its_values(name: str) -> None:
    activation, images = activations.load(name), split()
    parameters = parameters_of(activation)
    hidden = images.images.numpy().reshape(20, 6) / 255
    found = diagnose(parameters, activation, images)
    for layer in (1, 2):
        alphas = [parameters[f"{alpha}{layer}"].numpy() for alpha in activation.parameters]
        before = hidden @ parameters[f"W{layer}"].numpy() + parameters[f"b{layer}"].numpy()
        hidden = activation.numpy_function(before, *alphas)
        assert found[f"activation_std/H{layer}"] == pytest.approx(hidden.std(ddof=1), rel=1e-9)


def test_norms_of_weights_are_numpys() -> None:
    activation = activations.load("prelu")
    parameters = parameters_of(activation)
    found = diagnose(parameters, activation, split())
    for layer in (1, 2, 3):
        norm = math.sqrt((parameters[f"W{layer}"].numpy() ** 2).sum())
        assert found[f"weight_norm/W{layer}"] == pytest.approx(norm, rel=1e-12)


@every_activation
def test_histograms_are_numpys(name: str) -> None:
    activation, images = activations.load(name), split()
    parameters = parameters_of(activation)
    rows = Probe(images, 256, activation, torch.float64).values(5, parameters)
    assert {row.epoch for row in rows} == {5}
    found = {(row.quantity, row.of): row.value for row in rows}
    hidden = images.images.numpy().reshape(20, 6) / 255
    for layer in (1, 2):
        alphas = [parameters[f"{alpha}{layer}"].numpy() for alpha in activation.parameters]
        before = hidden @ parameters[f"W{layer}"].numpy() + parameters[f"b{layer}"].numpy()
        hidden = activation.numpy_function(before, *alphas)
        low, high = found["value_low", f"H{layer}"], found["value_high", f"H{layer}"]
        assert (low, high) == pytest.approx((hidden.min(), hidden.max()), rel=1e-9)
        counts = [found["value_count", f"H{layer}/{n}"] for n in range(BINS)]
        assert sum(counts) == hidden.size
        expected, _ = np.histogram(hidden.clip(low, high), BINS, (low, high))
        # A value at an edge may fall to either side.
        assert np.abs(np.cumsum(counts) - np.cumsum(expected)).max() <= 1
    assert len(rows) == 2 * (BINS + 2)


def test_values_that_are_all_alike_and_not_finite() -> None:
    zeros = initial_parameters(SIZES, 0, weight_std=0, dtype=torch.float64)
    probe = Probe(split(), 256, activations.load("relu"), torch.float64)
    rows = {(row.quantity, row.of): row.value for row in probe.values(0, zeros)}
    assert (rows["value_low", "H1"], rows["value_high", "H1"]) == (-1, 1)
    assert sum(value == 100 for value in rows.values()) == 1
    broken = {**zeros, "W2": torch.full_like(zeros["W2"], math.nan)}
    assert {row.of.split("/")[0] for row in probe.values(0, broken)} == {"H1"}


def ramp(count: int = 11) -> Split:
    """Images of one pixel, from black to white in equal steps."""
    pixels = torch.arange(count).to(torch.uint8).reshape(-1, 1, 1)
    return Split(pixels, torch.arange(count) % 2, count - 1)


def by_hand(*layers: tuple[list[list[float]], list[float]]) -> Parameters:
    """Parameters from the weights and biases of each layer."""
    parameters = {}
    for number, (weight, bias) in enumerate(layers, start=1):
        parameters[f"W{number}"] = torch.tensor(weight, dtype=torch.float64)
        parameters[f"b{number}"] = torch.tensor(bias, dtype=torch.float64)
    return parameters


@pytest.mark.parametrize(("units", "dead"), [(8, 0), (8, 1), (8, 3), (8, 8), (1, 1), (3, 2)])
def test_units_that_are_off_for_every_image_are_dead(units: int, dead: int) -> None:
    biases = [-1.0] * dead + [1.0] * (units - dead)
    parameters = by_hand(([[0.5] * units], biases), ([[1.0, -1.0]] * units, [0.0, 0.0]))
    found = diagnose(parameters, activations.load("relu"), ramp())
    assert found["dead/H1"] == dead / units


def test_a_unit_that_one_image_wakes_is_not_dead() -> None:
    # Of 11 images only white, 1.0, gets the first unit above zero; the second needs more.
    parameters = by_hand(([[1.0, 1.0]], [-0.95, -1.0]), ([[1.0, -1.0]] * 2, [0.0, 0.0]))
    found = diagnose(parameters, activations.load("relu"), ramp())
    assert found["dead/H1"] == 0.5
    # 21 of 22 values are on the flat side.
    assert found["saturated/H1"] == 21 / 22


def test_dead_units_are_counted_layer_by_layer() -> None:
    # 1 of 4 units is dead in the first layer, 2 of 3 in the second.
    first = [[1.0] * 4], [1.0, -2.0, 1.0, 1.0]
    second = [[1.0, -1.0, -1.0]] * 4, [0.0, 0.0, 0.0]
    parameters = by_hand(first, second, ([[1.0, -1.0]] * 3, [0.0, 0.0]))
    found = diagnose(parameters, activations.load("relu"), ramp())
    assert found["dead/H1"] == 1 / 4
    assert found["dead/H2"] == 2 / 3
    assert found["saturated/H1"] == 1 / 4
    assert found["saturated/H2"] == 2 / 3


def test_dead_is_who_has_no_slope_not_who_has_no_value() -> None:
    # All units are far on the negative side, where a leak keeps them alive.
    parameters = by_hand(([[1.0] * 4], [-9.0] * 4), ([[1.0, -1.0]] * 4, [0.0, 0.0]))
    assert diagnose(parameters, activations.load("relu"), ramp())["dead/H1"] == 1
    for name in ("leaky_relu", "sigmoid", "tanh"):
        assert diagnose(parameters, activations.load(name), ramp())["dead/H1"] == 0
    assert diagnose(parameters, activations.load("sigmoid"), ramp())["saturated/H1"] == 1


# Where the slope falls below 5 % of its greatest, worked out from the formulas:
# σ(1-σ) = 0.05/4 at σ = (1 - √0.95)/2; 1 - tanh² = 0.05 at tanh = √0.95.
LIMITS: dict[str, Callable[[Array], NDArray[np.bool_]]] = {
    "sigmoid": lambda z: abs(z) > math.log(2 / (1 - math.sqrt(0.95)) - 1),
    "tanh": lambda z: abs(z) > math.atanh(math.sqrt(0.95)),
    "relu": lambda z: z <= 0,
    "identity": lambda z: z != z,
}


@pytest.mark.parametrize("name", LIMITS)
def test_values_on_a_flat_side_are_saturated(name: str) -> None:
    weights, biases = [20.0, 10.0, -30.0], [-10.05, -2.03, 10.02]
    parameters = by_hand(([weights], biases), ([[1.0, -1.0]] * 3, [0.0, 0.0]))
    before = np.arange(101)[:, None] / 100 * np.array(weights) + np.array(biases)
    saturated = LIMITS[name](before)
    if name != "identity":
        assert 0.2 < saturated.mean() < 0.8
    found = diagnose(parameters, activations.load(name), ramp(101))
    assert found["saturated/H1"] == saturated.sum() / 303


def test_saturation_is_relative_to_the_slopes_with_the_layers_own_parameters() -> None:
    # With α = 30 the slope 1 of the positive side is below 5 % of the greatest, with 10 it is not.
    for alpha, share in ((30.0, 1.0), (10.0, 0.0)):
        parameters = by_hand(([[1.0] * 2], [1.0] * 2), ([[1.0, -1.0]] * 2, [0.0, 0.0]))
        parameters["alpha1"] = torch.tensor([alpha], dtype=torch.float64)
        found = diagnose(parameters, activations.load("prelu"), ramp())
        assert found["saturated/H1"] == share


@pytest.mark.parametrize(
    ("images", "batch_size", "used"),
    [(400, 1000, PROBE_IMAGES), (400, 30, 30), (20, 1000, 20), (400, 1, 1)],
)
@pytest.mark.filterwarnings("ignore:std")
def test_the_fixed_batch_is_the_first_images(images: int, batch_size: int, used: int) -> None:
    relu = activations.load("relu")
    parameters = parameters_of(relu)
    whole = split(images)

    def changed(place: int) -> Split:
        other = Split(whole.images.clone(), whole.labels.clone(), 255)
        other.images[place] = 255 - other.images[place]
        other.labels[place] = (other.labels[place] + 1) % 3
        return other

    found = diagnose(parameters, relu, whole, batch_size)
    if used < images:
        assert diagnose(parameters, relu, changed(used), batch_size) == found
    for place in {0, used - 1}:
        assert diagnose(parameters, relu, changed(place), batch_size) != found
    first = Split(whole.images[:used], whole.labels[:used], 255)
    assert diagnose(parameters, relu, first, 10**9) == found


@pytest.mark.parametrize("name", ["relu", "prelu"])
def test_diagnosing_leaves_parameters_and_random_streams_alone(name: str) -> None:
    activation = activations.load(name)
    parameters = parameters_of(activation)
    before = {name: value.clone() for name, value in parameters.items()}
    state = torch.get_rng_state()
    probe = Probe(split(), 256, activation, torch.float64)
    first = probe.diagnose(0, parameters)
    assert probe.diagnose(0, parameters) == first
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.is_grad_enabled()
    for parameter, value in parameters.items():
        assert torch.equal(value, before[parameter])
        assert value.grad is None
        assert not value.requires_grad


@every_implementation
@pytest.mark.parametrize("name", ["tanh", "prelu"])
def test_a_network_is_left_as_it_is_in_the_middle_of_its_training(
    implementation: str, name: str
) -> None:
    activation, images = activations.load(name), split()
    pixels = images.images.double() / 255
    outcomes = []
    for look in (False, True):
        network = implementations.load(implementation)(parameters_of(activation), activation, 0.5)
        probe = Probe(images, 256, activation, torch.float64)
        for epoch in range(4):
            network.train_step(pixels, images.labels)
            if look:
                probe.diagnose(epoch, network.parameters())
        outcomes.append(network.parameters())
    for parameter, value in outcomes[0].items():
        assert torch.equal(value, outcomes[1][parameter]), parameter


@pytest.mark.parametrize("name", ["relu", "tanh", "prelu"])
def test_all_implementations_are_told_the_same(name: str) -> None:
    activation, images = activations.load(name), split()
    pixels = images.images.double() / 255
    found = {}
    for implementation in implementations.names():
        network = implementations.load(implementation)(parameters_of(activation), activation, 0.5)
        before = diagnose(network.parameters(), activation, images)
        # The same numbers in another order in memory are summed in another order.
        initial = diagnose(parameters_of(activation), activation, images)
        assert before == pytest.approx(initial, rel=1e-12)
        for _ in range(5):
            network.train_step(pixels, images.labels)
        found[implementation] = diagnose(network.parameters(), activation, images)
        assert found[implementation] != before
    reference = found["scratch"]
    assert all(values == pytest.approx(reference, rel=1e-9) for values in found.values())


def test_norms_shrink_on_the_way_back_through_sigmoids() -> None:
    # What the diagnostics are there to show: each layer multiplies by a slope of at most 1/4.
    sigmoid = activations.load("sigmoid")
    parameters = initial_parameters((6, 30, 30, 30, 30, 3), 0, 0.1, dtype=torch.float64)
    found = diagnose(parameters, sigmoid, split())
    norms = [found[f"gradient_norm/W{layer}"] for layer in range(2, 6)]
    assert all(4 * lower < upper for lower, upper in pairwise(norms))


def test_a_network_of_zeros_has_no_gradient_but_for_the_last_bias() -> None:
    parameters = initial_parameters(SIZES, 0, weight_std=0, dtype=torch.float64)
    found = diagnose(parameters, activations.load("relu"), split())
    silent = [f"gradient_norm/{name}" for name in list(parameters)[:-1]]
    assert all(found[name] == 0 for name in silent)
    assert found["gradient_norm/b3"] > 0
    assert found["dead/H1"] == found["dead/H2"] == 1
    assert found["activation_std/H1"] == 0


@pytest.mark.filterwarnings("error")
@every_activation
def test_a_network_that_diverged_is_diagnosed_with_what_is_left(name: str) -> None:
    activation = activations.load(name)
    parameters = {key: value * math.nan for key, value in parameters_of(activation).items()}
    found = diagnose(parameters, activation, split())
    assert all(math.isnan(v) for key, v in found.items() if key.startswith("gradient_norm"))


def test_a_parameter_that_the_activation_makes_no_use_of_has_no_gradient(tmp_path: Path) -> None:
    path = tmp_path / "lazy.py"
    path.write_text('PARAMETERS = {"alpha": 0.5}\ndef function(x, alpha):\n    return x.tanh()\n')
    lazy = activations.load(path)
    found = diagnose(parameters_of(lazy), lazy, split())
    assert found["gradient_norm/alpha1"] == found["gradient_norm/alpha2"] == 0
    tanh = activations.load("tanh")
    plain = diagnose(parameters_of(tanh), tanh, split())
    assert {key: value for key, value in found.items() if "alpha" not in key} == plain


@pytest.mark.parametrize("batch", [7, 600])
def test_a_unit_is_dead_only_if_no_image_of_the_training_set_moves_it(batch: int) -> None:
    relu, images = activations.load("relu"), split(600)
    parameters = parameters_of(relu)
    hidden = images.images.numpy().reshape(600, -1) / 255
    before = hidden @ parameters["W1"].numpy()
    # One unit that a single image moves, none of those that are looked at; one that no image moves.
    first = int(before[:, 0].argmax())
    images.images[[first, 500]] = images.images[[500, first]]
    parameters["b1"][0] = -np.partition(before[:, 0], -2)[-2:].mean()
    parameters["b1"][3] = -before[:, 3].max() - 1
    probe = Probe(images, 256, relu, torch.float64)
    looked_at = {
        row.of: row.value for row in probe.diagnose(9, parameters) if row.quantity == "dead"
    }
    found = probe.dead_throughout(9, parameters, Batches(images, batch, torch.float64))
    assert {row.epoch for row in found} == {9}
    named = [(row.quantity, row.of, row.value) for row in found]
    assert named[:2] == [("dead_throughout", "H1", 1 / 5), ("dead_unit", "H1/3", 1.0)]
    # As many units of the second layer are named as its share says.
    assert named[2][:2] == ("dead_throughout", "H2") and named[2][2] * 4 == len(named[3:])
    assert looked_at["H1"] == 2 / 5


def test_the_pass_over_the_training_set_ends_where_no_unit_can_be_dead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[int] = []
    original = Batches.in_order

    def counted(batches: Batches) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for images, labels in original(batches):
            seen.append(len(images))
            yield images, labels

    monkeypatch.setattr(Batches, "in_order", counted)
    sigmoid, images = activations.load("sigmoid"), split(600)
    probe = Probe(images, 256, sigmoid, torch.float64)
    batches = Batches(images, 100, torch.float64)
    assert probe.dead_throughout(1, parameters_of(sigmoid), batches)[0].value == 0
    assert seen == [100]
