"""Draw figures that need nothing but tables of the study."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from mlplab.analysis.tables import read
from mlplab.figures import canvas
from mlplab.files import PathLike


def plot_tables(
    module: ModuleType,
    tables: Mapping[str, PathLike],
    outputs: Mapping[str, PathLike],
    *given: Any,
) -> None:
    """Write figures of a module of `mlplab.figures` to `outputs`, by name and format.

    What draws each is given the tables, here parquet files by their name, and what is `given`.
    """
    loaded = {name: read(file) for name, file in tables.items()}
    canvas.draw(module, outputs, loaded, *given)
