"""A decoded data set: one memory-mappable file of tensors, read in milliseconds."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open

from mlplab.commands import again
from mlplab.errors import UserError
from mlplab.files import file_digest, read_json

# Lies beside a decoded data set: what it holds, where it came from, and its SHA-256.
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Split:
    """Images (n × height × width, 0 to pixel_max) with their labels (int64, n).

    Pixels are uint8; those that are scaled already are floats, and their pixel_max is 1.
    """

    images: torch.Tensor
    labels: torch.Tensor
    pixel_max: int

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, chosen: slice | torch.Tensor) -> "Split":
        """Some of the examples."""
        return Split(self.images[chosen], self.labels[chosen], self.pixel_max)

    def on(self, device: torch.device, dtype: torch.dtype) -> "Split":
        """The split where a run computes: itself on a CPU, scaled once and for all elsewhere."""
        return self if self.images.device.type == device.type else self.scaled(device, dtype)

    def scaled(self, device: torch.device, dtype: torch.dtype) -> "Split":
        """The split on `device`, its pixels as floats in [0, 1]."""
        pixels = self.images.to(device)
        images = scaled(pixels, self.pixel_max, torch.empty_like(pixels, dtype=dtype))
        return Split(images, self.labels.to(device), 1)


def scaled(pixels: torch.Tensor, pixel_max: int, images: torch.Tensor) -> torch.Tensor:
    """Pixels from 0 to pixel_max as floats in [0, 1], written to `images` of the same shape."""
    # Copied first, so that the quotient has the precision of the images.
    return images.copy_(pixels).div_(pixel_max)


def held_out(split: Split, count: int) -> tuple[Split, Split]:
    """A split without its last `count` examples, and these: for training and for validation.

    Raises UserError where none would be left to train on.
    """
    kept = len(split) - count
    if kept < 1:
        raise UserError(
            f"training.validation_size: {count} of {len(split)} training images leave none to "
            f"train on; the largest allowed value is {len(split) - 1}"
        )
    return split[:kept], split[kept:]


@dataclass(frozen=True)
class Dataset:
    """The training and the test split, with the names of the classes in label order.

    `digest` is the SHA-256 of the file that they were read from.
    """

    name: str
    class_names: tuple[str, ...]
    training: Split
    test: Split
    digest: str = ""

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def pixels(self) -> int:
        """Number of pixels of one image: the width of the network's input."""
        _, height, width = self.training.images.shape
        return height * width


def scored_split(data: Dataset, scored_on: str, validation_size: int) -> Split:
    """The split that runs are scored on: "test", or the held-out "validation"."""
    if scored_on == "validation":
        return held_out(data.training, validation_size)[1]
    return data.test


def load(path: str | os.PathLike[str]) -> Dataset:
    """The data set that `decode` wrote to `path`, every byte as it was written.

    Raises UserError where the file is not such a data set, or has changed since.
    """
    try:
        digest = file_digest(path)
        written = read_json(Path(path).with_name(MANIFEST))["sha256"]
    except (OSError, LookupError, TypeError) as error:
        raise UserError(
            f"{path}: not a decoded data set with its {MANIFEST} ({error}); make it anew: "
            f"{again(path)}"
        ) from error
    if digest != written:
        raise UserError(
            f"{path}: changed since it was decoded (SHA-256 {digest}, {MANIFEST} says {written}); "
            f"make it anew: {again(path)}"
        )
    try:
        with safe_open(path, framework="pt") as file:
            metadata = json.loads(file.metadata()["dataset"])
            pixel_max = metadata["pixel_max"]
            splits = {
                split: Split(
                    images=file.get_tensor(f"{split}_images"),
                    labels=file.get_tensor(f"{split}_labels").long(),
                    pixel_max=pixel_max,
                )
                for split in ("training", "test")
            }
            class_names = tuple(metadata["class_names"])
            return Dataset(metadata["name"], class_names, **splits, digest=digest)
    except Exception as error:
        raise UserError(
            f"{path}: not a decoded data set ({error}); make it anew: {again(path)}"
        ) from error
