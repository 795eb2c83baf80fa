"""Seconds per epoch of every implementation and activation, beside the textbook and the floor.

Every pass measures the floor, then the textbook's loop, then all cases, on the real Fashion-MNIST.
The project's cases run on one thread with the products that the project chooses.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from benchmarks.limit import Limit
from benchmarks.measure import (
    Seconds,
    alternate,
    data_file,
    paragraph,
    ratio,
    spreads,
    table,
    torch_setting,
)
from benchmarks.textbook import AS_WRITTEN, CASES, fashion_mnist, textbooks
from mlplab import activations, implementations
from mlplab.datasets import store
from mlplab.datasets.batches import Batches
from mlplab.datasets.order import epoch_order
from mlplab.initializers import initial_parameters
from mlplab.study.settings import Settings
from mlplab.training.loop import EVALUATION_BATCH, evaluate, train_epoch
from mlplab.training.precision import use_fast_products

FLOOR = "floor"
BASELINE = "relu"
ARTICLE = ("relu", "sigmoid", "tanh")
PASSES, FEWER_PASSES = 9, 5

Case = tuple[str, str]
Key = str | Case


class Training:
    """A network of one implementation and activation that trains on, epoch by epoch."""

    def __init__(self, data: store.Dataset, case: Case, products: str) -> None:
        settings = Settings()
        activation = activations.load(case[1])
        sizes = (data.pixels, *settings.hidden_sizes, data.classes)
        parameters = initial_parameters(
            sizes,
            0,
            settings.weight_std,
            settings.bias_init,
            activation_parameters=activation.parameters,
        )
        build = implementations.load(case[0])
        self.network = build(parameters, activation, settings.learning_rate)
        self._count, self._test_count = len(data.training), len(data.test)
        self._training = Batches(data.training, settings.batch_size, torch.float32)
        self.test = Batches(data.test, EVALUATION_BATCH, torch.float32)
        self._products = products
        self._epochs = 0

    def epoch(self) -> Seconds:
        """Seconds of one more epoch, with its order of examples, as a run has it."""
        self._epochs += 1
        with torch_setting(1, self._products):
            start = time.perf_counter()
            order = epoch_order(self._count, 0, self._epochs)
            train_epoch(self.network, self._training, order)
            middle = time.perf_counter()
            evaluate(self.network, self.test, self._test_count)
            return Seconds(middle - start, time.perf_counter() - middle)


def summary(measured: Mapping[Key, Sequence[Seconds]]) -> dict[str, Any]:
    """Medians and ratios of all cases, from the seconds of floor, textbook and cases by pass."""
    seconds = {key: [each.epoch for each in found] for key, found in measured.items()}
    loops = [key for key in measured if key in CASES]
    cases = [key for key in measured if isinstance(key, tuple)]

    def faster(key: Key) -> dict[str, float]:
        return {loop: ratio(seconds[loop], seconds[key]) for loop in loops}

    return {
        "floor": {**spreads(measured[FLOOR]), "faster_than_textbook": faster(FLOOR)},
        "textbook": {loop: spreads(measured[loop]) for loop in loops},
        "cases": [
            {
                "implementation": case[0],
                "activation": case[1],
                **spreads(measured[case]),
                "faster_than_textbook": faster(case),
                "share_of_floor": ratio(seconds[FLOOR], seconds[case]),
                "to_relu": ratio(seconds[case], seconds[case[0], BASELINE]),
            }
            for case in cases
        ],
    }


def measure(cases: Mapping[Case, int]) -> dict[str, Any]:
    """Floor, textbook and cases, alternating; `cases` says the number of passes of each."""
    loops = textbooks(*fashion_mnist())
    data = store.load(data_file("data.safetensors"))
    with torch_setting(1, torch.get_float32_matmul_precision()):
        products, error = use_fast_products()
    runs: dict[Key, Callable[[], Seconds]] = {FLOOR: Limit().floor}
    runs |= {name: loop.epoch for name, loop in loops.items()}
    runs |= {case: Training(data, case, products).epoch for case in cases}
    most = max(cases.values())
    measured = alternate(runs, {**dict.fromkeys(runs, most), **cases})
    return {"threads": 1, "products": products, "error": error, **summary(measured)}


def main() -> dict[str, Any]:
    """Every implementation with every activation, those of the article in more passes."""
    passes = dict.fromkeys(activations.names(), FEWER_PASSES) | dict.fromkeys(ARTICLE, PASSES)
    return measure(
        {(i, activation): n for i in implementations.names() for activation, n in passes.items()}
    )


def _row(name: str, case: Mapping[str, Any], *further: str) -> list[str]:
    epoch = case["epoch"]
    return [
        name,
        f"{case['training']['median']:.3f}",
        f"{epoch['median']:.3f}",
        f"{epoch['min']:.3f} to {epoch['max']:.3f}",
        str(epoch["n"]),
        *(f"{faster:.1f}" for faster in case["faster_than_textbook"].values()),
        *further,
    ]


def _rows(result: Mapping[str, Any]) -> list[list[str]]:
    """The floor, which no row can go below, then all cases."""
    floor = _row("*the floor*", result["floor"], "100 %", "")
    return [floor] + [
        _row(
            f"{case['implementation']} {case['activation']}",
            case,
            f"{100 * case['share_of_floor']:.0f} %",
            f"{case['to_relu']:.2f}",
        )
        for case in result["cases"]
    ]


def page(result: dict[str, Any]) -> str:
    """Seconds and ratios as a section of Markdown."""
    loops = ", ".join(
        f"{loop['epoch']['median']:.2f} s with {name}" for name, loop in result["textbook"].items()
    )
    heading = ["implementation and activation", "training pass, s", "epoch, s", "least to greatest"]
    heading += ["n", *(f"× {name}" for name in result["textbook"])]
    heading += ["floor / epoch", "ratio to relu"]
    what = paragraph(
        f"""Every implementation with every activation on Fashion-MNIST, {result["threads"]} thread,
        float32 products {result["products"]!r} (relative error {result["error"]:.1e}). An epoch is
        the pass over the training set and the one over the test set; diagnostics are left out. Each
        pass measures the floor, then the textbook's loop, then all cases; the first is not
        counted. Seconds are medians of n passes, ratios medians of the ratios pass by pass."""
    )
    ratios = paragraph(
        f"""×: how many times faster than the textbook's loop, which takes {loops}. As written it
        has {AS_WRITTEN}; with one thread it has what the others have. Other work on the machine
        slows a loop with several threads or processes the most. Floor / epoch: which share of the
        time the floor is, whose own × is the most that an implementation can reach. The last
        column is the time against ReLU in the same implementation."""
    )
    return "\n".join(["## Seconds per epoch\n", what, ratios, table(heading, _rows(result))])
