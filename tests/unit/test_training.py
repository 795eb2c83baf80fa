"""Article items B7 to B11: the training loop, counted over all examples."""

import copy
import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from conftest import all_logits, initial_parameters
from mlplab import activations, implementations
from mlplab.datasets.batches import Batches
from mlplab.datasets.order import epoch_order
from mlplab.datasets.store import Dataset, Split, held_out
from mlplab.errors import UserError
from mlplab.study.metrics import negative_log_likelihood
from mlplab.study.predictions import Predictions
from mlplab.study.settings import Settings
from mlplab.training.diagnostics import Probe
from mlplab.training.epoch import Sums, evaluation_pass
from mlplab.training.loop import (
    EVALUATION_BATCH,
    Checkpoint,
    Epoch,
    Trained,
    evaluate,
    train,
    train_epoch,
)
from mlplab.training.predictions import prediction_table
from mlplab.training.sanity import SANITY_BOUNDS, sanity

every_implementation = pytest.mark.parametrize("implementation", implementations.names())

QUICK = Settings(hidden_sizes=(16,), weight_std=0.1, epochs=2, batch_size=32)
# What a row says besides its number, losses and accuracies: it differs from run to run.
TIMES = ("seconds", "cpu_seconds", "samples_per_second", "timestamp")


def random_split(count: int, seed: int = 0, pixel_max: int = 255) -> Split:
    random = torch.Generator().manual_seed(seed)
    pixels = torch.randint(pixel_max + 1, (count, 3, 4), generator=random).to(torch.uint8)
    return Split(pixels, torch.randint(4, (count,), generator=random), pixel_max)


def small_data(training: int = 70, test: int = 30) -> Dataset:
    names = ("a", "b", "c", "d")
    return Dataset("small", names, random_split(training), random_split(test, seed=1))


def run(data: Dataset, settings: Settings, seed: int = 0, **kwargs: Any) -> Trained:
    implementation = implementations.load(kwargs.pop("implementation", "scratch"))
    activation = activations.load(kwargs.pop("activation", "relu"))
    return train(implementation, activation, data, settings, seed, **kwargs)


def last_epoch_to(seen: list[Epoch]) -> Callable[[Trained], None]:
    return lambda trained: seen.append(trained.history[-1])


