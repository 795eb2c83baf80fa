"""Decoding a data set's files, once, into one memory-mappable file of tensors."""

import gzip
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file

from mlplab.datasets import DatasetInfo
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
    """scikit-learn's own handwritten digits, which come with the package."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = torch.from_numpy(digits.images)
    labels = torch.from_numpy(digits.target)
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


def _checked(dataset: DatasetInfo, tensors: Tensors) -> Tensors:
    for split in ("training", "test"):
        images, labels = tensors[f"{split}_images"], tensors[f"{split}_labels"]
        if len(images) != len(labels):
            raise ValueError(f"{split}: {len(images)} images but {len(labels)} labels")
        if images.max() > dataset.pixel_max:
            raise ValueError(f"{split}: a pixel above pixel_max {dataset.pixel_max}")
        if labels.max() >= len(dataset.class_names):
            raise ValueError(f"{split}: label {labels.max()} has no class name")
    return {name: tensor.to(torch.uint8).contiguous() for name, tensor in tensors.items()}


def decode(
    dataset: DatasetInfo,
    paths: Mapping[str, Path],
    sources: Mapping[str, Path],
    target: str | os.PathLike[str],
    manifest: str | os.PathLike[str],
) -> None:
    """Write images and labels (uint8) to `target` (safetensors) and what they are to `manifest`.

    `paths` and `sources` map the parts of the data set (training_images …) to the downloaded files
    and to the records of where they came from. Raises UserError where a file cannot be read.
    """
    try:
        tensors = _checked(dataset, READERS[dataset.reader](dataset, paths))
    except DAMAGE as error:
        raise UserError(
            f"{dataset.title}: its files cannot be decoded ({type(error).__name__}: {error}); "
            f"remove the folder {Path(target).parent} and run the workflow again"
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
