"""Run one implementation beside the reference, step by step."""

from typing import TYPE_CHECKING

from job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from collections import Counter
    from pathlib import Path

    import torch

    from mlplab.datasets import store
    from mlplab.files import write_json
    from mlplab.parity import study_rows
    from mlplab.precision import use_fast_products

    torch.set_num_threads(snakemake.threads)
    use_fast_products()
    data = store.load(snakemake.input.data)
    rows = list(
        study_rows(
            Path(snakemake.input.implementation),
            Path(snakemake.input.reference),
            [Path(file) for file in snakemake.input.activations],
            data.training,
            data.classes,
            snakemake.params.settings,
        )
    )
    write_json(snakemake.output.parity, rows)
    for verdict, count in Counter(row["verdict"] for row in rows).items():
        print(f"{count} quantities: {verdict}")
