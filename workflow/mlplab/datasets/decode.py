"""Decoding a data set's files, once, into one memory-mappable file of tensors."""

import gzip
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from mlplab.commands import again
from mlplab.datasets import DatasetInfo, Size
from mlplab.errors import UserError
from mlplab.files import file_digest, read_json, replacing, write_json

Tensors = dict[str, torch.Tensor]

# scikit-learn's digits come as one set; its last images, by other writers, are kept for the test.
DIGITS_TEST_IMAGES = 360


def read_idx(dataset: DatasetInfo, paths: Mapping[str, Path]) -> Tensors:
    """The gzipped IDX files of the MNIST family, read by torchvision (article item B1)."""
    from torchvision.datasets.mnist import read_image_file, read_label_file

    tensors = {}
    with tempfile.TemporaryDirectory() as folder:
        for part, path in paths.items():
            unpacked = Path(folder, part)
            with gzip.open(path) as packed, unpacked.open("wb") as output:
                shutil.copyfileobj(packed, output)
            read = read_image_file if part.endswith("images") else read_label_file
            tensors[part] = read(str(unpacked))
    return tensors


def read_sklearn_digits(dataset: DatasetInfo, paths: Mapping[str, Path]) -> Tensors:
    """scikit-learn's own handwritten digits, which come with the package.

    Its file is read as `sklearn.datasets.load_digits` does, without the second that its import
    takes.
    """
    package = find_spec("sklearn")
    assert package is not None and package.submodule_search_locations
    file = Path(package.submodule_search_locations[0], "datasets/data/digits.csv.gz")
    # Of each image 64 pixels, row by row, and its label.
    rows = torch.from_numpy(np.loadtxt(file, delimiter=","))
    images, labels = rows[:, :-1].reshape(-1, 8, 8), rows[:, -1].long()
    training = len(labels) - DIGITS_TEST_IMAGES
    return {
        "training_images": images[:training],
        "training_labels": labels[:training],
        "test_images": images[training:],
        "test_labels": labels[training:],
    }


# What the readers raise on a file that is not what it should be.
DAMAGE = (
    OSError,
    EOFError,
    zlib.error,
    ValueError,
    AssertionError,
    KeyError,
    TypeError,
    RuntimeError,
)

READERS: dict[str, Callable[[DatasetInfo, Mapping[str, Path]], Tensors]] = {
    "idx": read_idx,
    "sklearn_digits": read_sklearn_digits,
}


def _unchanged(dataset: DatasetInfo, paths: Mapping[str, Path]) -> None:
    """Raise UserError where a file is no longer the one that was downloaded."""
    for part, path in paths.items():
        try:
            found, expected = file_digest(path, "md5"), dataset.files[part].md5
        except OSError as error:
            raise UserError(
                f"{path}: cannot be read ({error.strerror}); run the workflow again"
            ) from error
        if found != expected:
            raise UserError(
                f"{path}: changed since it was downloaded (MD5 {found}, expected {expected}); "
                f"download it anew: {again(path)}"
            )


def _checked(dataset: DatasetInfo, tensors: Tensors) -> Tensors:
    """Images and labels as bytes. Raises ValueError where they are no data set to learn from."""
    size = tensors["training_images"].shape[1:]
    for split in ("training", "test"):
        images, labels = tensors[f"{split}_images"], tensors[f"{split}_labels"]
        if images.dim() != 3 or not images.numel():
            raise ValueError(f"{split}: expected images, found an array of {_sizes(images.shape)}")
        if labels.dim() != 1 or len(images) != len(labels):
            raise ValueError(f"{split}: {len(images)} images but {_sizes(labels.shape)} labels")
        if images.shape[1:] != size:
            raise ValueError(
                f"training images are {_sizes(size)} pixels, test images "
                f"{_sizes(images.shape[1:])}; expected one size"
            )
        if images.min() < 0 or (images.is_floating_point() and (images % 1).any()):
            raise ValueError(f"{split}: a pixel that is no whole number from 0 on")
        if images.max() > dataset.pixel_max:
            raise ValueError(
                f"{split}: a pixel of {images.max():g}, above pixel_max {dataset.pixel_max}"
            )
        if labels.min() < 0 or labels.max() >= len(dataset.class_names):
            strange = labels.min() if labels.min() < 0 else labels.max()
            raise ValueError(
                f"{split}: label {strange} has no class name; class_names has "
                f"{len(dataset.class_names)}, for the labels from 0 on"
            )
    found = Size(len(tensors["training_images"]), len(tensors["test_images"]), *size)
    if dataset.size not in (None, found):
        raise ValueError(f"expected {_in_words(dataset.size)}, found {_in_words(found)}")
    return {name: tensor.to(torch.uint8).contiguous() for name, tensor in tensors.items()}


def _in_words(size: Size) -> str:
    return f"{size.training} + {size.test} images of {size.height} × {size.width} pixels"


def _sizes(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


def decode(
    dataset: DatasetInfo,
    paths: Mapping[str, Path],
    sources: Mapping[str, Path],
    target: str | os.PathLike[str],
    manifest: str | os.PathLike[str],
) -> None:
    """Write images and labels (uint8) to `target` (safetensors) and what they are to `manifest`.

    `paths` and `sources` map the parts of the data set (training_images …) to the downloaded files
    and to the records of where they came from. Raises UserError where a file has changed since it
    was downloaded, cannot be read, or holds no data set to learn from.
    """
    _unchanged(dataset, paths)
    try:
        tensors = _checked(dataset, READERS[dataset.reader](dataset, paths))
    except DAMAGE as error:
        raise UserError(
            f"{dataset.title}: its files have the MD5 of its description, but are not what else it "
            f"says ({type(error).__name__}: {error}); mend {dataset.name}.yaml, or the files"
        ) from error
    # One entry only: the format keeps several in no particular order, and so with other digests.
    description = {
        "name": dataset.name,
        "pixel_max": dataset.pixel_max,
        "class_names": dataset.class_names,
    }
    metadata = {"dataset": json.dumps(description)}
    with replacing(target) as temporary:
        save_file(tensors, temporary, metadata=metadata)
    write_json(
        manifest,
        {
            "name": dataset.name,
            "title": dataset.title,
            "description": dataset.description,
            "homepage": dataset.homepage,
            "license": dataset.license,
            "citation": dataset.citation,
            "class_names": dataset.class_names,
            "pixel_max": dataset.pixel_max,
            "counts": {
                split: {
                    "images": len(tensors[f"{split}_labels"]),
                    "shape": list(tensors[f"{split}_images"].shape[1:]),
                    "per_class": tensors[f"{split}_labels"]
                    .long()
                    .bincount(minlength=len(dataset.class_names))
                    .tolist(),
                }
                for split in ("training", "test")
            },
            "files": [read_json(sources[part]) for part in paths],
            "sha256": file_digest(target),
        },
    )
