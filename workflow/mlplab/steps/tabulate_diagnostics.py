"""Put what happens inside the networks while they train into tables."""

from collections.abc import Mapping, Sequence

from mlplab.analysis import tables
from mlplab.analysis.diagnostics import diagnostics_table, networks_table
from mlplab.files import PathLike
from mlplab.study.documents import read_run
from mlplab.study.record import beside, read_rows


def tabulate_diagnostics(runs: Sequence[PathLike], outputs: Mapping[str, PathLike]) -> None:
    """Write `diagnostics` and `networks`, of all run.json, as `<name>_csv` and `<name>_parquet`."""
    activations = [read_run(file).activation for file in runs]
    rows = map(read_rows, beside(runs, "diagnostics").diagnostics)
    diagnostics = diagnostics_table(zip(activations, rows, strict=True))
    networks = networks_table(diagnostics)
    tables.write_all({"diagnostics": diagnostics, "networks": networks}, outputs)
    print(networks.to_string())
