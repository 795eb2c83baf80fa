"""Fetch one file of a data set."""

from collections.abc import Sequence
from pathlib import Path

from mlplab import datasets
from mlplab.datasets.download import download as fetch
from mlplab.datasets.download import mirrors_of
from mlplab.files import PathLike


def download(
    dataset: PathLike, file: str, mirrors: Sequence[str], target: PathLike, source: PathLike
) -> None:
    """Write the data set's `file` to `target`, and where it came from to `source` (JSON)."""
    info = datasets.info(Path(dataset))
    fetch(info, info.file(file), mirrors_of(info, mirrors), target, source)
