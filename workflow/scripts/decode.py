"""Decode the data set's files."""

from typing import TYPE_CHECKING

from job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from pathlib import Path

    from mlplab import datasets
    from mlplab.datasets.decode import decode

    dataset = datasets.info(snakemake.params.dataset)
    paths = {part: Path(snakemake.input[part]) for part in dataset.files}
    sources = {part: Path(f"{path}.source.json") for part, path in paths.items()}
    decode(dataset, paths, sources, snakemake.output.data, snakemake.output.manifest)
