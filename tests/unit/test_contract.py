"""Broken implementations and activations are refused in one line: where, what is due, what came."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from conftest import initial_parameters
from mlplab import activations, implementations
from mlplab.optimizers import Optimizer
from mlplab.plugins import PlugInError

Parameters = dict[str, torch.Tensor]

every_implementation = pytest.mark.parametrize("name", implementations.names())

HERE = "# here"

# A right implementation, from which each broken one is made by changing a line.
RIGHT = '''"""A right implementation."""

import torch


class Network:
    def __init__(self, parameters, activation, learning_rate):
        self._parameters = {n: v.clone().requires_grad_() for n, v in parameters.items()}
        self._activation = activation
        self._learning_rate = learning_rate

    def logits(self, images):
        w1, b1, w2, b2 = self._parameters.values()
        logits = self._activation.function(images.flatten(1) @ w1 + b1) @ w2 + b2
        return logits

    def train_step(self, images, labels):
        logits = self.logits(images)
        loss = torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
        loss.backward()
        correct = (logits.argmax(dim=1) == labels).sum()
        with torch.no_grad():
            for value in self._parameters.values():
                value -= self._learning_rate * value.grad / len(labels)
                value.grad = None
        loss = loss.detach()
        return loss, correct

    def parameters(self):
        parameters = {name: value.detach() for name, value in self._parameters.items()}
        return parameters
'''
CLASS_LINE = 6


def start(dtype: torch.dtype = torch.float32) -> Parameters:
    return initial_parameters((12, 7, 3), 0, 0.5, "framework", dtype)


def batch(dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    images = torch.rand(5, 3, 4, generator=random, dtype=dtype)
    return images, torch.randint(3, (5,), generator=random)


def line(text: str) -> int:
    """The line that is marked."""
    return text[: text.index(HERE)].count("\n") + 1


def write(folder: Path, text: str, name: str = "mine") -> Path:
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    return path


def changed(old: str, new: str, text: str = RIGHT) -> str:
    assert text.count(old) == 1
    return text.replace(old, new)


def use(path: Path, method: str = "", dtype: torch.dtype = torch.float32) -> Any:
    """Load an implementation, build its network, call one of its methods."""
    network = implementations.load(path)(start(dtype), activations.load("relu"), 0.1)
    if method == "logits":
        return network.logits(batch(dtype)[0])
    if method == "train_step":
        return network.train_step(*batch(dtype))
    return network.parameters() if method else network


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(PlugInError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_right_implementation_is_let_through(tmp_path: Path, dtype: torch.dtype) -> None:
    path = write(tmp_path, RIGHT)
    relu = activations.load("relu")
    watched = implementations.load(path)(start(dtype), relu, 0.1)
    plain = implementations.REGISTRY.load(path).Network(start(dtype), relu, 0.1)
    for _ in range(2):
        assert torch.equal(watched.logits(batch(dtype)[0]), plain.logits(batch(dtype)[0]))
        assert watched.train_step(*batch(dtype)) == plain.train_step(*batch(dtype))
        for name, value in watched.parameters().items():
            assert torch.equal(value, plain.parameters()[name])


def test_the_class_must_be_there(tmp_path: Path) -> None:
    for text in ("import torch\n", "def Network(*arguments):\n    return None\n", "Network = 3\n"):
        path = write(tmp_path, text)
        assert refusal(lambda path=path: implementations.load(path)) == (
            f"{path}: a class `Network` is expected; the file defines none"
        )


@pytest.mark.parametrize(
    ("method", "call"),
    [
        ("logits", "logits(images)"),
        ("train_step", "train_step(images, labels)"),
        ("parameters", "parameters()"),
    ],
)
def test_each_method_must_be_there(method: str, call: str, tmp_path: Path) -> None:
    path = write(tmp_path, changed(f"def {method}(", f"def my_{method}("))
    assert refusal(lambda: implementations.load(path)) == (
        f"{path}:{CLASS_LINE}: the class Network lacks the method {call}"
    )
    path = write(tmp_path, RIGHT + f"\nNetwork.{method} = 3\n")
    assert "lacks the method" in refusal(lambda: implementations.load(path))


@pytest.mark.parametrize(
    ("method", "last_line", "call"),
    [
        (
            "",
            "        self._activation = activation\n",
            "Network(parameters, activation, learning_rate)",
        ),
        ("logits", "        return logits\n", "logits(images)"),
        ("train_step", "        return loss, correct\n", "train_step(images, labels)"),
        ("parameters", "        return parameters\n", "parameters()"),
    ],
)
@pytest.mark.parametrize(
    ("raised", "told"),
    [
        ("raise ValueError('no, \\n   no')", "ValueError: no, no"),
        ("raise NotImplementedError", "NotImplementedError: no message"),
        ("nothing", "NameError: name 'nothing' is not defined"),
        ("assert not self", "AssertionError: no message"),
    ],
)
def test_what_a_method_raises_is_told_with_its_line(
    method: str, last_line: str, call: str, raised: str, told: str, tmp_path: Path
) -> None:
    text = changed(last_line, f"        {raised}  {HERE}\n{last_line}")
    path = write(tmp_path, text)
    assert refusal(lambda: use(path, method)) == f"{path}:{line(text)}: {call} fails: {told}"


def test_what_fails_within_the_framework_is_told_with_the_files_line(tmp_path: Path) -> None:
    text = changed("@ w2 + b2", f"@ w2.T + b2  {HERE}")
    path = write(tmp_path, text)
    for method, call in (
        ("logits", "logits(images)"),
        ("train_step", "train_step(images, labels)"),
    ):
        message = refusal(lambda method=method: use(path, method))
        assert message.startswith(f"{path}:{line(text)}: {call} fails: RuntimeError: ")
        assert "mat1 and mat2 shapes cannot be multiplied (5x7 and 3x7)" in message


@pytest.mark.parametrize(
    ("old", "method", "call"),
    [
        ("parameters, activation, learning_rate", "", "Network(parameters, activation, "),
        ("def logits(self, images)", "logits", "logits(images) fails: TypeError: "),
        ("self, images, labels", "train_step", "train_step(images, labels) fails: TypeError: "),
        ("def parameters(self)", "parameters", "parameters() fails: TypeError: "),
    ],
)
def test_a_wrong_signature_is_told_with_the_line_of_the_class(
    old: str, method: str, call: str, tmp_path: Path
) -> None:
    new = f"{old}, more" if not old.endswith(")") else f"{old[:-1]}, more)"
    path = write(tmp_path, changed(old, new))
    message = refusal(lambda: use(path, method))
    assert message.startswith(f"{path}:{CLASS_LINE}: {call}")
    assert message.endswith("missing 1 required positional argument: 'more'")


@pytest.mark.parametrize(
    ("returned", "came"),
    [
        ("logits[0]", "a float32 tensor of shape (3,) with gradient"),
        ("logits.T", "a float32 tensor of shape (3, 5) with gradient"),
        ("logits[:, :2].detach()", "a float32 tensor of shape (5, 2)"),
        ("logits[:4].detach()", "a float32 tensor of shape (4, 3)"),
        ("logits.double().detach()", "a float64 tensor of shape (5, 3)"),
        ("logits.argmax(dim=1)", "an int64 tensor of shape (5,)"),
        ("logits.detach().numpy()", "a float32 ndarray of shape (5, 3)"),
        ("logits.tolist()", "a list"),
        ("(row for row in logits)", "a generator"),
        ("(logits.detach(), None)", "a tuple of 2: a float32 tensor of shape (5, 3), None"),
        ("None", "None"),
    ],
)
def test_logits_must_be_a_tensor_of_the_right_shape_and_dtype(
    returned: str, came: str, tmp_path: Path
) -> None:
    path = write(tmp_path, changed("return logits", f"return {returned}"))
    assert refusal(lambda: use(path, "logits")) == (
        f"{path}:{CLASS_LINE}: logits(images) must return a float32 tensor of shape (5, 3); "
        f"it returned {came}"
    )


def test_logits_must_have_the_dtype_of_the_parameters(tmp_path: Path) -> None:
    path = write(tmp_path, changed("return logits", "return logits.float().detach()"))
    assert refusal(lambda: use(path, "logits", torch.float64)).endswith(
        "must return a float64 tensor of shape (5, 3); it returned a float32 tensor of shape (5, 3)"
    )


LOSS_AND_CORRECT = (
    "the summed loss and the number of correct predictions, two tensors of shape (), "
    "the loss in floating point"
)


@pytest.mark.parametrize(
    ("returned", "came"),
    [
        ("None", "None"),
        ("loss", "a float32 tensor of shape ()"),
        ("[loss, correct]", "a list"),
        ("()", "()"),
        ("loss, correct, None", None),
        ("loss, str(correct)", "a tuple of 2: a float32 tensor of shape (), a str"),
        ("loss, correct > 2", None),
        ("loss, correct * 1j", None),
        ("correct, loss", None),
        ("loss.reshape(1), correct", None),
        ("logits.sum(dim=1).detach(), correct", None),
        ("loss.numpy(), correct.numpy()", None),
        (
            "(value for value in (loss, correct))",
            "a generator",
        ),
    ],
)
def test_a_step_must_return_loss_and_correct_predictions_as_tensors_without_dimensions(
    returned: str, came: str | None, tmp_path: Path
) -> None:
    path = write(tmp_path, changed("return loss, correct", f"return {returned}"))
    message = refusal(lambda: use(path, "train_step"))
    expected = f"train_step(images, labels) must return {LOSS_AND_CORRECT}; it returned "
    assert message.startswith(f"{path}:{CLASS_LINE}: {expected}")
    if came is not None:
        assert message.endswith(f"it returned {came}")


@pytest.mark.parametrize(
    "returned",
    [
        "loss.item(), correct.item()",
        "loss, int(correct)",
        "loss, correct.double()",
        "loss.numpy()[()], correct.numpy()[()]",
    ],
)
def test_numbers_may_be_of_any_kind(returned: str, tmp_path: Path) -> None:
    path = write(tmp_path, changed("return loss, correct", f"return {returned}"))
    expected = use(write(tmp_path, RIGHT, "right"), "train_step")
    found = use(path, "train_step")
    assert [value.item() for value in found] == pytest.approx([v.item() for v in expected])
    assert all(isinstance(value, torch.Tensor) for value in found)


def test_parameters_may_come_in_any_order(tmp_path: Path) -> None:
    path = write(tmp_path, changed("return parameters", "return dict(sorted(parameters.items()))"))
    assert list(use(path, "parameters")) == ["W1", "b1", "W2", "b2"]


def test_a_step_that_yields_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, changed("return loss, correct", "yield loss, correct"))
    assert refusal(lambda: use(path, "train_step")).endswith("it returned a generator")


def test_a_loss_with_its_graph_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, changed("        loss = loss.detach()\n", ""))
    assert refusal(lambda: use(path, "train_step")) == (
        f"{path}:{CLASS_LINE}: train_step(images, labels) must return a loss without its graph "
        "(loss.detach()), or memory grows with every batch; it returned a tuple of 2: "
        "a float32 tensor of shape () with gradient, an int64 tensor of shape ()"
    )


@pytest.mark.parametrize("bad", ["nan", "inf"])
def test_a_loss_that_is_not_finite_is_a_result(bad: str, tmp_path: Path) -> None:
    path = write(tmp_path, changed("loss.detach()", f"loss.detach() * float('{bad}')"))
    loss, _ = use(path, "train_step")
    assert not loss.isfinite()


@pytest.mark.parametrize(
    ("returned", "expected", "came"),
    [
        ("None", "a dict of name → tensor", "None"),
        ("list(parameters.values())", "a dict of name → tensor", "a list"),
        ("(p for p in parameters.values())", "a dict of name → tensor", "a generator"),
        ("{}", "a dict with the keys W1, b1, W2, b2", "none"),
        (
            "{'W1': parameters['W1']}",
            "a dict with the keys W1, b1, W2, b2",
            "W1",
        ),
        (
            "{**parameters, 'W3': None}",
            "a dict with the keys W1, b1, W2, b2",
            "W1, b1, W2, b2, W3",
        ),
        (
            "{n: v.movedim(0, -1) for n, v in parameters.items()}",
            "W1 as a float32 tensor of shape (12, 7) without gradient",
            "a float32 tensor of shape (7, 12)",
        ),
        (
            "{n: v.double() for n, v in parameters.items()}",
            "W1 as a float32 tensor of shape (12, 7) without gradient",
            "a float64 tensor of shape (12, 7)",
        ),
        (
            "{**parameters, 'b2': parameters['b2'].numpy()}",
            "b2 as a float32 tensor of shape (3,) without gradient",
            "a float32 ndarray of shape (3,)",
        ),
        (
            "{**parameters, 'b2': None}",
            "b2 as a float32 tensor of shape (3,) without gradient",
            "None",
        ),
        (
            "self._parameters",
            "W1 as a float32 tensor of shape (12, 7) without gradient",
            "a float32 tensor of shape (12, 7) with gradient",
        ),
    ],
)
def test_parameters_must_be_those_that_came_in_by_name_shape_and_dtype(
    returned: str, expected: str, came: str, tmp_path: Path
) -> None:
    path = write(tmp_path, changed("return parameters", f"return {returned}"))
    assert refusal(lambda: use(path, "parameters")) == (
        f"{path}:{CLASS_LINE}: parameters() must return {expected}; it returned {came}"
    )


# Broken activations: whatever implementation uses them, theirs is the blame.

PRELUDE = '"""Broken."""\n\nimport torch\n\n'
ACTIVATION = PRELUDE + f"def function(x):  {HERE}\n    return {{}}\n"


def with_activation(name: str, path: Path, method: str = "train_step") -> object:
    activation = activations.load(path)
    parameters = initial_parameters(
        (12, 7, 3), 0, 0.5, "framework", activation_parameters=activation.parameters
    )
    network = implementations.load(name)(parameters, activation, 0.1)
    return network.logits(batch()[0]) if method == "logits" else network.train_step(*batch())


@every_implementation
@pytest.mark.parametrize("method", ["logits", "train_step"])
@pytest.mark.parametrize(
    ("failing", "told"),
    [
        ("raise ValueError('not today')", "ValueError: not today"),
        ("return torch.no_such(x)", "AttributeError: module 'torch' has no attribute 'no_such'"),
    ],
)
def test_what_an_activation_raises_is_put_down_to_its_line(
    name: str, method: str, failing: str, told: str, tmp_path: Path
) -> None:
    text = PRELUDE + f"def function(x):\n    {failing}  {HERE}\n"
    path = write(tmp_path, text)
    assert refusal(lambda: with_activation(name, path, method)) == (
        f"{path}:{line(text)}: function(x) fails: {told}"
    )


@every_implementation
@pytest.mark.parametrize(
    ("returned", "came"),
    [
        ("None", "None"),
        ("x[:, :1]", "a float32 tensor of shape (5, 1)"),
        ("x.sum()", "a float32 tensor of shape ()"),
        ("x.double()", "a float64 tensor of shape (5, 7)"),
        ("x > 0", "a bool tensor of shape (5, 7)"),
        ("x.detach().numpy()", "a float32 ndarray of shape (5, 7)"),
        ("(x, x)", "a tuple of 2: "),
        ("0.0", "a float"),
    ],
)
def test_what_an_activation_returns_is_put_down_to_its_function(
    name: str, returned: str, came: str, tmp_path: Path
) -> None:
    text = ACTIVATION.format(returned)
    path = write(tmp_path, text)
    message = refusal(lambda: with_activation(name, path))
    assert message.startswith(
        f"{path}:{line(text)}: function(x) must return the shape and dtype of x, "
        f"a float32 tensor of shape (5, 7); it returned {came}"
    )


@pytest.mark.parametrize("name", ["concise", "scratch"])
def test_an_activation_that_loses_the_gradient_is_refused(name: str, tmp_path: Path) -> None:
    text = ACTIVATION.format("(x > 0).to(x.dtype)")
    path = write(tmp_path, text)
    message = (
        f"{path}:{line(text)}: function(x) must keep the gradient, or no layer before it learns; "
        "it returned a float32 tensor of shape (5, 7)"
    )
    assert refusal(lambda: with_activation(name, path)) == message
    # Autograd's derivative, too, is one that there is not.
    assert message.split(";")[0] in refusal(lambda: with_activation("manual", path))
    with torch.no_grad():
        with_activation(name, path, "logits")
    write(tmp_path, text + "\ndef derivative(x):\n    return 0 * x\n")
    with_activation("manual", path)


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("manual", "derivative"),
        ("manual", "derivative_from_output"),
        ("numpy", "derivative"),
        ("numpy", "numpy_function"),
        ("numpy", "numpy_derivative"),
    ],
)
def test_every_function_of_an_activation_is_watched_over(
    name: str, broken: str, tmp_path: Path
) -> None:
    right = PRELUDE + "def function(x):\n    return x.clamp(min=0)\n\n"
    text = right + f"def {broken}(x):  {HERE}\n    return x[:1]\n"
    path = write(tmp_path, text)
    kind = "ndarray" if broken.startswith("numpy") else "tensor"
    assert refusal(lambda: with_activation(name, path)) == (
        f"{path}:{line(text)}: {broken}(x) must return the shape and dtype of x, "
        f"a float32 {kind} of shape (5, 7); it returned a float32 {kind} of shape (1, 7)"
    )
    text = right + f"def {broken}(x):\n    return x / nothing  {HERE}\n"
    path = write(tmp_path, text, "other")
    assert refusal(lambda: with_activation(name, path)) == (
        f"{path}:{line(text)}: {broken}(x) fails: NameError: name 'nothing' is not defined"
    )


LEARNED = (
    PRELUDE
    + "PARAMETERS = {'alpha': 0.25}\n\ndef function(x, alpha):\n    return x * alpha.sigmoid()\n\n"
)


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("manual", "parameter_derivatives"),
        ("numpy", "parameter_derivatives"),
        ("numpy", "numpy_parameter_derivatives"),
    ],
)
@pytest.mark.parametrize(
    ("returned", "came"),
    [
        ("x", "a float32 {kind} of shape (5, 7)"),
        ("()", "()"),
        ("(x.sum(),)", "a tuple of 1: a float32 {scalar} of shape ()"),
        (
            "(x, x)",
            "a tuple of 2: a float32 {kind} of shape (5, 7), a float32 {kind} of shape (5, 7)",
        ),
        ("None", "None"),
    ],
)
def test_derivatives_by_parameters_are_watched_over(
    name: str, broken: str, returned: str, came: str, tmp_path: Path
) -> None:
    text = LEARNED + f"def {broken}(x, alpha):  {HERE}\n    return {returned}\n"
    path = write(tmp_path, text)
    of_arrays = broken.startswith("numpy")
    kind, scalar = ("ndarray", "float32") if of_arrays else ("tensor", "tensor")
    assert refusal(lambda: with_activation(name, path)) == (
        f"{path}:{line(text)}: {broken}(x) must return a tuple of 1, one for each of PARAMETERS, "
        f"of the shape and dtype of x, a float32 {kind} of shape (5, 7); "
        f"it returned {came.format(kind=kind, scalar=scalar)}"
    )


@every_implementation
def test_a_function_that_does_not_take_its_parameters_is_refused(name: str, tmp_path: Path) -> None:
    text = changed("function(x, alpha):", f"function(x):  {HERE}", LEARNED)
    path = write(tmp_path, text)
    assert refusal(lambda: with_activation(name, path)) == (
        f"{path}:{line(text)}: function(x) fails: TypeError: function() takes 1 positional "
        "argument but 2 were given"
    )


@pytest.mark.parametrize(
    "given",
    [
        "['alpha']",
        "{'alpha1': 0.25}",
        "{'Alpha': 0.25}",
        "{'W': 0.25}",
        "{'b': 0.25}",
        "{'': 0.25}",
        "{1: 0.25}",
        "{'alpha': '0.25'}",
        "{'alpha': None}",
        "{'alpha': float('nan')}",
        "{'alpha': torch.ones(1)}",
    ],
)
def test_parameters_that_no_layer_could_have_are_refused(given: str, tmp_path: Path) -> None:
    path = write(tmp_path, changed("{'alpha': 0.25}", given, LEARNED))
    message = refusal(lambda: activations.load(path))
    assert message.startswith(
        f"{path}:5: PARAMETERS must map names of lower case letters, none of them 'b', to finite "
        "initial values, such as {'alpha': 0.25}; it is "
    )


@pytest.mark.parametrize("given", ["{'beta': 1}", "{'slope_left': 0.1, 'slope_right': -2.0}"])
def test_parameters_that_a_layer_can_have_are_taken(given: str, tmp_path: Path) -> None:
    path = write(tmp_path, changed("{'alpha': 0.25}", given, LEARNED))
    activation = activations.load(path)
    parameters = activation.parameters
    assert dict(parameters) == eval(given)
    # A whole number is as good: {"beta": 1}.
    assert all(isinstance(value, float) for value in parameters.values())
    assert all(value.is_floating_point() for value in activation.module().parameters())
    made = initial_parameters((3, 2, 2), 0, activation_parameters=parameters)
    assert [*made][2:-2] == [f"{name}1" for name in parameters]


MODULE = (
    PRELUDE
    + "def function(x):\n    return x.clamp(min=0)\n\n"
    + f"class Module(torch.nn.Module):  {HERE}\n"
    + "    def __init__(self):\n        super().__init__()\n"
    + "    def forward(self, x):\n        return x\n"
)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "super().__init__()",
            "nothing",
            "Module() fails: NameError: name 'nothing' is not defined",
        ),
        (
            "return x\n",
            "return nothing\n",
            "Module(x) fails: NameError: name 'nothing' is not defined",
        ),
    ],
)
def test_what_a_module_raises_is_put_down_to_its_line(
    old: str, new: str, told: str, tmp_path: Path
) -> None:
    text = changed(old, new, MODULE)
    path = write(tmp_path, text)
    number = text[: text.index("nothing")].count("\n") + 1
    assert refusal(lambda: with_activation("concise", path)) == f"{path}:{number}: {told}"


def owed(*shapes: tuple[int, ...]) -> str:
    return (
        f"Module() must return a torch.nn.Module with parameters of shapes {list(shapes)}, one for "
        "each of PARAMETERS; it returned "
    )


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "return x\n",
            "return x[0]\n",
            "Module(x) must return the shape and dtype of x, a float32 tensor of shape (5, 7); "
            "it returned a float32 tensor of shape (7,) with gradient",
        ),
        (
            "return x\n",
            "return x.detach()\n",
            "Module(x) must keep the gradient, or no layer before it learns; "
            "it returned a float32 tensor of shape (5, 7)",
        ),
        (
            "super().__init__()",
            "super().__init__(); self.slope = torch.nn.Parameter(torch.ones(7))",
            owed() + "a Module with parameters of shapes [(7,)]",
        ),
        ("torch.nn.Module", "object", owed() + "a Module"),
        (
            "(torch.nn.Module)",
            ":\n    def __new__(cls): return None\nclass Rest(object)",
            owed() + "None",
        ),
    ],
)
def test_what_a_module_is_and_returns_is_put_down_to_it(
    old: str, new: str, told: str, tmp_path: Path
) -> None:
    text = changed(old, new, MODULE)
    path = write(tmp_path, text)
    message = refusal(lambda: with_activation("concise", path))
    assert message == f"{path}:8: {told}"


def test_a_module_must_have_the_parameters_of_the_function(tmp_path: Path) -> None:
    path = write(tmp_path, LEARNED + "Module = torch.nn.ReLU\n")
    assert refusal(lambda: with_activation("concise", path)) == (
        f"{path}:10: {owed((1,))}a ReLU with parameters of shapes []"
    )


def test_a_right_module_stays_what_it_is(tmp_path: Path) -> None:
    module = activations.load(write(tmp_path, MODULE)).module()
    assert type(module).__name__ == "Module"
    assert type(activations.load("relu").module()) is torch.nn.ReLU
    x = torch.ones(2, requires_grad=True)
    assert torch.equal(module(x), x)
    # A torch.nn.Parameter may be answered by a tensor.
    assert torch.equal(activations.load("relu").function(torch.nn.Parameter(x.detach())), x)


@every_implementation
def test_a_backward_pass_that_fails_is_put_down_to_its_line(name: str, tmp_path: Path) -> None:
    text = PRELUDE + (
        "class Broken(torch.autograd.Function):\n"
        "    @staticmethod\n    def forward(context, x):\n        return x.clone()\n\n"
        "    @staticmethod\n    def backward(context, upstream):\n"
        f"        raise ValueError('no way back')  {HERE}\n\n"
        "def function(x):\n    return Broken.apply(x)\n"
    )
    path = write(tmp_path, text)
    by_autograd = name in ("concise", "scratch")
    failing = (
        "train_step(images, labels) fails"
        if by_autograd
        else "function(x) cannot be differentiated"
    )
    assert refusal(lambda: with_activation(name, path)) == (
        f"{path}:{line(text)}: {failing}: ValueError: no way back"
    )


def test_a_file_without_the_function_is_refused(tmp_path: Path) -> None:
    for text in ("def relu(x):\n    return x\n", "function = 3\n"):
        path = write(tmp_path, text)
        assert refusal(lambda path=path: activations.load(path)) == (
            f"{path}: `function(x)` is expected; the file defines none"
        )


def test_an_activation_knows_its_file(tmp_path: Path) -> None:
    path = write(tmp_path, MODULE)
    assert activations.load(path).source == path
    assert activations.load("gelu").source == activations.source("gelu")


def test_an_activation_that_changes_its_argument_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "clamped.py"
    file.write_text("def function(x):\n    return x.clamp_(min=0)\n")
    expected = re.escape(f"{file}:1: function(x) must leave x as it is; it changed it in place")
    with torch.no_grad(), pytest.raises(PlugInError, match=expected):
        activations.load(file).function(torch.ones(3))
    with torch.inference_mode():
        assert activations.load("relu").function(torch.ones(3)).tolist() == [1, 1, 1]


THIRD = """
class Network:
    def __init__(self, parameters, activation, {name}):
        self.values, self.third = parameters, {name}
    def logits(self, images):
        return self.third
    def train_step(self, images, labels):
        return None
    def parameters(self):
        return self.values
