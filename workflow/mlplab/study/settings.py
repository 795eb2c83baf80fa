"""What a run trains with, apart from its implementation, activation and seed.

A field here is all that a setting needs: from it follow the key of the configuration, the axis of
the grid, the documentation, and what is recorded and tracked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlplab.keys import key


@dataclass(frozen=True)
class Network:
    """The network and its start."""

    hidden_sizes: tuple[int, ...] = key(
        (256,),
        "Number of units of each hidden layer, from input to output.",
        minItems=1,
        maxItems=64,
        items={"minimum": 1, "maximum": 1_000_000},
    )
    weight_std: float = key(
        0.01,
        "Standard deviation of the normal distribution that the initial weights are drawn from.",
        minimum=0,
    )
    bias_init: str = key(
        "zeros",
        "Initial biases, a file in `workflow/mlplab/initializers/`: `zeros`, or `framework` for "
        "what `torch.nn.Linear` does by itself, a uniform draw between ±1/√(number of inputs). The "
        "article takes the second for the first.",
        registry="initializers",
    )


@dataclass(frozen=True)
class Training:
    """How every run trains."""

    epochs: int = key(10, "Number of passes over the training set.", minimum=1, maximum=1_000_000)
    batch_size: int = key(
        256,
        "Number of examples per step of gradient descent; the last batch of an epoch may be "
        "smaller.",
        minimum=1,
    )
    learning_rate: float = key(
        0.1, "Step size of gradient descent on the mean loss.", exclusiveMinimum=0
    )
    validation_size: int = key(
        0,
        "Number of training images, the last ones, that are held out for validation; 0 as in the "
        "article. `selection` needs some.",
        minimum=0,
    )


# The sections of a configuration that hold the settings of a run.
SECTIONS = {"network": Network, "training": Training}


# Dataclasses take the fields of the last base first.
@dataclass(frozen=True)
class Settings(Training, Network):
    """What a run trains with, apart from its implementation, activation and seed."""

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "Settings":
        """Settings from plain values, as a configuration gives them."""
        frozen: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        return cls(**frozen)
