"""The implementations of the network. This folder is the registry: one file each, known by name.

A file defines a class `Network` with the interface below. All implementations start from the same
parameters and are fed the same batches, so they can be compared step by step.
"""

import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    import torch

    from mlplab.activations import Activation


class Network(Protocol):
    """What an implementation offers. Shapes: n examples, c classes; images are n × height × width.

    Everything is computed in the dtype of the parameters; labels are int64.
    """

    def __init__(
        self, parameters: "dict[str, torch.Tensor]", activation: "Activation", learning_rate: float
    ) -> None:
        """A network that starts from copies of `parameters` (W1, b1, W2, b2 …)."""

    def logits(self, images: "torch.Tensor") -> "torch.Tensor":
        """Scores of each class before the softmax, n × c."""

    def train_step(
        self, images: "torch.Tensor", labels: "torch.Tensor"
    ) -> "tuple[torch.Tensor, torch.Tensor]":
        """One step of gradient descent on the mean loss of a batch.

        Returns the batch's summed loss and its number of hits, both measured before the step, as
        tensors without dimensions: the caller sums them without waiting for them.
        """

    def parameters(self) -> "dict[str, torch.Tensor]":
        """The present parameters, named and shaped as those that came in."""


def names() -> list[str]:
    """Names of all implementations, sorted; imports none of them."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def source(name: str) -> Path:
    """The file that defines the implementation `name`."""
    return Path(__path__[0], f"{name}.py")


def load(name: str) -> type[Network]:
    """The class `Network` of the implementation `name`."""
    return cast(type[Network], importlib.import_module(f"{__name__}.{name}").Network)
