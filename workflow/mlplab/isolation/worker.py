"""The process that loads strangers' files: it does what it is asked, and answers with tensors.

Nothing here decides anything. What a file does to this process it does to itself: whoever asks has
the inputs, compares the answers, and looks at each of them as at a stranger's.
"""

import faulthandler
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from mlplab import activations, implementations
from mlplab.activations import Activation
from mlplab.isolation import confinement
from mlplab.isolation.effects import Effects
from mlplab.isolation.messages import Channel, Closed, Tensors
from mlplab.optimizers import Optimizer
from mlplab.plugins import PlugInError, blaming

Answer = tuple[dict[str, Any], Tensors]


def _copies(values: Tensors) -> Tensors:
    return {name: value.clone() for name, value in values.items()}


def _changed(now: Tensors, before: Tensors) -> Tensors:
    """Those tensors that are no longer what they were, under the names of the arguments."""
    return {name: v for name, v in now.items() if not torch.equal(v, before[name])}


class Held:
    """A network, and the parameters that it was given, which it may change."""

    def __init__(self, network: Any, given: Tensors) -> None:
        self.network = network
        self.given = given
        self.before = _copies(given)

    def changes(self) -> Tensors:
        """Of the parameters that were given, those that the network has changed since asked."""
        changed = _changed(self.given, self.before)
        self.before |= _copies(changed)
        return {f"given {name}": value for name, value in changed.items()}


class Worker:
    """What can be asked for, a method for each call."""

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
        with self._effects.of_import(path), blaming(path, "this implementation ends Python"):
            self._builds[head["source"]] = implementations.load(path)
        return {}, {}

    def _load_activation(self, head: dict[str, Any], _: Tensors) -> Answer:
        path = Path(head["source"])
        with self._effects.of_import(path):
            loaded = self._activations[head["source"]] = activations.load(path)
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
        activation = self._activations[head["activation"]]
        build = self._builds[head["source"]]
        held = Held(None, given)
        held.network = build(given, activation, Optimizer(**head["optimizer"]))
        self._networks[head["network"]] = held
        return {}, held.changes()

    def _logits(self, head: dict[str, Any], given: Tensors) -> Answer:
        held = self._networks[head["network"]]
        before = _copies(given) if head["watch"] else given
        logits = held.network.logits(given["images"])
        return {}, {"logits": logits, **self._changes(head, held, given, before)}

    def _train_step(self, head: dict[str, Any], given: Tensors) -> Answer:
        held = self._networks[head["network"]]
        before = _copies(given) if head["watch"] else given
        loss, correct = held.network.train_step(given["images"], given["labels"])
        changes = self._changes(head, held, given, before)
        return {}, {"loss": loss, "correct": correct, **changes}

    def _changes(
        self, head: dict[str, Any], held: Held, given: Tensors, before: Tensors
    ) -> Tensors:
        if not head["watch"]:
            return {}
        return {**_changed(given, before), **held.changes()}

    def _parameters(self, head: dict[str, Any], _: Tensors) -> Answer:
        held = self._networks[head["network"]]
        return {}, {f"parameter {n}": v for n, v in held.network.parameters().items()}

    def _evaluate(self, head: dict[str, Any], given: Tensors) -> Answer:
        """One of an activation's functions at x, with its parameters."""
        x, *parameters = given.values()
        activation = self._activations[head["source"]]
        name = head["function"]
        if name == "module":
            module = activation.module().to(x.dtype)
            return {}, {"y": module(x)}
        function = getattr(activation, name)
        if name.startswith("numpy"):
            y = function(x.numpy(), *(value.numpy() for value in parameters))
            answers = y if isinstance(y, tuple) else (y,)
            return {}, {f"y{i}": torch.as_tensor(each) for i, each in enumerate(answers)}
        y = function(x, *parameters)
        answers = y if isinstance(y, tuple) else (y,)
        return {}, {f"y{i}": each for i, each in enumerate(answers)}

    def _gradients(self, head: dict[str, Any], given: Tensors) -> Answer:
        """Autograd's answer: the upstream gradient sent back through `function`."""
        upstream, x, *parameters = given.values()
        leaves = [value.requires_grad_() for value in (x, *parameters)]
        with torch.enable_grad():
            y = self._activations[head["source"]].function(*leaves)
            path = Path(head["source"])
            with blaming(path, "function(x) cannot be differentiated", "function"):
                found = torch.autograd.grad(y, leaves, upstream, materialize_grads=True)
        return {}, {f"y{i}": each for i, each in enumerate(found)}


def serve(channel: Channel, worker: Worker, effects: Effects, paths: list[Path]) -> None:
    """Answer until nobody asks any more."""
    while True:
        head, tensors = channel.receive()
        try:
            with effects.of_call():
                answer, found = worker.answer(head, tensors)
        except PlugInError as error:
            channel.send({"error": str(error)})
        except Closed:
            raise
        except BaseException as error:
            try:
                _blame(error, paths)
            except PlugInError as told:
                channel.send({"error": str(told)})
        else:
            channel.send({"answer": answer}, found)


def _blame(error: BaseException, paths: list[Path]) -> None:
    """Tell what is no Exception, such as an exit, as a PlugInError with file and line."""
    from mlplab.plugins import place_of

    ends = isinstance(error, SystemExit)
    what = f"ends Python: {error!r}" if ends else f"fails: {type(error).__name__}: {error}"
    raise PlugInError(f"{place_of(paths, error) or paths[0]}: {what}") from error


def main(descriptor: int, dump: int) -> None:
    """Serve on a connected socket; `dump` is where the place of a crash or a loop is written."""
    channel = Channel(socket.socket(fileno=descriptor))
    asked, _ = channel.receive()
    torch.set_num_threads(asked["threads"])
    torch.set_float32_matmul_precision(asked["matmul_precision"])
    faulthandler.enable(dump, all_threads=False)
    faulthandler.register(signal.SIGUSR1, dump, all_threads=False)
    paths = [Path(path) for path in asked["paths"]]
    effects = Effects(lambda words: channel.send({"note": words}))
    confined = confinement.confine(asked["limits"], asked["readable"], asked["scratch"])
    channel.send({"confined": confined})
    # Beside a file lie the modules that it imports, also within a function and later.
    sys.path += dict.fromkeys(str(path.absolute().parent) for path in paths)
    effects.watch()
    os._exit = _exit  # type: ignore[assignment]
    try:
        serve(channel, Worker(effects), effects, paths)
    except Closed:
        pass
    finally:
        END(0)


END = os._exit


def _exit(status: int = 0) -> None:
    raise SystemExit(status)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
