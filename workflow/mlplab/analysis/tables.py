"""What all tables of a study share: the columns of a cell, and how they are written."""

import os
from collections.abc import Mapping
from typing import Any

import pandas as pd

from mlplab.commands import again
from mlplab.errors import UserError
from mlplab.files import replacing

# What a cell's runs have in common besides the further axes of the grid.
CELL = ["implementation", "activation"]


def read(parquet: str | os.PathLike[str]) -> pd.DataFrame:
    """A table from its parquet file. Raises UserError where that is none, or damaged."""
    try:
        return pd.read_parquet(parquet)
    except (OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(
            f"{parquet}: no table ({reason}); make it anew: {again(parquet)}"
        ) from error


def write(
    table: pd.DataFrame, csv: str | os.PathLike[str], parquet: str | os.PathLike[str]
) -> None:
    """Write a table as CSV and as parquet, each whole or not at all."""
    with replacing(csv) as temporary:
        table.to_csv(temporary, index=False)
    with replacing(parquet) as temporary:
        table.to_parquet(temporary, index=False)


def write_all(
    tables: Mapping[str, pd.DataFrame], outputs: Mapping[str, str | os.PathLike[str]]
) -> None:
    """Write each table to `<name>_csv` and `<name>_parquet` of `outputs`."""
    for name, table in tables.items():
        write(table, outputs[f"{name}_csv"], outputs[f"{name}_parquet"])


def plain(value: Any) -> Any:
    """A setting as a table has it: a list as its values in one text."""
    return " ".join(map(str, value)) if isinstance(value, list) else value
