"""What a file changes for others in its process: noticed, undone and told."""

import os
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

# What it is called → how it is read, and how it is set again. Read before and after every call.
SETTINGS: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "torch's default dtype": (torch.get_default_dtype, torch.set_default_dtype),
    "torch's default device": (
        torch.get_default_device,
        lambda device: torch.set_default_device(device if device.type != "cpu" else None),
    ),
    "torch's number of threads": (torch.get_num_threads, torch.set_num_threads),
    "whether gradients are recorded": (torch.is_grad_enabled, torch.set_grad_enabled),
    "the precision of float32 products": (
        torch.get_float32_matmul_precision,
        torch.set_float32_matmul_precision,
    ),
    "torch's deterministic algorithms": (
        torch.are_deterministic_algorithms_enabled,
        torch.use_deterministic_algorithms,
    ),
    "the working directory": (os.getcwd, os.chdir),
}

# The random numbers of a process, which a file may seed while it is imported.
SEEDS: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "torch's random numbers": (lambda: torch.get_rng_state().numpy().tobytes(), lambda s: None),
    "NumPy's random numbers": (
        lambda: np.random.get_state()[1].tobytes(),  # type: ignore[index]
        lambda s: None,
    ),
    "Python's random numbers": (random.getstate, random.setstate),
}

LIBRARY = "mlplab.implementations."


class Effects:
    """Tells each effect once, by `tell`."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._told: set[str] = set()
        self._within = ""

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
                now = read()
                if now != before[name]:
                    write(before[name])
                    self._once(f"changes {name}, from {before[name]} to {now}: undone")

    @contextmanager
    def of_import(self, path: Path) -> Iterator[None]:
        """Within, a file is imported."""
        yield

    def watch(self) -> None:
        """Tell from now on when one of the library's implementations is imported."""

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            if event == "import" and str(arguments[0]).startswith(LIBRARY):
                name = str(arguments[0]).removeprefix(LIBRARY)
                if not name.startswith("_"):
                    self._once(f"imports the library's own implementation {name}")

        sys.addaudithook(hook)
