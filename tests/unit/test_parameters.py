"""Article items B1, B3 and C2: where every run starts from and in which order it sees examples."""

import math

import pytest
import torch

from conftest import initial_parameters
from mlplab import activations
from mlplab.datasets.order import epoch_order
from mlplab.implementations._parameters import activation_parameters, layers
from mlplab.study.seeding import generator

ARTICLE = (784, 256, 10)


def test_names_and_shapes_are_the_articles() -> None:
    shapes = {name: tuple(value.shape) for name, value in initial_parameters(ARTICLE, 0).items()}
    assert shapes == {"W1": (784, 256), "b1": (256,), "W2": (256, 10), "b2": (10,)}


def test_further_hidden_layers_get_further_names() -> None:
    parameters = initial_parameters((5, 4, 3, 2), seed=0)
    assert list(parameters) == ["W1", "b1", "W2", "b2", "W3", "b3"]
    pairs = layers(parameters)
    assert [tuple(weight.shape) for weight, _ in pairs] == [(5, 4), (4, 3), (3, 2)]
    assert [tuple(bias.shape) for _, bias in pairs] == [(4,), (3,), (2,)]
    assert pairs[1][0] is parameters["W2"]
    assert pairs[1][1] is parameters["b2"]


def test_an_activations_own_parameters_follow_the_biases_of_hidden_layers() -> None:
    own = {"slope_left": -0.5, "beta": 2}
    parameters = initial_parameters((5, 4, 3, 2), seed=0, activation_parameters=own)
    assert list(parameters) == [
        *("W1", "b1", "slope_left1", "beta1"),
        *("W2", "b2", "slope_left2", "beta2"),
        *("W3", "b3"),
    ]
    for layer in (1, 2):
        assert parameters[f"slope_left{layer}"].tolist() == [-0.5]
        assert parameters[f"beta{layer}"].tolist() == [2.0]
    assert all(value.dtype == torch.float32 for value in parameters.values())
    assert [weight.shape for weight, _ in layers(parameters)] == [(5, 4), (4, 3), (3, 2)]


def test_prelus_initial_slope_is_that_of_its_file() -> None:
    own = activations.load("prelu").parameters
    parameters = initial_parameters(ARTICLE, seed=0, activation_parameters=own)
    assert list(parameters) == ["W1", "b1", "alpha1", "W2", "b2"]
    assert parameters["alpha1"].tolist() == [0.25]


@pytest.mark.parametrize("bias_init", ["zeros", "framework"])
def test_an_activations_own_parameters_change_no_other(bias_init: str) -> None:
    without = initial_parameters((5, 4, 3, 2), seed=3, bias_init=bias_init)
    own = {"alpha": 0.25}
    with_own = initial_parameters(
        (5, 4, 3, 2), seed=3, bias_init=bias_init, activation_parameters=own
    )
    assert set(with_own) - set(without) == {"alpha1", "alpha2"}
    for name, value in without.items():
        assert torch.equal(with_own[name], value)


def test_without_hidden_layers_there_are_no_activation_parameters() -> None:
    parameters = initial_parameters((3, 2), seed=0, activation_parameters={"alpha": 0.25})
    assert list(parameters) == ["W1", "b1"]
    assert activation_parameters(parameters) == []


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_activation_parameters_of_each_hidden_layer_in_the_order_of_the_file(
    dtype: torch.dtype,
) -> None:
    own = {"beta": 1.0, "alpha": 0.25}
    sizes = (5, *[4] * 11, 2)
    parameters = initial_parameters(sizes, seed=0, dtype=dtype, activation_parameters=own)
    found = activation_parameters(parameters)
    assert len(found) == 11
    for layer, values in enumerate(found, start=1):
        assert values[0] is parameters[f"beta{layer}"]
        assert values[1] is parameters[f"alpha{layer}"]
        assert len(values) == 2
        assert all(value.shape == (1,) and value.dtype == dtype for value in values)


def test_layers_have_no_activation_parameters_where_the_activation_has_none() -> None:
    assert activation_parameters(initial_parameters((5, 4, 3, 2), seed=0)) == [(), ()]


@pytest.mark.parametrize("std", [0.01, 0.5])
def test_weights_are_normal_with_the_given_deviation(std: float) -> None:
    weight = initial_parameters(ARTICLE, seed=3, weight_std=std)["W1"]
    # 200,704 draws: five standard errors of the mean and of the deviation.
    error = 5 * std / math.sqrt(weight.numel())
    assert abs(weight.mean().item()) < error
    assert weight.std().item() == pytest.approx(std, abs=error)
    within = (weight.abs() < std).float().mean().item()
    assert within == pytest.approx(0.6827, abs=0.006)


