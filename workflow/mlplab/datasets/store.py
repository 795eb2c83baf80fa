"""A decoded data set: one memory-mappable file of tensors, read in milliseconds."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open

from mlplab.commands import again
from mlplab.errors import UserError
from mlplab.files import PathLike, file_digest, read_json

# Lies beside a decoded data set: what it holds, where it came from, and its SHA-256.
MANIFEST = "manifest.json"
# A file that changed later than so long ago may change once more and keep its date.
SETTLED_NS = 2_000_000_000


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


State = tuple[int, int, int, int, int]
# What a file and its manifest were when they were read → what they hold.
_SHARED: dict[tuple[State, ...], Dataset] = {}


def share(path: PathLike) -> None:
    """Read a data set for this process and all its forks: `load` then has it at hand.

    Where it is not there, or was written just now, it is left to each `load`.
    """
    states = _states(path)
    changed = max((time_ns for state in states for time_ns in state[-2:]), default=None)
    if changed is None or changed > time.time_ns() - SETTLED_NS:
        return
    # Threads that this process starts are not in its forks, which would wait for them.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        _SHARED[states] = load(path)
    finally:
        torch.set_num_threads(threads)


def _states(path: PathLike) -> tuple[State, ...]:
    """What changes with any change of a decoded file or of its manifest; () without them."""
    try:
        found = [os.stat(file) for file in (path, Path(path).with_name(MANIFEST))]
    except OSError:
        return ()
    return tuple(
        (each.st_dev, each.st_ino, each.st_size, each.st_mtime_ns, each.st_ctime_ns)
        for each in found
    )


def load(path: PathLike) -> Dataset:
    """The data set that `decode` wrote to `path`, every byte as it was written.

    Raises UserError where the file is not such a data set, or has changed since.
    """
    if shared := _SHARED.get(_states(path)):
        return shared
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
