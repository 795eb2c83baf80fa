"""How fast the machine multiplies float32 matrices of this network's shapes, and what follows.

An implementation that uses torch's products can train no faster than its five products take: their
time is the floor. The network is 784-256-10 on batches of 256, on one thread.
"""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch

from benchmarks.measure import (
    Seconds,
    alternate,
    paragraph,
    spread,
    spreads,
    table,
    torch_setting,
)
from mlplab.training.precision import FLOAT32_GRADE, product_error

INPUTS, HIDDEN, CLASSES, BATCH = 784, 256, 10, 256
TRAINING_IMAGES, TEST_IMAGES = 60_000, 10_000
SETTINGS = ("highest", "medium")
PASSES = 11
# So many products in a row are timed as one.
REPEATS = 40

# Floating-point operations of each product per image; X: images, H: hidden values, D1 and D2: the
# errors of the hidden and of the output layer.
FLOPS = {
    "X W1": 2 * INPUTS * HIDDEN,
    "H W2": 2 * HIDDEN * CLASSES,
    "D2 W2ᵀ": 2 * CLASSES * HIDDEN,
    "Hᵀ D2": 2 * HIDDEN * CLASSES,
    "W1 − η Xᵀ D1": 2 * INPUTS * HIDDEN,
}
FORWARD = ("X W1", "H W2")

# GFLOP/s of each product.
Rates = Mapping[str, float]


def products() -> dict[str, Callable[[], torch.Tensor]]:
    """The five products of a training step, as fast as torch offers them: into ready buffers."""
    random = torch.Generator().manual_seed(0)
    draw = partial(torch.randn, generator=random)
    x, h, d1, d2 = (draw(BATCH, width) for width in (INPUTS, HIDDEN, HIDDEN, CLASSES))
    w1, w2 = draw(INPUTS, HIDDEN), draw(HIDDEN, CLASSES)
    hidden, logits, gradient = torch.empty_like(h), torch.empty_like(d2), torch.empty_like(w2)
    return {
        "X W1": lambda: torch.mm(x, w1, out=hidden),
        "H W2": lambda: torch.mm(h, w2, out=logits),
        "D2 W2ᵀ": lambda: torch.mm(d2, w2.T, out=hidden),
        "Hᵀ D2": lambda: torch.mm(h.T, d2, out=gradient),
        "W1 − η Xᵀ D1": lambda: w1.addmm_(x.T, d1, alpha=-1e-6),
    }


def rate(name: str, product: Callable[[], torch.Tensor]) -> float:
    """GFLOP/s of a product of this name on a batch."""
    start = time.perf_counter()
    for _ in range(REPEATS):
        product()
    return REPEATS * BATCH * FLOPS[name] / (time.perf_counter() - start) / 1e9


def exact_settings() -> dict[str, float]:
    """The product settings of float32 grade on this machine, with their errors."""
    errors = {}
    for setting in SETTINGS:
        with torch_setting(1, setting):
            errors[setting] = product_error()
    return {setting: error for setting, error in errors.items() if error <= FLOAT32_GRADE}


def floor(rates: Rates) -> Seconds:
    """Seconds of an epoch in which nothing but the products takes time."""
    training = sum(TRAINING_IMAGES * flops / (1e9 * rates[name]) for name, flops in FLOPS.items())
    test = sum(TEST_IMAGES * FLOPS[name] / (1e9 * rates[name]) for name in FORWARD)
    return Seconds(training, test)


def best(rates: Mapping[str, Rates]) -> Rates:
    """The best rate of each product under any setting."""
    return {name: max(of[name] for of in rates.values()) for name in FLOPS}


class Limit:
    """The products with the settings that may be used for them."""

    def __init__(self) -> None:
        self.errors = exact_settings()
        self._products = products()

    def rates(self, setting: str) -> Rates:
        """GFLOP/s of each product under a setting, now."""
        with torch_setting(1, setting):
            return {name: rate(name, product) for name, product in self._products.items()}

    def floor(self) -> Seconds:
        """The floor of an epoch, now."""
        return floor(best({setting: self.rates(setting) for setting in self.errors}))


def main() -> dict[str, Any]:
    """Rates of all products under all settings, and the floor."""
    limit = Limit()
    measured = alternate({s: partial(limit.rates, s) for s in limit.errors}, PASSES)
    by_pass = [
        dict(zip(measured, rates, strict=True)) for rates in zip(*measured.values(), strict=True)
    ]
    return {
        "threads": 1,
        "batch": BATCH,
        "errors": limit.errors,
        "gflop": {
            "training": TRAINING_IMAGES * sum(FLOPS.values()) / 1e9,
            "test": TEST_IMAGES * sum(FLOPS[name] for name in FORWARD) / 1e9,
        },
        "rates": {
            setting: {name: spread([each[name] for each in rates]) for name in FLOPS}
            for setting, rates in measured.items()
        },
        "floor": spreads([floor(best(rates)) for rates in by_pass]),
    }


def page(result: dict[str, Any]) -> str:
    """Rates and floor as a section of Markdown."""
    rates, floors, gflop, batch = (result[name] for name in ("rates", "floor", "gflop", "batch"))
    rows = [
        [
            name,
            f"{batch * flops / 1e6:.1f}",
            *(f"{of[name]['median']:.0f}" for of in rates.values()),
        ]
        for name, flops in FLOPS.items()
    ]
    settings = [f"GFLOP/s, {setting!r}" for setting in rates]
    errors = ", ".join(f"{error:.1e} with {name!r}" for name, error in result["errors"].items())
    training, test, epoch = (floors[name]["median"] for name in ("training", "test", "epoch"))
    what = paragraph(
        f"""The matrix products of a training step of the network {INPUTS}-{HIDDEN}-{CLASSES} on a
        batch of {batch}, on {result["threads"]} thread; medians of {floors["epoch"]["n"]} passes.
        The settings are those of `torch.set_float32_matmul_precision` whose products are of
        float32 grade on this machine (greatest relative error {errors})."""
    )
    floor_of_epoch = paragraph(
        f"""An epoch has {gflop["training"]:.1f} GFLOP of products in training and
        {gflop["test"]:.1f} in the pass over the test set. At the best of these rates they take
        {training:.3f} s and {test:.3f} s: the floor of an epoch is **{epoch:.3f} s**
        ({floors["epoch"]["min"]:.3f} to {floors["epoch"]["max"]:.3f})."""
    )
    return "\n".join(
        [
            "## The machine's limit\n",
            what,
            table(["product", "MFLOP", *settings], rows),
            floor_of_epoch,
        ]
    )
