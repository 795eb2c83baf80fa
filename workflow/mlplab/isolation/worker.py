"""The process that loads strangers' files: it does what it is asked, and answers with tensors.

Nothing here decides anything. What a file does to this process it does to itself: whoever asks has
the inputs, compares the answers, and looks at each of them as at a stranger's.
"""

import faulthandler
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import torch

from mlplab import activations, implementations
from mlplab.activations import Activation
from mlplab.isolation.effects import Effects
from mlplab.isolation.messages import Channel, Closed, Tensors
from mlplab.optimizers import Optimizer
from mlplab.plugins import PlugInError, blaming, place_of

Answer = tuple[dict[str, Any], Tensors]


def _copies(values: Tensors) -> Tensors:
    return {name: value.clone() for name, value in values.items()}


def _changed(now: Tensors, before: Tensors) -> Tensors:
    """Those tensors that are no longer what they were."""
    return {name: v for name, v in now.items() if not torch.equal(v, before[name])}


class Held:
    """A network, and the parameters that it was given, which it may change."""

    def __init__(self, given: Tensors) -> None:
        self.network: Any = None
        self._given = given
        self._before = _copies(given)

    def changes(self) -> Tensors:
        """Of the parameters that were given, those that have changed since this was asked."""
        changed = _changed(self._given, self._before)
        self._before |= _copies(changed)
        return {f"given {name}": value for name, value in changed.items()}


class Worker:
    """What can be asked for: a method for each call."""

    def __init__(self, effects: Effects) -> None:
        self._effects = effects
        self._builds: dict[str, Any] = {}
        self._activations: dict[str, Activation] = {}
        self._networks: dict[int, Held] = {}

    def answer(self, head: dict[str, Any], tensors: Tensors) -> Answer:
        """Do what a message asks for."""
        for number in head.get("drop", ()):
            self._networks.pop(number, None)
        call: Callable[[dict[str, Any], Tensors], Answer] = getattr(self, f"_{head['call']}")
        with torch.set_grad_enabled(head.get("grad", True)):
            return call(head, tensors)

    def _load_implementation(self, head: dict[str, Any], _: Tensors) -> Answer:
        path = Path(head["source"])
        with self._effects.of_import():
            self._builds[head["source"]] = implementations.load(path)
        return {}, {}

    def _load_activation(self, head: dict[str, Any], _: Tensors) -> Answer:
        with self._effects.of_import():
            loaded = activations.load(Path(head["source"]))
        self._activations[head["source"]] = loaded
        said = {
            "formula": str(loaded.formula),
            "derivative_formula": str(loaded.derivative_formula),
            "parameters": dict(loaded.parameters),
            "closed_form": loaded.closed_form,
            "from_output": loaded.derivative_from_output is not None,
        }
        return said, {}

    def _build(self, head: dict[str, Any], given: Tensors) -> Answer:
        if head["activation"] not in self._activations:
            self._load_activation({"source": head["activation"]}, {})
        held = Held(given)
        held.network = self._builds[head["source"]](
            given, self._activations[head["activation"]], Optimizer(**head["optimizer"])
        )
        self._networks[head["network"]] = held
        return {}, held.changes()

    def _logits(self, head: dict[str, Any], given: Tensors) -> Answer:
        held = self._networks[head["network"]]
        before = _copies(given) if head["watch"] else given
        logits = held.network.logits(given["images"])
        return {}, {"logits": logits, **_changed(given, before), **self._changes(head, held)}

    def _train_step(self, head: dict[str, Any], given: Tensors) -> Answer:
        held = self._networks[head["network"]]
        before = _copies(given) if head["watch"] else given
        loss, correct = held.network.train_step(given["images"], given["labels"])
        changes = {**_changed(given, before), **self._changes(head, held)}
        return {}, {"loss": loss, "correct": correct, **changes}

    def _changes(self, head: dict[str, Any], held: Held) -> Tensors:
        return held.changes() if head["watch"] else {}

    def _parameters(self, head: dict[str, Any], _: Tensors) -> Answer:
        held = self._networks[head["network"]]
        return {}, {f"parameter {n}": v for n, v in held.network.parameters().items()}

    def _evaluate(self, head: dict[str, Any], given: Tensors) -> Answer:
        """One of an activation's functions at x, with its parameters."""
        x, *own = given.values()
        activation, name = self._activations[head["source"]], head["function"]
        if name == "module":
            y = self._module(activation, x, own)
        elif name.startswith("numpy"):
            y = getattr(activation, name)(x.numpy(), *(value.numpy() for value in own))
        else:
            y = getattr(activation, name)(x, *own)
        answers = y if isinstance(y, tuple) else (y,)
        return {}, {f"y{i}": torch.as_tensor(each) for i, each in enumerate(answers)}

    @staticmethod
    def _module(activation: Activation, x: torch.Tensor, own: Sequence[torch.Tensor]) -> Any:
        """The framework's counterpart at x, with parameters that are not its own."""
        module = activation.module().to(x.dtype)
        names = [name for name, _ in module.named_parameters()]
        return torch.func.functional_call(module, dict(zip(names, own, strict=True)), (x,))

    def _gradients(self, head: dict[str, Any], given: Tensors) -> Answer:
        """Autograd's answer: the upstream gradient sent back through the function."""
        upstream, x, *own = given.values()
        leaves = [value.requires_grad_() for value in (x, *own)]
        with torch.enable_grad():
            activation = self._activations[head["source"]]
            if head["function"] == "module":
                y = self._module(activation, leaves[0], leaves[1:])
            else:
                y = activation.function(*leaves)
            with blaming(Path(head["source"]), "function(x) cannot be differentiated", "function"):
                found = torch.autograd.grad(y, leaves, upstream, allow_unused=True)
        return {}, {f"y{i}": each for i, each in enumerate(found) if each is not None}


