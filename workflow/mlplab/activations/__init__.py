"""The activation functions. This folder is the registry: one file each, known by its file name.

A file defines

- `function(x)`: the activation, elementwise on a tensor of any shape and floating dtype;

and may define

- `FORMULA` and `DERIVATIVE_FORMULA`: how they are printed, as plain text;
- `derivative(x)`: its derivative in closed form; without it, autograd's is used;
- `derivative_from_output(y)`: the derivative in terms of y = function(x), where that is shorter;
- `Module`: the framework's counterpart, a `torch.nn.Module` class without required arguments, whose
  parameters are those of `PARAMETERS`, in the same order;
- `numpy_function(x)` and `numpy_derivative(x)`: the same for NumPy's arrays;
- `PARAMETERS`: names and initial values of parameters that are learned, one of each per hidden
  layer, such as {"alpha": 0.25}. Every function then takes them after x, as tensors (or arrays) of
  shape (1,), and `parameter_derivatives(x, alpha)` and `numpy_parameter_derivatives(x, alpha)`
  return a tuple with the derivative by each, elementwise.

Folders that a configuration names under `activations` hold further ones.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlplab.plugins import PlugInError, Registry, blaming, definition, described

if TYPE_CHECKING:
    import torch

REGISTRY = Registry("activation", __name__, Path(__path__[0]))

# A digit would run into the layer's number behind the name; W and b are the layers' own.
PARAMETER_NAME = re.compile(r"(?!b$)[a-z][a-z_]*")

Function = Callable[..., Any]


@dataclass(frozen=True)
class Activation:
    """One activation function with everything that the study uses of it."""

    name: str
    source: Path
    formula: str
    derivative_formula: str
    parameters: Mapping[str, float]
    function: Function
    derivative: Function
    closed_form: bool
    derivative_from_output: Function | None
    parameter_derivatives: Function
    numpy_function: Function
    numpy_derivative: Function
    numpy_parameter_derivatives: Function
    module: "Callable[[], torch.nn.Module]"


def names(folders: Sequence[str | Path] = ()) -> list[str]:
    """Names of all activations, sorted; imports none of them."""
    return list(REGISTRY.sources(folders))


def source(name: str, folders: Sequence[str | Path] = ()) -> Path:
    """The file that defines the activation `name`."""
    return REGISTRY.sources(folders)[name]


def load(source: str | Path) -> Activation:
    """An activation, by its file or by the name of one of the library's.

    Raises PlugInError where the file cannot be imported, lacks its function or has PARAMETERS that
    are none, and whenever one of its functions fails or returns what is not of the shape and dtype
    of its argument.
    """
    path = REGISTRY.file(source)
    module = REGISTRY.load(path)
    if not callable(getattr(module, "function", None)):
        raise PlugInError(f"{path}: `function(x)` is expected; the file defines none")
    function = _guarded(module.function, path, "function")
    parameters = _learned(getattr(module, "PARAMETERS", {}), path)

    def own(name: str, fallback: Any, guard: Callable[..., Function] = _guarded) -> Any:
        """The file's own function called `name`, guarded, or another in its place."""
        given = getattr(module, name, None)
        return guard(given, path, name) if given is not None else fallback

    def own_each(name: str, fallback: Function) -> Function:
        """The same for one that returns a tuple, with an answer for each parameter."""
        guard = partial(_guarded_each, len(parameters))
        return own(name, fallback, guard) if parameters else _no_parameters

    derivative = own("derivative", _autograd(function, path))
    by_parameter = own_each("parameter_derivatives", _by_parameter(function, path))
    return Activation(
        name=path.stem,
        source=path,
        formula=getattr(module, "FORMULA", f"{path.stem}(x)"),
        derivative_formula=getattr(module, "DERIVATIVE_FORMULA", "from autograd"),
        parameters=parameters,
        function=function,
        derivative=derivative,
        closed_form=getattr(module, "derivative", None) is not None,
        derivative_from_output=own("derivative_from_output", None),
        parameter_derivatives=by_parameter,
        numpy_function=own("numpy_function", _through_torch(function)),
        numpy_derivative=own("numpy_derivative", _through_torch(derivative)),
        numpy_parameter_derivatives=own_each(
            "numpy_parameter_derivatives", _through_torch_each(by_parameter)
        ),
        module=own(
            "Module",
            lambda: _as_module(function, parameters),
            partial(_guarded_module, len(parameters)),
        ),
    )


