"""What a file changes for others in its process: noticed, undone and told."""

import os
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

Getter = Callable[[], Any]
Setter = Callable[[Any], Any]


def _set_default_device(device: torch.device) -> None:
    torch.set_default_device(None if device.type == "cpu" else device)


# What it is called → how it is read, and how it is set again. Read before and after every call.
SETTINGS: dict[str, tuple[Getter, Setter]] = {
    "torch's default dtype": (torch.get_default_dtype, torch.set_default_dtype),
    "torch's default device": (torch.get_default_device, _set_default_device),
    "torch's number of threads": (torch.get_num_threads, torch.set_num_threads),
    "whether gradients are recorded": (torch.is_grad_enabled, torch.set_grad_enabled),
    "the precision of float32 products": (
        torch.get_float32_matmul_precision,
        torch.set_float32_matmul_precision,
    ),
    "whether torch's algorithms are deterministic": (
        torch.are_deterministic_algorithms_enabled,
        torch.use_deterministic_algorithms,
    ),
    "the working directory": (os.getcwd, os.chdir),
}

# Who draws or seeds while it is imported changes what others draw.
RANDOM: dict[str, tuple[Getter, Setter]] = {
    "torch": (torch.get_rng_state, torch.set_rng_state),
    "NumPy": (np.random.get_state, np.random.set_state),
    "Python": (random.getstate, random.setstate),
}

LIBRARY = "mlplab.implementations."


def _read(read: Getter) -> Any:
    """What is set now, in words where it cannot even be read: another machine's device."""
    try:
        return read()
    except Exception:
        return "what does not work here"


def _same_state(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    return repr(one) == repr(other)


class Effects:
    """Tells each effect once, by `tell`."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._told: set[str] = set()

    def _once(self, words: str) -> None:
        if words not in self._told:
            self._told.add(words)
            self._tell(words)

    @contextmanager
    def of_call(self) -> Iterator[None]:
        """Within, settings may change; afterwards they are what they were, and it is told."""
        before = {name: read() for name, (read, _) in SETTINGS.items()}
        try:
            yield
        finally:
            for name, (read, write) in SETTINGS.items():
                now = _read(read)
                if now != before[name]:
                    write(before[name])
                    self._once(f"it changes {name} from {before[name]} to {now}: undone")

    @contextmanager
    def of_import(self) -> Iterator[None]:
        """Within, a file is imported; random numbers go on as if it had not been."""
        before = {name: read() for name, (read, _) in RANDOM.items()}
        try:
            yield
        finally:
            for name, (read, write) in RANDOM.items():
                if not _same_state(read(), before[name]):
                    write(before[name])
                    self._once(f"it seeds or draws {name}'s random numbers: undone")

    def watch_imports(self) -> None:
        """Tell from now on when one of the library's implementations is imported."""

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            if event == "import" and str(arguments[0]).startswith(LIBRARY):
                name = str(arguments[0]).removeprefix(LIBRARY)
                if not name.startswith("_"):
                    self._once(f"it imports {name}, one of the library's own implementations")

        sys.addaudithook(hook)
