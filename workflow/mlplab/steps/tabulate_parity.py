"""Put what every implementation's comparison found into one table."""

from collections.abc import Mapping, Sequence

import pandas as pd

from mlplab.analysis import tables
from mlplab.analysis.agreement import agreement_table
from mlplab.files import PathLike, read_json


def tabulate_parity(parity: Sequence[PathLike], outputs: Mapping[str, PathLike]) -> None:
    """Write `parity`, the rows of all of these files, and `agreement`, as CSV and parquet."""
    rows = [row for file in parity for row in read_json(file)]
    compared = pd.DataFrame(rows)
    agreement = agreement_table(compared)
    tables.write_all({"parity": compared, "agreement": agreement}, outputs)
    print(agreement.to_string())
    print(f"{len(rows)} compared quantities")
