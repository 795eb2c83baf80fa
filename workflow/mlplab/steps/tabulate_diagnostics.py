"""Put what happens inside the networks while they train into tables."""

from collections.abc import Mapping, Sequence

from mlplab.analysis import agreement, tables
from mlplab.analysis.diagnostics import diagnostics_table, networks_table
from mlplab.files import PathLike
from mlplab.study.documents import read_run
from mlplab.study.record import beside, read_rows


def tabulate_diagnostics(
    agreed: PathLike, runs: Sequence[PathLike], outputs: Mapping[str, PathLike]
) -> None:
    """Write `diagnostics` and `networks`, of all run.json, as `<name>_csv` and `<name>_parquet`.

    Runs of implementations that are wrong, as the table `agreed` has it, are left out.
    """
    right = agreement.right(tables.read(agreed))
    documents = map(read_run, runs)
    rows = map(read_rows, beside(runs, "diagnostics").diagnostics)
    diagnostics = diagnostics_table(
        (run.activation, run.settings["learning_rate"], measured)
        for run, measured in zip(documents, rows, strict=True)
        if run.implementation in right
    )
    networks = networks_table(diagnostics)
    tables.write_all({"diagnostics": diagnostics, "networks": networks}, outputs)
    print(networks.to_string())
