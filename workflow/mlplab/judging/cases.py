"""What two implementations are given to be compared: data, sizes, start and settings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from mlplab import optimizers
from mlplab.activations import Activation
from mlplab.datasets.order import epoch_order
from mlplab.datasets.store import Split
from mlplab.initializers import initial_parameters
from mlplab.judging.values import Batch, Parameters
from mlplab.optimizers import Optimizer
from mlplab.study.settings import Settings

# Greatest settings with which rounding hardly grows over the steps.
STEADY_RATE = 0.1
STEADY_STD = 0.05
PLAIN = Optimizer(STEADY_RATE)
CHEAP_WIDTH, CHEAP_BATCH = 16, 32


@dataclass(frozen=True)
class Problem:
    """What both implementations are given: data, sizes, start and settings."""

    split: Split
    hidden_sizes: tuple[int, ...]
    classes: int
    batch_size: int = Settings.batch_size
    optimizer: Optimizer = PLAIN
    weight_std: float = Settings.weight_std
    seed: int = 0
    # Whether the sizes are those that a file may have written into it.
    fixed: bool = False

    @property
    def sizes(self) -> tuple[int, ...]:
        """Widths of the network from input to output."""
        _, height, width = self.split.images.shape
        return (height * width, *self.hidden_sizes, self.classes)

    @property
    def network(self) -> str:
        """The sizes in words: 784-256-10."""
        return "-".join(map(str, self.sizes))

    def cheap(self) -> "Problem":
        """The same with layers and batches that are no wider than needed, for many steps."""
        if self.fixed:
            return self
        return replace(
            self,
            hidden_sizes=tuple(min(size, CHEAP_WIDTH) for size in self.hidden_sizes),
            batch_size=min(self.batch_size, CHEAP_BATCH),
        )

    def start(self, activation: Activation, dtype: torch.dtype, seed: int = 0) -> Parameters:
        """Initial parameters. The biases are not zero, so that a forgotten one shows at once."""
        return initial_parameters(
            self.sizes,
            self.seed + seed,
            self.weight_std,
            "framework",
            dtype,
            activation.parameters,
        )

    def batches(self, count: int) -> Iterator[Batch]:
        """Batches in float64, in the seed's order.

        The first two and every tenth are whole, all others a third as great, and no greater than a
        cheap one: what is kept from one step to the next shows in the second, a mistake with
        smaller batches in the third.
        """
        size = min(self.batch_size, len(self.split) // 2)
        smaller = max(1, min(size // 3, CHEAP_BATCH))
        order = epoch_order(len(self.split), self.seed, 1)
        for number in range(1, count + 1):
            whole = number <= 2 or number % 10 == 0
            order = order.roll(-size)
            chosen = order[: size if whole else smaller]
            batch = self.split[chosen].scaled(self.split.images.device, torch.float64)
            yield batch.images, batch.labels


def problems_of(split: Split, classes: int, settings: Mapping[str, Any]) -> list[Problem]:
    """The study's own network, and a deeper one of equal widths where mistakes between layers show.

    `settings` are those of a run. Learning rate and weights are smaller where those are so great
    that training is chaotic: rounding would grow until right implementations differ.
    """
    chosen = Settings.from_mapping(settings)
    steady = replace(optimizers.of(chosen), learning_rate=min(chosen.learning_rate, STEADY_RATE))
    weight_std = min(chosen.weight_std, STEADY_STD)
    own = Problem(split, chosen.hidden_sizes, classes, chosen.batch_size, steady, weight_std)
    deep = Problem(
        split,
        (16, 16, 16),
        classes,
        chosen.batch_size,
        replace(steady, learning_rate=STEADY_RATE),
        weight_std=0.3,
    )
    return [own, deep]
