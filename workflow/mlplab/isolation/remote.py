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

from mlplab.activations import Activation, learned
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
                if value is not None and _alike(value, target):
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


def _alike(value: torch.Tensor, other: torch.Tensor) -> bool:
    return (value.shape, value.dtype) == (other.shape, other.dtype)


def remote_activation(sandbox: "Sandbox", source: Path, said: dict[str, Any]) -> Activation:
    """An activation that `sandbox` has loaded and that says so much of itself."""
    try:
        parameters = learned(said["parameters"], source)
        formulas = [sandbox.one_line(str(said[f])) for f in ("formula", "derivative_formula")]
        closed_form, from_output = bool(said["closed_form"]), bool(said["from_output"])
    except KeyError as error:
        raise PlugInError(f"{source}: the import is answered without {error}") from error
    count = len(parameters)

    def ask(
        call: str, function: str, tensors: Sequence[torch.Tensor], like: Sequence[torch.Tensor]
    ) -> list[torch.Tensor | None]:
        """Answers of the shapes and dtypes of `like`; None where there is no such gradient."""
        about = {"source": str(source.absolute()), "function": function}
        named = {str(i): value for i, value in enumerate(tensors)}
        _, found = sandbox.ask(call, f"{function}(x)", about, named)
        answers = [found.get(f"y{i}") for i in range(len(like))]
        for answer, expected in zip(answers, like, strict=True):
            missing = answer is None and call == "evaluate"
            if missing or (answer is not None and not _alike(answer, expected)):
                raise PlugInError(
                    f"{source}: {function}(x) is answered with {described(answer)}, not with "
                    f"{described(expected)}"
                )
        return answers

    def remote(function: str, answers: int = 1) -> Function:
        def call(x: torch.Tensor, *own: torch.Tensor) -> Any:
            values = ask("evaluate", function, (x, *own), [x] * answers)
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

    def differentiable(name: str) -> Function:
        """A function there, and autograd's way back there, as one node of the graph here."""

        class Elementwise(torch.autograd.Function):
            @staticmethod
            def forward(context: Any, *arguments: torch.Tensor) -> Any:
                context.save_for_backward(*arguments)
                return ask("evaluate", name, arguments, arguments[:1])[0]

            @staticmethod
            def backward(context: Any, *upstream: torch.Tensor) -> Any:
                arguments = context.saved_tensors
                return tuple(ask("gradients", name, (upstream[0], *arguments), arguments))

        return Elementwise.apply

    module = differentiable("module")
    slopes = no_parameters, no_parameters
    if count:
        slopes = (
            remote("parameter_derivatives", count),
            remote_numpy("numpy_parameter_derivatives", count),
        )
    return Activation(
        name=source.stem,
        source=source,
        formula=formulas[0],
        derivative_formula=formulas[1],
        parameters=parameters,
        function=differentiable("function"),
        derivative=remote("derivative"),
        closed_form=closed_form,
        derivative_from_output=remote("derivative_from_output") if from_output else None,
        parameter_derivatives=slopes[0],
        numpy_function=remote_numpy("numpy_function"),
        numpy_derivative=remote_numpy("numpy_derivative"),
        numpy_parameter_derivatives=slopes[1],
        module=lambda: as_module(module, parameters),
    )
