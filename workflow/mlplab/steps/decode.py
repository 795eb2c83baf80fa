"""Decode a data set's files, once."""

from collections.abc import Mapping
from pathlib import Path

from mlplab import datasets
from mlplab.datasets.decode import decode as decode_files
from mlplab.files import PathLike


def decode(
    dataset: PathLike, files: Mapping[str, PathLike], data: PathLike, manifest: PathLike
) -> None:
    """Write the images and labels of a data set to `data`, what it holds to `manifest` (JSON).

    `files` maps a part of the data set to its file, beside which lies where it came from.
    """
    info = datasets.info(Path(dataset))
    paths = {part: Path(files[part]) for part in info.files}
    sources = {part: Path(f"{path}.source.json") for part, path in paths.items()}
    decode_files(info, paths, sources, data, manifest)
