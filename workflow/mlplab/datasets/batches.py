"""Batches of a split, without waiting for the device."""

from collections.abc import Iterator

import torch

from mlplab.datasets.store import Split, scaled


class Batches:
    """Batches of a split as floats in [0, 1], all in one buffer that is filled anew each time.

    They are where the split is. With `seeds` each batch is one of every seed, side by side.
    """

    def __init__(
        self, split: Split, batch_size: int, dtype: torch.dtype, seeds: int | None = None
    ) -> None:
        self._split = split
        self.batch_size = min(batch_size, len(split))
        shape = (self.batch_size * (seeds or 1), *split.images.shape[1:])
        self._pixels = split.images.new_empty(shape)
        is_scaled = split.images.dtype == dtype
        self._images = self._pixels if is_scaled else split.images.new_empty(shape, dtype=dtype)
        self._views: dict[torch.Size, tuple[torch.Tensor, torch.Tensor]] = {}

    def __len__(self) -> int:
        return len(self._split)

    @property
    def device(self) -> torch.device:
        """Where the batches are."""
        return self._split.images.device

    def _scaled(self, pixels: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        if pixels.dtype != images.dtype:
            pixels = scaled(pixels, self._split.pixel_max, images)
        # A tensor of its own: what is done to it, not to its values, is gone with the batch.
        return pixels.detach()

    def _room(self, shape: torch.Size) -> tuple[torch.Tensor, torch.Tensor]:
        """The buffers of pixels and images for a batch of this shape, s × n or n examples.

        Every batch but the last has the same one: making the views anew takes 1 to 3 % of an epoch.
        """
        if shape not in self._views:
            full = shape + self._pixels.shape[1:]
            buffers = (self._pixels, self._images)
            pixels, images = (each[: shape.numel()].view(full) for each in buffers)
            self._views[shape] = pixels, images
        return self._views[shape]

    def in_order(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Every batch of images n × h × w and labels n, in the order of the split."""
        for pixels, labels in zip(
            self._split.images.split(self.batch_size),
            self._split.labels.split(self.batch_size),
            strict=True,
        ):
            _, images = self._room(labels.shape)
            yield self._scaled(pixels, images), labels

    def shuffled(self, order: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Every batch of images n × h × w and labels n, in the given order of examples.

        An order of each seed, s × count, gives images s × n × h × w and labels s × n.
        """
        labels = self._split.labels[order]
        for chosen, batch_labels in zip(
            order.split(self.batch_size, -1), labels.split(self.batch_size, -1), strict=True
        ):
            pixels, images = self._room(chosen.shape)
            torch.index_select(self._split.images, 0, chosen.flatten(), out=pixels.flatten(0, -3))
            yield self._scaled(pixels, images), batch_labels
