"""Put what every implementation's comparison found into one table."""

from collections.abc import Mapping, Sequence

import pandas as pd

from mlplab.analysis import tables
from mlplab.files import PathLike, read_json


def tabulate_parity(parity: Sequence[PathLike], outputs: Mapping[str, PathLike]) -> None:
    """Write the rows of all of these files as one table, `parity_csv` and `parity_parquet`."""
    rows = [row for file in parity for row in read_json(file)]
    tables.write_all({"parity": pd.DataFrame(rows)}, outputs)
    print(f"{len(rows)} compared quantities")
