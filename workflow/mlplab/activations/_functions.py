"""The functions of an activation: those of its file, guarded, and others in place of missing ones.

A guarded function tells the mistakes of its file with their line, as PlugInError.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlplab.plugins import PlugInError, blaming, definition, described

if TYPE_CHECKING:
    import torch

# Of a tensor, or an array, and of the parameters that are learned; elementwise.
Function = Callable[..., Any]


def _like(y: Any, x: Any) -> bool:
    """Whether y is a tensor, or an array, of the shape and dtype of x."""
    # A torch.nn.Parameter is answered by a plain tensor.
    return isinstance(x, type(y)) and (y.shape, y.dtype) == (x.shape, x.dtype)


def _kind(x: Any) -> str:
    return described(x).removesuffix(" with gradient")


def _loses_gradient(y: Any, x: Any) -> bool:
    """Whether autograd finds no way back from y to an x that asks for it."""
    if not getattr(x, "requires_grad", False) or y.requires_grad:
        return False
    import torch

    return torch.is_grad_enabled()


def _version(x: Any) -> int | None:
    """How often a tensor was changed in place; None where that is not counted."""
    try:
        return x._version
    except (AttributeError, RuntimeError):
        return None


def guarded(function: Function, path: Path, name: str) -> Function:
    """`function` of the file at `path`, whose mistakes are told with their line."""

    def call(x: Any, *parameters: Any) -> Any:
        version = _version(x)
        with blaming(path, f"{name}(x) fails", name):
            y = function(x, *parameters)
        if _version(x) != version:
            place = definition(path, name)
            raise PlugInError(f"{place}: {name}(x) must leave x as it is; it changed it in place")
        expected = ""
        if not _like(y, x):
            expected = f"return the shape and dtype of x, {_kind(x)}"
        elif name in ("function", "Module") and _loses_gradient(y, x):
            expected = "keep the gradient, or no layer before it learns"
        if expected:
            raise PlugInError(
                f"{definition(path, name)}: {name}(x) must {expected}; it returned {described(y)}"
            )
        return y

    return call


def guarded_each(count: int, function: Function, path: Path, name: str) -> Function:
    """The same for a function that returns a tuple with a derivative by each parameter."""

    def call(x: Any, *parameters: Any) -> Any:
        with blaming(path, f"{name}(x) fails", name):
            answers = function(x, *parameters)
        right = isinstance(answers, tuple) and len(answers) == count
        if not right or not all(_like(answer, x) for answer in answers):
            raise PlugInError(
                f"{definition(path, name)}: {name}(x) must return a tuple of {count}, one for each "
                f"of PARAMETERS, of the shape and dtype of x, {_kind(x)}; "
                f"it returned {described(answers)}"
            )
        return answers

    return call


def guarded_module(
    count: int, build: Callable[[], Any], path: Path, name: str
) -> "Callable[[], torch.nn.Module]":
    """What builds a file's modules, their `forward` guarded."""

    def build_guarded() -> "torch.nn.Module":
        import torch

        with blaming(path, f"{name}() fails", name):
            module = build()
        came, shapes = described(module), [(1,)] * count
        if isinstance(module, torch.nn.Module):
            learned = [tuple(value.shape) for value in module.parameters()]
            if learned == shapes:
                module.__dict__["forward"] = guarded(module.forward, path, name)
                return module
            came += f" with parameters of shapes {learned}"
        raise PlugInError(
            f"{definition(path, name)}: {name}() must return a torch.nn.Module with parameters of "
            f"shapes {shapes}, one for each of PARAMETERS; it returned {came}"
        )

    return build_guarded


def autograd(function: Function, path: Path) -> Function:
    """The derivative of an elementwise function, from autograd."""

    def derivative(x: "torch.Tensor", *parameters: "torch.Tensor") -> "torch.Tensor":
        import torch

        with torch.enable_grad():
            point = x.detach().requires_grad_()
            y = function(point, *parameters)
            with blaming(path, "function(x) cannot be differentiated", "function"):
                (gradient,) = torch.autograd.grad(y, point, torch.ones_like(y))
        return gradient

    return derivative


def by_parameter(function: Function, path: Path) -> Function:
    """The derivatives of an elementwise function by each of its parameters, from autograd."""

    def derivatives(x: "torch.Tensor", *parameters: "torch.Tensor") -> "tuple[torch.Tensor, ...]":
        import torch

        with torch.enable_grad():
            leaves = [value.detach().requires_grad_() for value in parameters]
            y = function(x.detach(), *leaves)
            weights = torch.ones_like(y, requires_grad=True)
            with blaming(path, "function(x) cannot be differentiated", "function"):
                # Sums over all elements, Σ weight ∂y/∂α: their derivatives by weight are ∂y/∂α.
                sums = torch.autograd.grad(y, leaves, weights, create_graph=True)
                return tuple(
                    torch.autograd.grad(total, weights, retain_graph=True)[0] for total in sums
                )

    return derivatives


def no_parameters(x: Any, *parameters: Any) -> tuple[()]:
    """The derivatives by parameters where there are none."""
    return ()


def through_torch(function: Function) -> Function:
    """A function of tensors as one of arrays."""

    def call(x: Any, *parameters: Any) -> Any:
        import torch

        return function(torch.as_tensor(x), *map(torch.as_tensor, parameters)).detach().numpy()

    return call


def through_torch_each(function: Function) -> Function:
    """A function of tensors that returns several, as one of arrays."""

    def call(x: Any, *parameters: Any) -> Any:
        import torch

        answers = function(torch.as_tensor(x), *map(torch.as_tensor, parameters))
        return tuple(answer.detach().numpy() for answer in answers)

    return call


def as_module(function: Function, parameters: Mapping[str, float]) -> "torch.nn.Module":
    """A function as a module of the framework, with its parameters."""
    import torch

    class Elementwise(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.learned = torch.nn.ParameterList(
                torch.nn.Parameter(torch.tensor([value])) for value in parameters.values()
            )

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y: torch.Tensor = function(x, *self.learned)
            return y

    return Elementwise()