def pixels_of(split: Split, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return split.images.to(dtype) / split.pixel_max


def epoch(**values: float | None) -> Epoch:
    usual: dict[str, Any] = {
        "epoch": 1,
        "training_loss": 0.3,
        "training_accuracy": 0.9,
        "test_loss": 0.4,
        "test_accuracy": 0.85,
        "seconds": 1.0,
        "cpu_seconds": 0.9,
        "samples_per_second": 10.0,
        "timestamp": 0,
    }
    return Epoch(**{**usual, **values})


class Forbidden:
    """Stands for a split that must not be looked at."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"the test split was read: {name}")

    def __len__(self) -> int:
        raise AssertionError("the test split was read: len")


class Sealed(Dataset):
    """A data set whose test split must not even be taken in hand."""

    def __getattribute__(self, name: str) -> Any:
        assert name != "test", "the test split was read"
        return super().__getattribute__(name)


def with_training(data: Dataset, images: torch.Tensor, labels: torch.Tensor) -> Dataset:
    return replace(data, training=Split(images, labels, data.training.pixel_max))


def assert_same_run(one: Trained, other: Trained, but_for: tuple[str, ...] = ()) -> None:
    """The same metrics, diagnostics and parameters, bit by bit; times may differ."""
    left_out = {*TIMES, *but_for}

    def rows(trained: Trained) -> list[dict[str, float]]:
        return [
            {name: value for name, value in row.as_dict().items() if name not in left_out}
            for row in trained.history
        ]

    assert rows(one) == rows(other)
    assert one.diagnoses == other.diagnoses
    parameters = other.network.parameters()
    for name, value in one.network.parameters().items():
        assert torch.equal(value, parameters[name]), name


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


def test_what_a_network_does_to_the_tensor_of_a_batch_is_gone_with_it() -> None:
    for images, _ in Batches(random_split(8), 4, torch.float32).shuffled(torch.arange(8)):
        assert images.shape == (4, 3, 4)
        assert not images.requires_grad
        images.unsqueeze_(0).requires_grad_()


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


def test_evaluation_is_mean_loss_and_share_of_correct_predictions() -> None:
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
        loss, correct = 0.0, 0
        for chosen in epoch_order(70, seed=0, epoch=number).split(QUICK.batch_size):
            images, labels = pixels_of(data.training)[chosen], data.training.labels[chosen]
            logits = network.logits(images).detach()
            loss += torch.nn.functional.cross_entropy(logits, labels, reduction="sum").item()
            correct += int((logits.argmax(dim=1) == labels).sum())
            network.train_step(images, labels)
        test = network.logits(pixels_of(data.test)).detach()
        assert reported.training_loss == pytest.approx(loss / 70, rel=1e-6)
        assert reported.training_accuracy == correct / 70
        expected = torch.nn.functional.cross_entropy(test, data.test.labels).item()
        assert reported.test_loss == pytest.approx(expected, rel=1e-6)
        assert reported.test_accuracy == (test.argmax(1) == data.test.labels).sum().item() / 30
    assert len(history) == 2


def test_history_has_a_row_per_epoch_and_on_epoch_sees_each() -> None:
    seen: list[Epoch] = []
    trained = run(
        small_data(), replace(QUICK, epochs=3), on_epoch=lambda run: seen.append(run.history[-1])
    )
    assert trained.status == "finished"
    assert [row.epoch for row in trained.history] == [1, 2, 3]
    assert seen == trained.history
    assert all(row.seconds > 0 for row in seen)
    assert all(row.samples_per_second == pytest.approx(70 / row.seconds) for row in seen)
    stamps = [row.timestamp for row in seen]
    assert stamps == sorted(stamps)
    assert stamps[0] > 1_600_000_000_000


@pytest.mark.parametrize(
    ("validation_size", "read_test", "splits"),
    [
        (0, True, ("training", "test")),
        (20, True, ("training", "validation", "test")),
        (20, False, ("training", "validation")),
        (0, False, ("training",)),
    ],
)
def test_columns_of_an_epoch_are_those_of_the_splits_that_were_looked_at(
    validation_size: int, read_test: bool, splits: tuple[str, ...]
) -> None:
    settings = replace(QUICK, validation_size=validation_size, epochs=1)
    (row,) = run(small_data(), settings, read_test=read_test).history
    metrics = [f"{split}_{metric}" for split in splits for metric in ("loss", "accuracy")]
    assert list(row.as_dict()) == ["epoch", *metrics, *TIMES]
    assert row.as_dict() == {name: getattr(row, name) for name in row.as_dict()}


def test_a_metric_of_zero_is_a_column_all_the_same() -> None:
    row = epoch(validation_loss=0.0, validation_accuracy=0.0, test_accuracy=0.0).as_dict()
    assert row["validation_loss"] == row["validation_accuracy"] == row["test_accuracy"] == 0


@pytest.mark.parametrize("split", ["training", "validation", "test"])
@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_one_loss_that_is_not_finite_makes_an_epoch_so(split: str, loss: float) -> None:
    assert epoch().is_finite
    assert epoch(validation_loss=0.3).is_finite
    assert epoch(test_loss=None, test_accuracy=None).is_finite
    assert not epoch(**{f"{split}_loss": loss}).is_finite


@every_implementation
def test_a_repeated_run_is_equal_bit_by_bit(implementation: str) -> None:
    def outcome() -> tuple[list[tuple[float | None, ...]], dict[str, torch.Tensor]]:
        trained = run(small_data(), QUICK, implementation=implementation)
        rows: list[tuple[float | None, ...]] = [
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
        "validation_size": 5,
    }
    assert Settings.from_mapping(values) == Settings((64, 32), 0.1, "framework", 3, 7, 1, 5)
    with pytest.raises(TypeError):
        Settings.from_mapping({**values, "momentum": 0.9})


@every_implementation
def test_a_run_that_goes_on_from_a_checkpoint_ends_as_one_that_was_never_interrupted(
    implementation: str,
) -> None:
    settings = replace(QUICK, epochs=4, validation_size=20)
    checkpoints: list[Checkpoint] = []
    chosen: dict[str, Any] = {"implementation": implementation, "activation": "prelu"}

    def keep(trained: Trained) -> None:
        # A copy: the network and the lists go on changing.
        checkpoints.append(copy.deepcopy(trained.checkpoint()))

    whole = run(small_data(), settings, on_epoch=keep, **chosen)
    assert [len(checkpoint.history) for checkpoint in checkpoints] == [1, 2, 3, 4]
    for number, checkpoint in enumerate(checkpoints, start=1):
        before = copy.deepcopy(checkpoint)
        resumed = run(small_data(), settings, earlier=checkpoint, **chosen)
        assert_same_run(resumed, whole)
        assert {"validation", "test"} == set(whole.logits)
        for split, logits in whole.logits.items():
            assert torch.equal(resumed.logits[split], logits)
        assert resumed.history[:number] == whole.history[:number]
        assert resumed.evaluation_seconds >= checkpoint.evaluation_seconds
        assert checkpoint.history == before.history
        for name, value in before.parameters.items():
            assert torch.equal(checkpoint.parameters[name], value)


def test_default_settings_are_the_articles() -> None:
    assert Settings() == Settings((256,), 0.01, "zeros", 10, 256, 0.1, 0)


@every_implementation
def test_a_huge_learning_rate_ends_the_run_early_as_diverged(implementation: str) -> None:
    seen: list[Epoch] = []
    settings = replace(QUICK, epochs=20, learning_rate=1e30)
    trained = run(
        small_data(),
        settings,
        implementation=implementation,
        on_epoch=lambda run: seen.append(run.history[-1]),
    )
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
    logits = trained.logits["test"]
    torch.testing.assert_close(
        logits, all_logits(trained.network, data.test), rtol=0, atol=0, equal_nan=True
    )
    table = prediction_table(logits.numpy(), data.test.labels.numpy())
    correct = sum(a == b for a, b in zip(table["label"], table["prediction"], strict=True))
    assert correct / 30 == trained.history[-1].test_accuracy


def test_a_network_may_fill_the_same_tensor_every_time() -> None:
    class Filling:
        def __init__(self) -> None:
            self._filled = torch.empty(3, 4)

        def logits(self, images: torch.Tensor) -> torch.Tensor:
            return self._filled.copy_(images.flatten(1)[:, :4])

    split = random_split(6)
    batches = Batches(split, 3, torch.float32)
    sums = Sums.of_scores(batches.device)
    seen = evaluation_pass(Filling(), batches, sums)  # type: ignore[arg-type]
    assert torch.equal(torch.cat(seen), pixels_of(split).flatten(1)[:, :4])


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
    logits = trained.logits["test"]
    assert torch.equal(logits, all_logits(trained.network, data.test))
    assert logits.shape == (EVALUATION_BATCH + 234, 4)
    assert not logits.requires_grad
    table = prediction_table(logits.numpy(), data.test.labels.numpy()).to_pydict()
    correct = sum(a == b for a, b in zip(table["label"], table["prediction"], strict=True))
    last = trained.history[-1]
    assert correct / len(data.test) == last.test_accuracy
    scored = Predictions(data.test.labels.numpy(), np.array(table["logits"], np.float32))
    mean = negative_log_likelihood(scored)
    assert mean == pytest.approx(last.test_loss, rel=1e-5)


def test_sanity_bounds_are_the_articles() -> None:
    articles = {
        "training_loss": (-math.inf, 0.5),
        "training_accuracy": (0.7, 1.0),
        "test_accuracy": (0.7, 1.0),
    }
    # Validation images stand in for the test set, with its bounds.
    assert articles | {"validation_accuracy": articles["test_accuracy"]} == SANITY_BOUNDS


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
        ("validation_accuracy", 0.7, False),
        ("validation_accuracy", math.nextafter(0.7, 1), True),
        ("validation_accuracy", 1.0, True),
        ("validation_accuracy", 1.01, False),
    ],
)
def test_sanity_at_and_around_its_bounds(metric: str, value: float, met: bool) -> None:
    unread = {"test_loss": None, "test_accuracy": None} if "validation" in metric else {}
    checks = sanity(epoch(**unread, **{metric: value}))
    assert checks[metric]["met"] is met
    assert checks[metric]["value"] == (value if math.isfinite(value) else None)
    assert all(check["met"] for name, check in checks.items() if name != metric)


def test_sanity_says_its_bounds() -> None:
    checks = sanity(epoch())
    assert checks["training_loss"] == {"value": 0.3, "above": None, "below": 0.5, "met": True}
    assert checks["test_accuracy"] == {"value": 0.85, "above": 0.7, "below": 1.0, "met": True}


def test_sanity_is_judged_on_the_test_set_and_only_without_it_on_validation() -> None:
    both = epoch(validation_loss=0.4, validation_accuracy=0.1)
    assert list(sanity(both)) == ["training_loss", "training_accuracy", "test_accuracy"]
    assert all(check["met"] for check in sanity(both).values())
    alone = replace(both, test_loss=None, test_accuracy=None)
    assert list(sanity(alone)) == ["training_loss", "training_accuracy", "validation_accuracy"]
    assert not sanity(alone)["validation_accuracy"]["met"]
    neither = replace(alone, validation_loss=None, validation_accuracy=None)
    assert list(sanity(neither)) == ["training_loss", "training_accuracy"]


HELD_OUT = replace(QUICK, validation_size=23)


@every_implementation
@pytest.mark.parametrize("size", [23, 50], ids=["some", "all but less than a batch"])
def test_held_out_images_are_neither_trained_on_nor_diagnosed(
    implementation: str, size: int
) -> None:
    data, settings = small_data(), replace(QUICK, validation_size=size)
    images, labels = data.training.images.clone(), data.training.labels.clone()
    images[-size:] = 255 - images[-size:]
    labels[-size:] = (labels[-size:] + 1) % 4
    spoiled = with_training(data, images, labels)
    clean, other = (run(d, settings, implementation=implementation) for d in (data, spoiled))
    assert_same_run(clean, other, but_for=("validation_loss", "validation_accuracy"))
    assert clean.history[-1].validation_loss != other.history[-1].validation_loss
    # One more image that is spoiled is one that is trained on.
    images[-size - 1] = 255 - images[-size - 1]
    trained_on = run(with_training(data, images, labels), settings, implementation=implementation)
    assert trained_on.history[0].training_loss != clean.history[0].training_loss


@every_implementation
def test_held_out_images_leave_a_smaller_training_set_like_any_other(implementation: str) -> None:
    data = small_data()
    rest = data.training.images[:-23], data.training.labels[:-23]
    smaller = run(with_training(data, *rest), QUICK, implementation=implementation)
    trained = run(data, HELD_OUT, implementation=implementation)
    scores = ("validation_loss", "validation_accuracy")
    assert_same_run(smaller, trained, but_for=scores)
    last = trained.history[-1]
    assert last.samples_per_second == pytest.approx(47 / last.seconds)


@every_implementation
def test_validation_metrics_are_of_the_last_training_images(implementation: str) -> None:
    data = small_data()
    trained = run(data, HELD_OUT, implementation=implementation)
    last = trained.history[-1]
    labels = data.training.labels[47:]
    logits = trained.network.logits(pixels_of(data.training)[47:]).detach()
    expected = torch.nn.functional.cross_entropy(logits, labels).item()
    assert last.validation_loss == pytest.approx(expected, rel=1e-6)
    assert last.validation_accuracy == (logits.argmax(1) == labels).sum().item() / 23
    (_, validation) = held_out(data.training, 23)
    assert torch.equal(all_logits(trained.network, validation), trained.logits["validation"])
    torch.testing.assert_close(trained.logits["validation"], logits)


def test_a_single_image_is_enough_to_train_on_or_to_validate_with() -> None:
    for size in (1, 69):
        (row,) = run(small_data(), replace(QUICK, epochs=1, validation_size=size)).history
        assert row.validation_accuracy is not None
        assert row.validation_accuracy * size == pytest.approx(
            round(row.validation_accuracy * size)
        )


@pytest.mark.parametrize("size", [70, 71, 10**9])
def test_holding_out_all_images_is_refused(size: int) -> None:
    with pytest.raises(UserError, match=rf"validation_size: {size} of 70 .* value is 69"):
        run(small_data(), replace(QUICK, validation_size=size))


@every_implementation
@pytest.mark.parametrize("settings", [QUICK, HELD_OUT], ids=["none held out", "some held out"])
def test_a_run_that_must_not_read_the_test_set_does_not_touch_it(
    implementation: str, settings: Settings
) -> None:
    data = small_data()
    forbidden: Any = Forbidden()
    sealed = Sealed(data.name, data.class_names, data.training, forbidden)
    unread = run(sealed, settings, implementation=implementation, read_test=False)
    assert all(row.test_loss is None and row.test_accuracy is None for row in unread.history)
    read = run(data, settings, implementation=implementation)
    assert all(row.test_accuracy is not None for row in read.history)
    assert_same_run(read, unread, but_for=("test_loss", "test_accuracy"))
    with pytest.raises(AssertionError, match="the test split was read"):
        run(sealed, settings, implementation=implementation)


@pytest.mark.parametrize("read_test", [True, False])
def test_a_run_that_diverges_without_the_test_set_ends_early_too(read_test: bool) -> None:
    settings = replace(HELD_OUT, epochs=20, learning_rate=1e30)
    trained = run(small_data(), settings, read_test=read_test)
    assert trained.status == "diverged"
    assert len(trained.history) < 20
    # What it came to is diagnosed as well: epoch 0 and every epoch that there was.
    epochs = {diagnosis.epoch for diagnosis in trained.diagnoses}
    assert epochs == set(range(len(trained.history) + 1))


def test_a_validation_loss_that_is_not_finite_ends_the_run() -> None:
    data, settings = small_data(), replace(HELD_OUT, epochs=5)

    class Spiteful:
        """Trains as usual, but has no finite answer for the 23 held-out images."""

        def __init__(self, *arguments: Any) -> None:
            self._network = implementations.load("scratch")(*arguments)
            self.train_step = self._network.train_step
            self.parameters = self._network.parameters

        def logits(self, images: torch.Tensor) -> torch.Tensor:
            logits = self._network.logits(images)
            return logits * math.nan if len(images) == 23 else logits

    trained = train(Spiteful, activations.load("relu"), data, settings, seed=0, read_test=False)
    assert trained.status == "diverged"
    assert len(trained.history) == 1


@every_implementation
def test_diagnosing_changes_neither_the_network_nor_the_course_of_the_run(
    implementation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    diagnosed = run(small_data(), HELD_OUT, implementation=implementation)
    assert diagnosed.diagnoses
    monkeypatch.setattr(Probe, "__init__", lambda *arguments: None)
    for name in ("diagnose", "dead_throughout", "values"):
        monkeypatch.setattr(Probe, name, lambda *arguments: [])
    blind = run(small_data(), HELD_OUT, implementation=implementation)
    assert blind.diagnoses == []
    diagnosed.diagnoses.clear()
    assert_same_run(diagnosed, blind)


def test_diagnoses_are_of_the_batch_of_training_images_before_training_and_after_each_epoch() -> (
    None
):
    data = small_data()
    trained = run(data, HELD_OUT)
    kept, _ = held_out(data.training, 23)
    probe = Probe(kept, QUICK.batch_size, activations.load("relu"), torch.float32)
    initial = initial_parameters((12, 16, 4), 0, QUICK.weight_std)
    ended = trained.network.parameters()
    expected = probe.diagnose(0, initial) + probe.values(0, initial) + probe.diagnose(2, ended)
    # Which units are dead is asked of all images at the end.
    expected += probe.dead_throughout(2, ended, Batches(kept, 9, torch.float32))
    expected += probe.values(2, ended)
    assert [row for row in trained.diagnoses if row.epoch != 1] == expected
    assert {row.epoch for row in trained.diagnoses} == {0, 1, 2}
    assert [row.epoch for row in trained.diagnoses] == sorted(r.epoch for r in trained.diagnoses)


def test_time_for_diagnoses_is_no_training_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count()

    def slow(*arguments: Any) -> list[Any]:
        for _ in range(1000):
            next(clock)
        return []

    # A look at this clock takes a second, a diagnosis a thousand.
    monkeypatch.setattr("mlplab.training.loop.time.perf_counter", lambda: float(next(clock)))
    monkeypatch.setattr(Probe, "diagnose", slow)
    trained = run(small_data(), QUICK)
    assert [row.seconds for row in trained.history] == [1, 1]
    assert trained.training_seconds == 2
    assert trained.diagnostics_seconds == 2002


def test_a_learned_parameter_of_the_activation_learns() -> None:
    build, prelu = implementations.load("scratch"), activations.load("prelu")
    trained = train(build, prelu, small_data(), QUICK, seed=0)
    parameters = trained.network.parameters()
    assert list(parameters) == ["W1", "b1", "alpha1", "W2", "b2"]
    assert parameters["alpha1"].shape == (1,)
    assert parameters["alpha1"].item() != prelu.parameters["alpha"]
