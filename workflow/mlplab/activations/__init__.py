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

from mlplab.activations._functions import (
    Function,
    as_module,
    autograd,
    by_parameter,
    guarded,
    guarded_each,
    guarded_module,
    no_parameters,
    through_torch,
    through_torch_each,
)
from mlplab.plugins import PlugInError, Registry, definition

if TYPE_CHECKING:
    import torch

REGISTRY = Registry("activation", __name__, Path(__path__[0]))

# A digit would run into the layer's number behind the name; W and b are the layers' own.
PARAMETER_NAME = re.compile(r"(?!b$)[a-z][a-z_]*")


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
    function = guarded(module.function, path, "function")
    parameters = learned(getattr(module, "PARAMETERS", {}), path)

    def own(name: str, fallback: Any, guard: Callable[..., Function] = guarded) -> Any:
        """The file's own function called `name`, guarded, or another in its place."""
        given = getattr(module, name, None)
        return guard(given, path, name) if given is not None else fallback

    def own_each(name: str, fallback: Function) -> Function:
        """The same for one that returns a tuple, with an answer for each parameter."""
        guard = partial(guarded_each, len(parameters))
        return own(name, fallback, guard) if parameters else no_parameters

    derivative = own("derivative", autograd(function, path))
    slopes = own_each("parameter_derivatives", by_parameter(function, path))
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
        parameter_derivatives=slopes,
        numpy_function=own("numpy_function", through_torch(function)),
        numpy_derivative=own("numpy_derivative", through_torch(derivative)),
        numpy_parameter_derivatives=own_each(
            "numpy_parameter_derivatives", through_torch_each(slopes)
        ),
        module=own(
            "Module",
            lambda: as_module(function, parameters),
            partial(guarded_module, len(parameters)),
        ),
    )


def learned(given: Any, path: Path) -> dict[str, float]:
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
