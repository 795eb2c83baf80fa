"""MLP Lab: the multilayer perceptron as a study that can be run, checked and extended.

The library behind the workflow. It imports no Snakemake and reads no global configuration, so it
works in a notebook as well. Heavy packages are imported by the modules that need them only.
"""

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    """`mlplab.check`, for a notebook's cell: imported when it is asked for, with torch."""
    if name == "check":
        return importlib.import_module("mlplab.judging.cell").check
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
