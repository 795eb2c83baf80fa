"""The implementations of the network. This folder is the registry: one file each, known by name.

A file defines a class `Network` with the interface below; folders that a configuration names under
`implementations` hold further ones. All implementations start from the same parameters and are fed
the same batches, so they can be compared step by step.

A file may say

- `MAX_HIDDEN_LAYERS = 1` (or another number) where it cannot do more;
- `DEVICES = ("cpu", "cuda")` where it can do more than the CPU. It then makes its tensors on the
  device of the parameters, changes these in place, and a step depends on nothing but them and the
  batch: an epoch is recorded as one CUDA graph, which computes the same again without running any
  Python. (What waits for a value, such as `loss.item()`, cannot be recorded and is run as it is.)
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mlplab.optimizers import Optimizer
from mlplab.plugins import Registry, constants

if TYPE_CHECKING:
    import torch

    from mlplab.activations import Activation

REGISTRY = Registry("implementation", __name__, Path(__path__[0]))


class Network(Protocol):
    """What an implementation offers. Shapes: n examples, c classes; images are n × height × width.

    Everything is computed in the dtype and on the device of the parameters; labels are int64.
    """

    def __init__(
        self, parameters: "dict[str, torch.Tensor]", activation: "Activation", optimizer: Optimizer
    ) -> None:
        """A network that starts from copies of `parameters`.

        A third argument that is called `optimizer` gets all of the optimiser's settings; under any
        other name it gets the learning rate alone, which is enough for plain gradient descent.

        They are W1, b1, W2, b2 …; an activation's own parameters, such as the α of a pReLU, follow
        the biases of their layer: W1, b1, alpha1, W2, b2.
        """

    def logits(self, images: "torch.Tensor") -> "torch.Tensor":
        """Scores of each class before the softmax, n × c."""

    def train_step(
        self, images: "torch.Tensor", labels: "torch.Tensor"
    ) -> "tuple[torch.Tensor, torch.Tensor]":
        """One step of the optimiser on the mean loss of a batch.

        Returns the batch's summed loss and its number of correct predictions, both measured before
        the step, as tensors without dimensions: the caller sums them without waiting for them. (A
        plain number is taken as well; on a CUDA device it costs that wait.)
        """

    def parameters(self) -> "dict[str, torch.Tensor]":
        """The present parameters, named and shaped as those that came in, in any order."""


# A number in place of an optimiser is the learning rate of plain gradient descent.
Build = Callable[["dict[str, torch.Tensor]", "Activation", Optimizer | float], Network]


def names(folders: Sequence[str | Path] = ()) -> list[str]:
    """Names of all implementations, sorted; imports none of them."""
    return list(REGISTRY.sources(folders))


def source(name: str, folders: Sequence[str | Path] = ()) -> Path:
    """The file that defines the implementation `name`."""
    return REGISTRY.sources(folders)[name]


def load(source: str | Path) -> Build:
    """What builds networks of an implementation: its file, or the name of one of the library's.

    Raises PlugInError where the file cannot be imported or lacks part of the interface, and
    whenever a network that was built breaks it.
    """
    from mlplab.implementations._contract import guarded

    path = REGISTRY.file(source)
    return guarded(REGISTRY.load(path), path)


def max_hidden_layers(source: Path) -> int | None:
    """How many hidden layers an implementation says it can do; None for any number."""
    limit = constants(source).get("MAX_HIDDEN_LAYERS")
    return limit if isinstance(limit, int) else None


def devices(source: Path) -> tuple[str, ...]:
    """The kinds of device that an implementation says it can use: the CPU, where it says none."""
    said = constants(source).get("DEVICES")
    return tuple(map(str, said)) if isinstance(said, list | tuple) else ("cpu",)
