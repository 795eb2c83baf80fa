"""What an implementation owes to those that use it, watched over at every call."""

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from mlplab.optimizers import Optimizer, given
from mlplab.plugins import PlugInError, blaming, definition, described

if TYPE_CHECKING:
    from mlplab.activations import Activation

METHODS = {
    "logits": "logits(images)",
    "train_step": "train_step(images, labels)",
    "parameters": "parameters()",
}

Parameters = dict[str, torch.Tensor]


def _placed(value: Any) -> str:
    """What came, in words, with its device where that is not the CPU."""
    elsewhere = isinstance(value, torch.Tensor) and value.device.type != "cpu"
    return f"{described(value)} on {value.device}" if elsewhere else described(value)


class Guarded:
    """A network of someone's implementation; what breaks the interface is refused in one line."""

    def __init__(
        self,
        network_class: Callable[..., Any],
        source: Path,
        parameters: Parameters,
        activation: "Activation",
        optimizer: Optimizer,
    ) -> None:
        self._source = source
        self._activation_source = activation.source
        self._specification = {
            name: (value.shape, value.dtype, value.device) for name, value in parameters.items()
        }
        self._classes = next(
            value.shape[1] for name, value in reversed(parameters.items()) if value.dim() == 2
        )
        self._dtype = next(iter(parameters.values())).dtype
        third = "optimizer" if _takes_optimizer(network_class) else "learning_rate"
        beyond = optimizer.beyond_the_rate()
        if third == "learning_rate" and beyond:
            asked = ", ".join(f"{name} {value}" for name, value in beyond.items())
            raise PlugInError(
                f"{definition(source, 'Network')}: Network takes the learning rate alone, and the "
                f"study asks for {asked}; call its third argument `optimizer`, which has all of it"
            )
        with self._blaming(f"Network(parameters, activation, {third})"):
            self._network = network_class(
                parameters,
                activation,
                optimizer if third == "optimizer" else optimizer.learning_rate,
            )

    def _blaming(self, call: str) -> AbstractContextManager[None]:
        # The activation's code runs within the network's, on autograd's way back too.
        return blaming(self._source, f"{call} fails", "Network", [self._activation_source])

    def _refuse(self, method: str, expected: str, came: Any) -> PlugInError:
        place = definition(self._source, "Network")
        return PlugInError(
            f"{place}: {METHODS[method]} must return {expected}; it returned {_placed(came)}"
        )

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Scores of each class before the softmax, n × c."""
        with self._blaming(METHODS["logits"]):
            logits = self._network.logits(images)
        shape = (len(images), self._classes)
        if (
            not isinstance(logits, torch.Tensor)
            or logits.shape != shape
            or logits.dtype != self._dtype
            or logits.device != images.device
        ):
            expected = _placed(torch.empty(shape, dtype=self._dtype, device=images.device))
            raise self._refuse("logits", expected, logits)
        return logits

    def train_step(
        self, images: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One step; the batch's summed loss and correct predictions, two tensors of shape ()."""
        with self._blaming(METHODS["train_step"]):
            came = self._network.train_step(images, labels)
        numbers: list[torch.Tensor] = []
        if isinstance(came, tuple) and all(map(_is_number, came)):
            numbers = list(map(_as_tensor, came))
        if len(numbers) != 2 or not numbers[0].is_floating_point():
            expected = (
                "the summed loss and the number of correct predictions, two tensors of shape (), "
                "the loss in floating point"
            )
            raise self._refuse("train_step", expected, came)
        loss, correct = numbers
        if loss.requires_grad:
            expected = "a loss without its graph (loss.detach()), or memory grows with every batch"
            raise self._refuse("train_step", expected, came)
        return loss, correct

    def parameters(self) -> Parameters:
        """The present parameters, named and shaped as those that came in."""
        with self._blaming(METHODS["parameters"]):
            parameters = self._network.parameters()
        if not isinstance(parameters, dict):
            raise self._refuse("parameters", "a dict of name → tensor", parameters)
        if parameters.keys() != self._specification.keys():
            expected = f"a dict with the keys {', '.join(self._specification)}"
            raise PlugInError(
                f"{definition(self._source, 'Network')}: parameters() must return {expected}; "
                f"it returned {', '.join(map(str, parameters)) or 'none'}"
            )
        for name, (shape, dtype, device) in self._specification.items():
            value = parameters[name]
            if (
                not isinstance(value, torch.Tensor)
                or value.shape != shape
                or value.dtype != dtype
                or value.device != device
                or value.requires_grad
            ):
                expected = _placed(torch.empty(shape, dtype=dtype, device=device))
                raise self._refuse("parameters", f"{name} as {expected} without gradient", value)
        return {name: parameters[name] for name in self._specification}


def _is_number(value: Any) -> bool:
    """Whether a value is one real number, as a tensor without dimensions or a plain one."""
    if isinstance(value, torch.Tensor):
        return value.dim() == 0 and not value.is_complex() and value.dtype != torch.bool
    return isinstance(value, Real) and not isinstance(value, bool)


def _as_tensor(value: Any) -> torch.Tensor:
    """A number as a tensor, with all its digits."""
    return torch.as_tensor(value, dtype=torch.float64 if isinstance(value, float) else None)


def _takes_optimizer(network_class: Callable[..., Any]) -> bool:
    """Whether a class wants all of the optimiser's settings, not the learning rate alone."""
    try:
        names = list(inspect.signature(network_class).parameters)
    except (TypeError, ValueError):
        return False
    return names[2:3] == ["optimizer"]


def guarded(
    module: Any, source: Path
) -> "Callable[[Parameters, Activation, Optimizer | float], Guarded]":
    """What builds the networks of an implementation's module, each one guarded.

    Raises PlugInError where the class `Network` or one of its methods is missing.
    """
    network_class = getattr(module, "Network", None)
    if not isinstance(network_class, type):
        raise PlugInError(f"{source}: a class `Network` is expected; the file defines none")
    for method, call in METHODS.items():
        if not callable(getattr(network_class, method, None)):
            place = definition(source, "Network")
            raise PlugInError(f"{place}: the class Network lacks the method {call}")

    def build(
        parameters: Parameters, activation: "Activation", optimizer: Optimizer | float
    ) -> Guarded:
        return Guarded(network_class, source, parameters, activation, given(optimizer))

    return build
