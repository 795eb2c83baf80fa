"""Put what every implementation's comparison found into one table."""

from typing import TYPE_CHECKING

from job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    import pandas as pd

    from mlplab import tables
    from mlplab.files import read_json

    rows = [row for file in snakemake.input.parity for row in read_json(file)]
    tables.write(pd.DataFrame(rows), snakemake.output.csv, snakemake.output.parquet)
    print(f"{len(rows)} compared quantities")
