"""Networks and activations that are computed in another process, used as if they were here.

What comes back is a stranger's: shapes and dtypes are looked at again here.
"""

import itertools
import weakref
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch

from mlplab.activations import Activation
from mlplab.activations._functions import Function, as_module, no_parameters
from mlplab.implementations import Build
from mlplab.implementations._contract import METHODS, guarded
from mlplab.isolation.messages import Tensors
from mlplab.optimizers import Optimizer
from mlplab.plugins import PlugInError, described

if TYPE_CHECKING:
    from mlplab.isolation.sandbox import Sandbox


def remote_build(sandbox: "Sandbox", source: Path, watch: bool) -> Build:
    """What builds networks of an implementation that `sandbox` has loaded."""
    numbers = itertools.count()

    class Network:
        """A network in the sandbox, by its number."""

        def __init__(
            self, parameters: Tensors, activation: Activation, optimizer: Optimizer
        ) -> None:
            self._number = next(numbers)
            self._given = parameters
            _, changes = sandbox.ask(
                "build",
                "Network(parameters, activation, learning_rate)",
                {
                    "source": str(source.absolute()),
                    "activation": str(activation.source.absolute()),
                    "optimizer": asdict(optimizer),
                    "network": self._number,
                },
                parameters,
            )
            self._take_over(changes, {})
            weakref.finalize(self, sandbox.drop, self._number)

        def _ask(self, call: str, tensors: Tensors) -> Tensors:
            about = {"network": self._number, "watch": watch, "grad": torch.is_grad_enabled()}
            _, answer = sandbox.ask(call, METHODS[call], about, tensors)
            self._take_over(answer, tensors)
            return answer

        def _take_over(self, answer: Tensors, arguments: Tensors) -> None:
            """Change here what the network has changed there."""
            given = {f"given {name}": value for name, value in self._given.items()}
            for name, target in {**given, **arguments}.items():
                value = answer.pop(name, None)
                if value is not None and (value.shape, value.dtype) == (target.shape, target.dtype):
                    with torch.no_grad():
                        target.copy_(value)

        def logits(self, images: torch.Tensor) -> torch.Tensor | None:
            return self._ask("logits", {"images": images}).get("logits")

        def train_step(
            self, images: torch.Tensor, labels: torch.Tensor
        ) -> tuple[torch.Tensor | None, torch.Tensor | None]:
            answer = self._ask("train_step", {"images": images, "labels": labels})
            return answer.get("loss"), answer.get("correct")

        def parameters(self) -> Tensors:
            answer = self._ask("parameters", {})
            return {name.removeprefix("parameter "): value for name, value in answer.items()}

    return guarded(SimpleNamespace(Network=Network), source)


def remote_activation(sandbox: "Sandbox", source: Path, said: dict[str, Any]) -> Activation:
    """An activation that `sandbox` has loaded and that says so much of itself."""
    parameters = {str(name): float(value) for name, value in said["parameters"].items()}
    count = len(parameters)

    def ask(call: str, function: str, tensors: Sequence[torch.Tensor], answers: int) -> Any:
        about = {"source": str(source.absolute()), "function": function}
        named = {str(i): value for i, value in enumerate(tensors)}
        _, found = sandbox.ask(call, f"{function}(x)", about, named)
        like = tensors[:answers] if call == "evaluate" else tensors[1 : answers + 1]
        values = list(found.values())
        expected = like if call == "gradients" else [tensors[0]] * answers
        if [(v.shape, v.dtype) for v in values] != [(v.shape, v.dtype) for v in expected]:
            raise PlugInError(
                f"{source}: {function}(x) is answered with {described(tuple(values))}"
            )
        return values

    def remote(function: str, answers: int = 1) -> Function:
        def call(x: torch.Tensor, *own: torch.Tensor) -> Any:
            values = ask("evaluate", function, (x, *own), answers)
            return values[0] if answers == 1 and "parameter" not in function else tuple(values)

        return call

    def remote_numpy(function: str, answers: int = 1) -> Function:
        call = remote(function, answers)

        def with_arrays(x: Any, *own: Any) -> Any:
            found = call(torch.as_tensor(x), *map(torch.as_tensor, own))
            if isinstance(found, tuple):
                return tuple(value.numpy() for value in found)
            return found.numpy()

        return with_arrays

    class Elementwise(torch.autograd.Function):
        """The function there, and autograd's way back there, as one node of the graph here."""

        @staticmethod
        def forward(context: Any, *arguments: torch.Tensor) -> torch.Tensor:
            context.save_for_backward(*arguments)
            y: torch.Tensor = ask("evaluate", "function", arguments, 1)[0]
            return y

        @staticmethod
        def backward(context: Any, *upstream: torch.Tensor) -> Any:
            arguments = context.saved_tensors
            found = ask("gradients", "function", (upstream[0], *arguments), 1 + count)
            return tuple(found)

    def function(x: torch.Tensor, *own: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = Elementwise.apply(x, *own)
        return y

    slopes = no_parameters, no_parameters
    if count:
        slopes = (
            remote("parameter_derivatives", count),
            remote_numpy("numpy_parameter_derivatives", count),
        )
    return Activation(
        name=source.stem,
        source=source,
        formula=str(said["formula"])[:500],
        derivative_formula=str(said["derivative_formula"])[:500],
        parameters=parameters,
        function=function,
        derivative=remote("derivative"),
        closed_form=bool(said["closed_form"]),
        derivative_from_output=remote("derivative_from_output") if said["from_output"] else None,
        parameter_derivatives=slopes[0],
        numpy_function=remote_numpy("numpy_function"),
        numpy_derivative=remote_numpy("numpy_derivative"),
        numpy_parameter_derivatives=slopes[1],
        module=lambda: as_module(function, parameters),
    )