def _told(error: BaseException, paths: Sequence[Path], call: str) -> str:
    """What became of a call, with the line where it did."""
    if isinstance(error, PlugInError):
        return str(error)
    if isinstance(error, SystemExit):
        what = f"ends Python with status {error.code or 0!r}"
    else:
        what = f"fails: {type(error).__name__}: {error}"
    return f"{place_of(paths, error) or paths[0]}: {call} {what}"


def _answer_all(channel: Channel, worker: Worker, effects: Effects, paths: list[Path]) -> NoReturn:
    """Answer until nobody asks any more, which raises Closed."""
    while True:
        head, tensors = channel.receive()
        try:
            with effects.of_call():
                answer, found = worker.answer(head, tensors)
        except BaseException as error:
            channel.send({"error": _told(error, paths, head["words"])})
        else:
            channel.send({"answer": answer}, found)


def serve(descriptor: int, dump: int, told: dict[str, Any], held: list[str]) -> None:
    """Serve on a connected socket; `dump` is where the place of a crash or a loop is written."""
    channel = Channel(socket.socket(fileno=descriptor))
    torch.set_num_threads(told["threads"])
    torch.set_float32_matmul_precision(told["matmul_precision"])
    faulthandler.enable(dump, all_threads=False)
    faulthandler.register(signal.SIGUSR1, dump, all_threads=False)
    paths = [Path(path) for path in told["paths"]]
    # Beside a file lie the modules that it imports, also within a function and later.
    sys.path += dict.fromkeys(str(path.parent) for path in paths)
    effects = Effects(lambda words: channel.send({"note": words}))
    effects.watch_imports()
    end = os._exit
    # So that an exit has its file and line as well; one in C is told without.
    os._exit = sys.exit  # type: ignore[assignment]
    channel.send({"held": held})
    try:
        _answer_all(channel, Worker(effects), effects, paths)
    except Closed:
        end(0)