def _learned(given: Any, path: Path) -> dict[str, float]:
    """The PARAMETERS of a file, if that is what they can be."""
    if isinstance(given, Mapping) and all(
        isinstance(name, str)
        and PARAMETER_NAME.fullmatch(name)
        and isinstance(value, int | float)
        and math.isfinite(value)
        for name, value in given.items()
    ):
        return {name: float(value) for name, value in given.items()}
    raise PlugInError(
        f"{definition(path, 'PARAMETERS')}: PARAMETERS must map names of lower case letters, none "
        f"of them 'b', to finite initial values, such as {{'alpha': 0.25}}; it is {given!r}"
    )


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


def _guarded(function: Function, path: Path, name: str) -> Function:
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


def _guarded_each(count: int, function: Function, path: Path, name: str) -> Function:
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


def _guarded_module(
    count: int, build: Callable[[], Any], path: Path, name: str
) -> "Callable[[], torch.nn.Module]":
    """What builds a file's modules, their `forward` guarded."""

    def guarded() -> "torch.nn.Module":
        import torch

        with blaming(path, f"{name}() fails", name):
            module = build()
        came, shapes = described(module), [(1,)] * count
        if isinstance(module, torch.nn.Module):
            learned = [tuple(value.shape) for value in module.parameters()]
            if learned == shapes:
                module.__dict__["forward"] = _guarded(module.forward, path, name)
                return module
            came += f" with parameters of shapes {learned}"
        raise PlugInError(
            f"{definition(path, name)}: {name}() must return a torch.nn.Module with parameters of "
            f"shapes {shapes}, one for each of PARAMETERS; it returned {came}"
        )

    return guarded


def _autograd(function: Function, path: Path) -> Function:
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


def _by_parameter(function: Function, path: Path) -> Function:
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


def _no_parameters(x: Any, *parameters: Any) -> tuple[()]:
    return ()


def _through_torch(function: Function) -> Function:
    """A function of tensors as one of arrays."""

    def call(x: Any, *parameters: Any) -> Any:
        import torch

        return function(torch.as_tensor(x), *map(torch.as_tensor, parameters)).detach().numpy()

    return call


def _through_torch_each(function: Function) -> Function:
    """A function of tensors that returns several, as one of arrays."""

    def call(x: Any, *parameters: Any) -> Any:
        import torch

        answers = function(torch.as_tensor(x), *map(torch.as_tensor, parameters))
        return tuple(answer.detach().numpy() for answer in answers)

    return call


def _as_module(function: Function, parameters: Mapping[str, float]) -> "torch.nn.Module":
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


def sampled(activation: Activation) -> "dict[str, torch.Tensor]":
    """The activation over the article's range (A1): x from -8.0 up to 8.0 in steps of 0.1, float32.

    Returns `x`, `function`, `gradient` (autograd's, with a vector of ones as the upstream gradient)
    and `derivative` (in closed form, where there is one), each of 160 points. Parameters of the
    activation have their initial values.
    """
    import torch

    x = torch.arange(-8.0, 8.0, 0.1, requires_grad=True)
    parameters = [torch.tensor([value]) for value in activation.parameters.values()]
    y = activation.function(x, *parameters)
    y.backward(torch.ones_like(x))
    assert x.grad is not None
    points = x.detach()
    return {
        "x": points,
        "function": y.detach(),
        "gradient": x.grad,
        "derivative": activation.derivative(points, *parameters),
    }
