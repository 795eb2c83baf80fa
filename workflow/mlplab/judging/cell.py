"""The check from within a notebook: `from mlplab import check`, then `check(Network)` in a cell."""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from mlplab import implementations
from mlplab.implementations import Build
from mlplab.implementations._contract import guarded
from mlplab.isolation import launch
from mlplab.judging.check import examine
from mlplab.judging.verdict import ALL
from mlplab.plugins import PlugInError


def check(network: type, activation: Sequence[str] | str | None = None, hint: int = ALL) -> None:
    """Print the verdict on a class `Network`, as `mlplab check` does for its file.

    Nothing is done in a notebook that is itself being checked.

    It is run in this process, which has defined it. `activation` names those to check it with, all
    where it is None; `hint` is how much is given away, from 0 to 3. How many hidden layers it can
    do is said by MAX_HIDDEN_LAYERS, in the class or beside it.
    """
    if launch.MARK in os.environ:
        return
    place = _place(network)
    chosen = [activation] if isinstance(activation, str) else activation
    threads = torch.get_num_threads()
    torch.set_num_threads(1)

    def load(path: Path) -> Build:
        if path != place:
            return implementations.load(path)
        return guarded(SimpleNamespace(Network=network), place)

    try:
        verdict = examine(place, chosen, load, _limit(network))
        print("\n".join(replace(verdict, name=network.__name__).lines(hint)))
    except PlugInError as error:
        print(f"FAILS  {network.__name__}: {error}")
    finally:
        torch.set_num_threads(threads)


def _place(network: type) -> Path:
    """Where the class was written: for a cell that is the name under which it was compiled."""
    code: Any = getattr(vars(network).get("__init__"), "__code__", None)
    return Path(code.co_filename if code else network.__name__)


def _limit(network: type) -> int | None:
    beside = vars(sys.modules.get(network.__module__, object)) if network.__module__ else {}
    limit = getattr(network, "MAX_HIDDEN_LAYERS", beside.get("MAX_HIDDEN_LAYERS"))
    return limit if isinstance(limit, int) else None