"""


@dataclass(frozen=True)
class WithMomentum(Optimizer):
    """An optimiser with a setting that plain gradient descent does not have."""

    momentum: float = 0.9

    def beyond_the_rate(self) -> dict[str, float]:
        return {"momentum": self.momentum}


@pytest.mark.parametrize("name", ["learning_rate", "rate", "lr"])
def test_a_third_argument_of_any_other_name_gets_the_learning_rate(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(THIRD.format(name=name))
    build = implementations.load(path)
    relu = activations.load("relu")
    for given in (0.25, Optimizer(0.25)):
        network = build(start(torch.float32), relu, given)
        assert network._network.third == 0.25  # type: ignore[attr-defined]
    with pytest.raises(PlugInError, match=r"mine\.py:2: Network takes the learning rate alone"):
        build(start(torch.float32), relu, WithMomentum(0.25))


def test_a_third_argument_called_optimizer_gets_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(THIRD.format(name="optimizer"))
    build = implementations.load(path)
    relu = activations.load("relu")
    for given in (Optimizer(0.25), WithMomentum(0.25, 0.5)):
        assert build(start(torch.float32), relu, given)._network.third is given  # type: ignore[attr-defined]
    plain = build(start(torch.float32), relu, 0.25)
    assert plain._network.third == Optimizer(0.25)  # type: ignore[attr-defined]