def test_biases_are_zero_by_default() -> None:
    parameters = initial_parameters(ARTICLE, seed=0)
    assert not parameters["b1"].any()
    assert not parameters["b2"].any()


def test_framework_biases_fill_the_range_of_nn_linear() -> None:
    parameters = initial_parameters((784, 4096, 4096), seed=0, bias_init="framework")
    for name, fan_in in (("b1", 784), ("b2", 4096)):
        bound = 1 / math.sqrt(fan_in)
        bias = parameters[name]
        assert bias.abs().max() <= bound
        assert bias.min() < -0.99 * bound
        assert bias.max() > 0.99 * bound
        assert abs(bias.mean().item()) < 0.05 * bound
        own = torch.nn.Linear(fan_in, 4096).bias.detach()
        assert own.std().item() == pytest.approx(bias.std().item(), rel=0.05)


def test_weights_of_a_seed_are_the_same_with_either_bias_init() -> None:
    zeros = initial_parameters(ARTICLE, seed=1, bias_init="zeros")
    framework = initial_parameters(ARTICLE, seed=1, bias_init="framework")
    assert torch.equal(zeros["W1"], framework["W1"])
    assert torch.equal(zeros["W2"], framework["W2"])
    assert not torch.equal(zeros["b1"], framework["b1"])


def test_an_unknown_bias_init_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'ones'.*framework, zeros"):
        initial_parameters(ARTICLE, seed=0, bias_init="ones")


@pytest.mark.parametrize("bias_init", ["zeros", "framework"])
def test_same_seed_gives_same_parameters_whatever_the_global_state(bias_init: str) -> None:
    torch.manual_seed(1)
    first = initial_parameters(ARTICLE, seed=7, bias_init=bias_init)
    torch.manual_seed(2)
    second = initial_parameters(ARTICLE, seed=7, bias_init=bias_init)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_drawing_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    initial_parameters(ARTICLE, seed=0, bias_init="framework")
    epoch_order(100, seed=0, epoch=1)
    assert torch.equal(before, torch.get_rng_state())


def test_different_seeds_give_different_parameters() -> None:
    drawn = [initial_parameters(ARTICLE, seed, bias_init="framework") for seed in range(3)]
    for name in drawn[0]:
        assert not torch.equal(drawn[0][name], drawn[1][name])
        assert not torch.equal(drawn[1][name], drawn[2][name])


def test_float64_starts_from_the_values_of_float32() -> None:
    single = initial_parameters(ARTICLE, seed=4, bias_init="framework")
    double = initial_parameters(ARTICLE, seed=4, bias_init="framework", dtype=torch.float64)
    for name, value in double.items():
        assert value.dtype == torch.float64
        assert torch.equal(value, single[name].double())


def test_the_greatest_seed_of_the_schema_works() -> None:
    assert torch.isfinite(initial_parameters((3, 2), seed=4294967295)["W1"]).all()


def test_streams_of_different_purposes_differ() -> None:
    drawn = {
        tuple(torch.rand(4, generator=generator(seed, purpose)).tolist())
        for seed in (0, 1)
        for purpose in ("weights", "biases", "order/1", "order/2")
    }
    assert len(drawn) == 8


def test_biases_are_drawn_from_a_stream_of_their_own() -> None:
    bias = initial_parameters(ARTICLE, seed=0, bias_init="framework")["b1"] * math.sqrt(784)
    from_weights = torch.rand(256, generator=generator(0, "weights")) * 2 - 1
    assert not torch.allclose(bias, from_weights, atol=1e-3)


def test_epoch_order_is_a_permutation() -> None:
    order = epoch_order(1000, seed=0, epoch=1)
    assert order.dtype == torch.int64
    assert torch.equal(order.sort().values, torch.arange(1000))
    assert not torch.equal(order, torch.arange(1000))


def test_epoch_order_is_new_every_epoch_and_for_every_seed() -> None:
    orders = {
        tuple(epoch_order(1000, seed, epoch).tolist()) for seed in (0, 1) for epoch in (1, 2, 3)
    }
    assert len(orders) == 6


def test_epoch_order_depends_on_seed_and_epoch_alone() -> None:
    torch.manual_seed(0)
    first = epoch_order(1000, seed=5, epoch=2)
    epoch_order(1000, seed=5, epoch=1)
    torch.manual_seed(9)
    assert torch.equal(first, epoch_order(1000, seed=5, epoch=2))
