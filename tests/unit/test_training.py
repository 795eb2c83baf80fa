"""Article items B7 to B11: the training loop, counted over all examples."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from mlplab import activations, implementations
from mlplab.datasets.store import Dataset, Split
from mlplab.parameters import epoch_order, initial_parameters
from mlplab.predictions import prediction_table
from mlplab.training import (
    EVALUATION_BATCH,
    METRICS,
    SANITY_BOUNDS,
    Batches,
    Epoch,
    Settings,
    Trained,
    evaluate,
    sanity,
    train,
    train_epoch,
)
from mlplab.training import (
    test_logits as logits_of_test_images,
)

every_implementation = pytest.mark.parametrize("implementation", implementations.names())

QUICK = Settings(hidden_sizes=(16,), weight_std=0.1, epochs=2, batch_size=32)


def random_split(count: int, seed: int = 0, pixel_max: int = 255) -> Split:
    random = torch.Generator().manual_seed(seed)
    pixels = torch.randint(pixel_max + 1, (count, 3, 4), generator=random).to(torch.uint8)
    return Split(pixels, torch.randint(4, (count,), generator=random), pixel_max)


def small_data(training: int = 70, test: int = 30) -> Dataset:
    names = ("a", "b", "c", "d")
    return Dataset("small", names, random_split(training), random_split(test, seed=1))


def run(data: Dataset, settings: Settings, seed: int = 0, **kwargs: Any) -> Trained:
    implementation = implementations.load(kwargs.pop("implementation", "scratch"))
    return train(implementation, activations.load("relu"), data, settings, seed, **kwargs)


def pixels_of(split: Split, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return split.images.to(dtype) / split.pixel_max


def epoch(**values: float) -> Epoch:
    usual: dict[str, Any] = {
        "epoch": 1,
        "training_loss": 0.3,
        "training_accuracy": 0.9,
        "test_loss": 0.4,
        "test_accuracy": 0.85,
        "seconds": 1.0,
        "samples_per_second": 10.0,
        "timestamp": 0,
    }
    return Epoch(**{**usual, **values})


class Recording:
    """A network that changes nothing and remembers what it was fed; its loss is the label."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.labels: list[int] = []

    def train_step(
        self, images: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        self.sizes.append(len(images))
        self.labels += labels.tolist()
        return labels.sum().float(), (labels == 0).sum()


def test_every_example_is_seen_once_and_counted_once_where_the_batch_does_not_divide() -> None:
    split, network = random_split(70), Recording()
    order = epoch_order(70, seed=0, epoch=1)
    loss, accuracy = train_epoch(network, Batches(split, 32, torch.float32), order)  # type: ignore[arg-type]
    assert network.sizes == [32, 32, 6]
    assert network.labels == split.labels[order].tolist()
    assert loss == pytest.approx(split.labels.double().mean().item(), rel=1e-12)
    assert accuracy == (split.labels == 0).sum().item() / 70


def test_order_and_batches_belong_together() -> None:
    split = random_split(10)
    order = epoch_order(10, seed=3, epoch=1)
    seen = [
        (images.clone(), labels)
        for images, labels in Batches(split, 4, torch.float32).shuffled(order)
    ]
    assert torch.equal(torch.cat([images for images, _ in seen]), pixels_of(split)[order])
    assert torch.equal(torch.cat([labels for _, labels in seen]), split.labels[order])


@pytest.mark.parametrize("batch_size", [1, 4, 10, 11, 1000])
def test_batches_in_order_are_the_split(batch_size: int) -> None:
    split = random_split(10)
    batches = Batches(split, batch_size, torch.float32)
    # Twice, since a buffer is reused.
    for _ in range(2):
        images = torch.cat([images.clone() for images, _ in batches.in_order()])
        assert torch.equal(images, pixels_of(split))
        labels = torch.cat([labels for _, labels in batches.in_order()])
        assert torch.equal(labels, split.labels)


@pytest.mark.parametrize("pixel_max", [16, 255])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pixels_are_scaled_in_the_dtype_of_the_parameters(
    pixel_max: int, dtype: torch.dtype
) -> None:
    split = Split(
        torch.arange(pixel_max + 1, dtype=torch.uint8).reshape(-1, 1, 1),
        torch.zeros(pixel_max + 1, dtype=torch.int64),
        pixel_max,
    )
    ((images, _),) = Batches(split, 1000, dtype).in_order()
    assert images.dtype == dtype
    assert images.min() == 0
    assert images.max() == 1
    torch.testing.assert_close(
        images, pixels_of(split, dtype), rtol=0, atol=1e-7 if dtype == torch.float32 else 1e-14
    )


def test_evaluation_is_mean_loss_and_share_of_hits() -> None:
    split = random_split(70)
    parameters = initial_parameters((12, 5, 4), seed=0, weight_std=0.5)
    network = implementations.load("scratch")(parameters, activations.load("relu"), 0.1)
    logits = network.logits(pixels_of(split)).detach()
    for batch_size in (7, 32, 70):
        loss, accuracy = evaluate(network, Batches(split, batch_size, torch.float32), 70)
        expected = torch.nn.functional.cross_entropy(logits, split.labels).item()
        assert loss == pytest.approx(expected, rel=1e-6)
        assert accuracy == (logits.argmax(dim=1) == split.labels).sum().item() / 70


@every_implementation
def test_reported_metrics_follow_from_single_steps(implementation: str) -> None:
    data = small_data()
    history = run(data, QUICK, implementation=implementation).history

    parameters = initial_parameters((12, 16, 4), 0, QUICK.weight_std)
    network = implementations.load(implementation)(
        parameters, activations.load("relu"), QUICK.learning_rate
    )
    for number, reported in enumerate(history, start=1):
        loss, hits = 0.0, 0
        for chosen in epoch_order(70, seed=0, epoch=number).split(QUICK.batch_size):
            images, labels = pixels_of(data.training)[chosen], data.training.labels[chosen]
            logits = network.logits(images).detach()
            loss += torch.nn.functional.cross_entropy(logits, labels, reduction="sum").item()
            hits += int((logits.argmax(dim=1) == labels).sum())
            network.train_step(images, labels)
        test = network.logits(pixels_of(data.test)).detach()
        assert reported.training_loss == pytest.approx(loss / 70, rel=1e-6)
        assert reported.training_accuracy == hits / 70
        expected = torch.nn.functional.cross_entropy(test, data.test.labels).item()
        assert reported.test_loss == pytest.approx(expected, rel=1e-6)
        assert reported.test_accuracy == (test.argmax(1) == data.test.labels).sum().item() / 30
    assert len(history) == 2


def test_history_has_a_row_per_epoch_and_on_epoch_sees_each() -> None:
    seen: list[Epoch] = []
    trained = run(small_data(), replace(QUICK, epochs=3), on_epoch=seen.append)
    assert trained.status == "finished"
    assert [row.epoch for row in trained.history] == [1, 2, 3]
    assert seen == trained.history
    assert all(row.seconds > 0 for row in seen)
    assert all(row.samples_per_second == pytest.approx(70 / row.seconds) for row in seen)
    stamps = [row.timestamp for row in seen]
    assert stamps == sorted(stamps)
    assert stamps[0] > 1_600_000_000_000


def test_columns_of_an_epoch_are_its_metrics_number_and_time() -> None:
    row = epoch().as_dict()
    assert set(row) == {*METRICS, "epoch", "timestamp"}
    assert not {"epoch", "timestamp"} & set(METRICS)


@every_implementation
def test_a_repeated_run_is_equal_bit_by_bit(implementation: str) -> None:
    def outcome() -> tuple[list[tuple[float, ...]], dict[str, torch.Tensor]]:
        trained = run(small_data(), QUICK, implementation=implementation)
        rows = [
            (row.training_loss, row.training_accuracy, row.test_loss, row.test_accuracy)
            for row in trained.history
        ]
        return rows, trained.network.parameters()

    torch.manual_seed(1)
    first_rows, first = outcome()
    torch.manual_seed(2)
    second_rows, second = outcome()
    assert first_rows == second_rows
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_different_seeds_give_different_runs() -> None:
    losses = {run(small_data(), QUICK, seed=seed).history[-1].test_loss for seed in range(3)}
    assert len(losses) == 3


def test_settings_reach_the_network() -> None:
    trained = run(
        small_data(),
        Settings(hidden_sizes=(6, 5), weight_std=0, bias_init="zeros", epochs=1, batch_size=70),
    )
    shapes = [tuple(value.shape) for value in trained.network.parameters().values()]
    assert shapes == [(12, 6), (6,), (6, 5), (5,), (5, 4), (4,)]
    assert trained.history[0].training_loss == pytest.approx(math.log(4), rel=1e-6)


def test_settings_from_plain_values() -> None:
    values = {
        "hidden_sizes": [64, 32],
        "weight_std": 0.1,
        "bias_init": "framework",
        "epochs": 3,
        "batch_size": 7,
        "learning_rate": 1,
    }
    assert Settings.from_mapping(values) == Settings((64, 32), 0.1, "framework", 3, 7, 1)
    with pytest.raises(TypeError):
        Settings.from_mapping({**values, "momentum": 0.9})


def test_default_settings_are_the_articles() -> None:
    assert Settings() == Settings((256,), 0.01, "zeros", 10, 256, 0.1)


@every_implementation
def test_a_huge_learning_rate_ends_the_run_early_as_diverged(implementation: str) -> None:
    seen: list[Epoch] = []
    settings = replace(QUICK, epochs=20, learning_rate=1e30)
    trained = run(small_data(), settings, implementation=implementation, on_epoch=seen.append)
    assert trained.status == "diverged"
    assert len(trained.history) < 20
    assert seen == trained.history
    last = trained.history[-1]
    assert not (math.isfinite(last.training_loss) and math.isfinite(last.test_loss))
    assert all(math.isfinite(row.test_loss) for row in trained.history[:-1])
    assert not sanity(last)["training_loss"]["met"]


@every_implementation
def test_predictions_of_a_diverged_run_agree_with_its_history(implementation: str) -> None:
    data = small_data()
    trained = run(data, replace(QUICK, learning_rate=1e30), implementation=implementation)
    logits = logits_of_test_images(trained.network, data, torch.float32)
    table = prediction_table(logits.numpy(), data.test.labels.numpy())
    hits = sum(a == b for a, b in zip(table["label"], table["prediction"], strict=True))
    assert hits / 30 == trained.history[-1].test_accuracy


def test_batch_larger_than_the_data_set_is_the_whole_data_set() -> None:
    larger = run(small_data(), replace(QUICK, batch_size=10**15))
    whole = run(small_data(), replace(QUICK, batch_size=70))
    for name, value in whole.network.parameters().items():
        assert torch.equal(larger.network.parameters()[name], value)


def test_seconds_per_epoch_are_the_median() -> None:
    history = [epoch(seconds=seconds) for seconds in (9.0, 1.0, 2.0)]
    trained = Trained(Recording(), history, "finished")  # type: ignore[arg-type]
    assert trained.seconds_per_epoch == 2.0
    assert trained.training_seconds == 12.0


@every_implementation
def test_digits_are_learned(digits: Dataset, implementation: str) -> None:
    settings = Settings(hidden_sizes=(64,), weight_std=0.1, epochs=8, batch_size=32)
    trained = run(digits, settings, implementation=implementation)
    first, last = trained.history[0], trained.history[-1]
    assert last.test_accuracy > 0.85
    assert last.training_accuracy > 0.95
    assert last.training_loss < 0.5 * first.training_loss


def test_implementations_train_alike_in_float64(digits: Dataset) -> None:
    settings = Settings(hidden_sizes=(16,), weight_std=0.1, epochs=2, batch_size=100)
    reference, *others = (
        run(digits, settings, implementation=name, dtype=torch.float64)
        for name in implementations.names()
    )
    for other in others:
        for name, value in reference.network.parameters().items():
            torch.testing.assert_close(other.network.parameters()[name], value, atol=1e-12, rtol=0)


@every_implementation
def test_predictions_and_evaluation_agree(implementation: str) -> None:
    # More images than one batch of evaluation, the last batch smaller.
    data = small_data(test=EVALUATION_BATCH + 234)
    trained = run(data, QUICK, implementation=implementation)
    logits = logits_of_test_images(trained.network, data, torch.float32)
    assert logits.shape == (EVALUATION_BATCH + 234, 4)
    assert not logits.requires_grad
    table = prediction_table(logits.numpy(), data.test.labels.numpy()).to_pydict()
    hits = sum(a == b for a, b in zip(table["label"], table["prediction"], strict=True))
    last = trained.history[-1]
    assert hits / len(data.test) == last.test_accuracy
    mean = -sum(table["label_log_probability"]) / len(data.test)
    assert mean == pytest.approx(last.test_loss, rel=1e-5)


def test_sanity_bounds_are_the_articles() -> None:
    articles = {
        "training_loss": (-math.inf, 0.5),
        "training_accuracy": (0.7, 1.0),
        "test_accuracy": (0.7, 1.0),
    }
    assert articles == SANITY_BOUNDS


@pytest.mark.parametrize(
    ("metric", "value", "met"),
    [
        ("training_loss", 0.0, True),
        ("training_loss", math.nextafter(0.5, 0), True),
        ("training_loss", 0.5, False),
        ("training_loss", 2.3, False),
        ("training_loss", math.inf, False),
        ("training_loss", math.nan, False),
        ("training_accuracy", 0.7, False),
        ("training_accuracy", math.nextafter(0.7, 1), True),
        ("training_accuracy", 1.0, True),
        ("training_accuracy", 1.01, False),
        ("test_accuracy", 0.1, False),
        ("test_accuracy", 0.7, False),
        ("test_accuracy", math.nextafter(0.7, 1), True),
        ("test_accuracy", 1.0, True),
        ("test_accuracy", math.nan, False),
    ],
)
def test_sanity_at_and_around_its_bounds(metric: str, value: float, met: bool) -> None:
    checks = sanity(epoch(**{metric: value}))
    assert checks[metric]["met"] is met
    assert checks[metric]["value"] == (value if math.isfinite(value) else None)
    assert all(check["met"] for name, check in checks.items() if name != metric)


def test_sanity_says_its_bounds() -> None:
    checks = sanity(epoch())
    assert checks["training_loss"] == {"value": 0.3, "above": None, "below": 0.5, "met": True}
    assert checks["test_accuracy"] == {"value": 0.85, "above": 0.7, "below": 1.0, "met": True}
