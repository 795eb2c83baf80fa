"""Which images each run gets right: what differs between two, and how far a mean may be off."""

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow.parquet
from numpy.typing import NDArray

from mlplab.commands import again
from mlplab.errors import UserError

PathLike = str | os.PathLike[str]


class ImageError(NamedTuple):
    """Standard errors of a mean over seeds and images.

    `shared` is what other images would change for all seeds alike. `own` is what they would change
    for each seed by itself: that is part of the spread over seeds, which cannot be less in truth,
    however near to each other a few seeds happen to lie.
    """

    shared: float
    own: float


class ClassShares(NamedTuple):
    """Of one class: its images, how many each run gets right, and what images leave open."""

    images: int
    right: NDArray[np.int64]
    error: ImageError


class Correct:
    """Run → whether it gets each image right, a bit per image.

    Runs may have been scored on different images, held out for validation.
    """

    def __init__(self) -> None:
        self._bits: dict[str, NDArray[np.uint8]] = {}
        # The images that a run was scored on, by the number of their labels in the list.
        self._scored_on: dict[str, int] = {}
        self._labels: list[NDArray[np.integer]] = []

    @classmethod
    def read(cls, runs: Iterable[str], predictions: Mapping[str, PathLike]) -> "Correct":
        """From the prediction_table in parquet of each run, every file once."""
        found = cls()
        for run in runs:
            # For files this small, read_table takes twice the time.
            with pyarrow.parquet.ParquetFile(predictions[run]) as file:
                table = file.read(columns=["label", "prediction"], use_threads=False)
            found.add(run, table["label"].to_numpy(), table["prediction"].to_numpy())
        return found

    def add(self, run: str, labels: NDArray[np.integer], predictions: NDArray[np.integer]) -> None:
        """Take a run's predictions of the images with these labels."""
        known = (n for n, other in enumerate(self._labels) if np.array_equal(labels, other))
        self._scored_on[run] = next(known, len(self._labels))
        if self._scored_on[run] == len(self._labels):
            self._labels.append(labels)
        self._bits[run] = np.packbits(labels == predictions)

    def images(self, run: str) -> int:
        """How many images a run was scored on."""
        return len(self._labels[self._scored_on[run]])

    def discordant(self, first: str, second: str) -> tuple[int, int]:
        """On how many images only the first and only the second run is right.

        UserError where they were not scored on the same images.
        """
        if self._other_images([first, second]):
            raise UserError(
                f"{second}: not the test images of {first}; train the runs of this study again: "
                f"{again('train')}"
            )
        a, b = self._bits[first], self._bits[second]
        return int(np.bitwise_count(a & ~b).sum()), int(np.bitwise_count(b & ~a).sum())

    def error(self, first: Sequence[str], second: Sequence[str] = ()) -> ImageError:
        """What images leave open of the mean accuracy of n runs of different seeds.

        With a second row of n runs, of the mean difference from them. NaN for no run.
        """
        if not first:
            return ImageError(math.nan, math.nan)
        if self._other_images([*first, *second]):
            one, other = self.error(first), self.error(second)
            shared, own = zip(one, other, strict=True)
            return ImageError(math.hypot(*shared), math.hypot(*own))
        right = self._unpacked(first)
        if second:
            right -= self._unpacked(second)
        return _error(right)

    def by_class(self, runs: Sequence[str], classes: int) -> list[ClassShares]:
        """How many images of each class each run gets right, of runs with the same images."""
        right = self._unpacked(runs)
        labels = self._labels[self._scored_on[runs[0]]]
        found = []
        for label in range(classes):
            own = right[:, labels == label]
            found.append(ClassShares(own.shape[1], own.sum(axis=1, dtype=np.int64), _error(own)))
        return found

    def _unpacked(self, runs: Sequence[str]) -> NDArray[np.int8]:
        bits = np.stack([self._bits[run] for run in runs])
        return np.unpackbits(bits, axis=1, count=self.images(runs[0])).astype(np.int8)

    def _other_images(self, runs: Sequence[str]) -> bool:
        return len({self._scored_on[run] for run in runs}) > 1


def _error(values: NDArray[np.int8]) -> ImageError:
    """Standard errors of the mean of values, seeds × images.

    From the mean squares of a two-way table without replication (Searle, Casella & McCulloch,
    Variance Components, 1992, chapter 4).
    """
    seeds, images = values.shape
    if images < 2:
        return ImageError(math.nan, math.nan)
    by_image = values.sum(axis=0, dtype=np.int64) / seeds
    between = float(by_image.var(ddof=1))
    if seeds == 1:
        return ImageError(math.sqrt(between / images), 0.0)
    by_seed = values.mean(axis=1)
    mean = float(by_seed.mean())
    total = float(np.count_nonzero(values)) - values.size * mean**2
    of_seeds = images * float(((by_seed - mean) ** 2).sum())
    rest = max(total - of_seeds - seeds * between * (images - 1), 0.0)
    interaction = rest / ((seeds - 1) * (images - 1))
    shared = max(between - interaction / seeds, 0.0)
    return ImageError(math.sqrt(shared / images), math.sqrt(interaction / (seeds * images)))
