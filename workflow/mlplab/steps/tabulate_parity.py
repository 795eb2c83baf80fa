"""Put what every implementation's comparison found into one table."""

from collections.abc import Sequence

import pandas as pd

from mlplab.analysis import tables
from mlplab.files import PathLike, read_json


def tabulate_parity(parity: Sequence[PathLike], csv: PathLike, parquet: PathLike) -> None:
    """Write the rows of all of these files as one table."""
    rows = [row for file in parity for row in read_json(file)]
    tables.write(pd.DataFrame(rows), csv, parquet)
    print(f"{len(rows)} compared quantities")
