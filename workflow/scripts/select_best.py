"""Choose the best combination on validation images, and test it once."""

from typing import TYPE_CHECKING

from job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from pathlib import Path

    import pandas as pd
    import torch

    from mlplab import selection
    from mlplab.datasets import store
    from mlplab.files import write_json
    from mlplab.record import beside

    torch.set_num_threads(snakemake.threads)
    params = snakemake.params
    runs, ranked = selection.winner(pd.read_parquet(snakemake.input.runs), params.axes)
    first = runs.iloc[0]
    files = beside(params.runs, "parameters")
    tested = selection.test_runs(
        runs,
        dict(zip(params.paths, map(Path, files.parameters), strict=True)),
        Path(params.implementations[first["implementation"]]),
        Path(params.activations[first["activation"]]),
        store.load(snakemake.input.data),
        float(first["learning_rate"]),
        snakemake.config["device"],
    )
    summary = selection.summary(ranked, tested, params.axes)
    write_json(snakemake.output.selection, summary)
    print(summary)
