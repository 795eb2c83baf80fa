"""Mistakes of the data: what is made of the images."""

from collections.abc import Callable, Iterator

import torch

from mlplab.judging.mistakes.catalogue import Settings, mistake, shown_by
from mlplab.judging.mistakes.evidence import Seen
from mlplab.judging.mistakes.forward import PLACES, everywhere
from mlplab.judging.mistakes.network import Network


class PixelsMixed(Network):
    def pixels(self, images: torch.Tensor) -> torch.Tensor:
        return images.reshape(-1, len(images)).T


shown_by(
    mistake(
        "data",
        "pixels-mixed",
        "the pixels of several images are mixed: a reshape where a transpose is meant",
        "images.reshape(len(images), -1), and .T after it where examples are columns; "
        "reshape(-1, len(images)) does not transpose.",
        "2018-11-16 https://github.com/TobiasLee/Chinese-Hip-pop-Generation/pull/8",
    ),
    everywhere,
)(PixelsMixed)


class OtherOrder(Network):
    order: str = "column by column"

    def pixels(self, images: torch.Tensor) -> torch.Tensor:
        if self.order == "column by column":
            return images.transpose(1, 2).flatten(1)
        if self.order == "from the last to the first":
            return images.flatten(1).flip(1)
        if self.order == "mirrored from left to right":
            return images.flip(2).flatten(1)
        return images.flip(1).flatten(1)


def _orders(seen: Seen) -> Iterator[Settings]:
    for order in (
        "column by column",
        "from the last to the first",
        "mirrored from left to right",
        "upside down",
    ):
        for place in PLACES:
            yield place | {"order": order}


shown_by(
    mistake(
        "data",
        "pixels-in-another-order",
        "each image's pixels are in another order: {order}",
        "images.flatten(1): row by row, as they come.",
        "2017-05-03 https://github.com/nitrain/nitrain/issues/14",
        example={"order": "column by column"},
    ),
    _orders,
)(OtherOrder)


class Rescaled(Network):
    factor: float = 1.0

    def pixels(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1) * self.factor


def _factors(*factors: float) -> Callable[[Seen], Iterator[Settings]]:
    def settings(seen: Seen) -> Iterator[Settings]:
        for factor in factors:
            for place in PLACES:
                yield place | {"factor": factor}

    return settings


shown_by(
    mistake(
        "data",
        "scaled-again",
        "the images are divided by 255 once more",
        "They come between 0 and 1: do not divide them again.",
        "2018-10-11 https://github.com/pkmital/pycadl/pull/5",
    ),
    _factors(1 / 255, 1 / 256),
)(Rescaled)

shown_by(
    mistake(
        "data",
        "scaled-back",
        "the images are multiplied by 255",
        "They come between 0 and 1, and that is what the network computes with.",
        "2020-07-05 https://github.com/CSAILVision/GazeCapture/issues/32",
    ),
    _factors(255.0, 256.0),
)(Rescaled)


# Mean, deviation, and what the pixels are multiplied with before.
CONSTANTS = {
    **{
        f"{mean} and {deviation}{words}": (mean, deviation, factor)
        for mean, deviation in (
            (0.5, 0.5),
            (0.5, 1.0),
            (0.1307, 0.3081),
            (0.2860, 0.3530),
            (0.485, 0.229),
            (0.456, 0.224),
            (0.406, 0.225),
        )
        for factor, words in ((1.0, ""), (1 / 255, ", after a division by 255"))
    },
    "127.5 and 127.5": (127.5, 127.5, 1.0),
    "127.5 and 128": (127.5, 128.0, 1.0),
    "128 and 128": (128.0, 128.0, 1.0),
}


class Standardised(Network):
    how: str = "the batch"

    def pixels(self, images: torch.Tensor) -> torch.Tensor:
        x = images.flatten(1)
        if self.how in CONSTANTS:
            mean, deviation, factor = CONSTANTS[self.how]
            return (x * factor - mean) / deviation
        kind, _, ddof = self.how.partition(", ")
        unbiased = ddof != "n"
        if kind == "the batch":
            return (x - x.mean()) / x.std(unbiased=unbiased)
        if kind == "each pixel over the batch":
            return (x - x.mean(0)) / (x.std(0, unbiased=unbiased) + 1e-8)
        if kind == "each image":
            return (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True, unbiased=unbiased)
        if kind == "its greatest pixel":
            return x / x.max()
        if kind == "each image's greatest pixel":
            return x / x.max(1, keepdim=True).values
        if kind == "its mean, which is taken off":
            return x - x.mean()
        if kind == "each pixel's mean, which is taken off":
            return x - x.mean(0)
        return x / x.norm(dim=1, keepdim=True)


def _standards(seen: Seen) -> Iterator[Settings]:
    for how in (
        *CONSTANTS,
        "the batch",
        "the batch, n",
        "each pixel over the batch",
        "each pixel over the batch, n",
        "each image",
        "each image, n",
        "its greatest pixel",
        "each image's greatest pixel",
        "its mean, which is taken off",
        "each pixel's mean, which is taken off",
        "each image's length",
    ):
        for place in PLACES:
            yield place | {"how": how}


shown_by(
    mistake(
        "data",
        "standardised",
        "the images are standardised first: by {how}",
        "The network computes with the images as they come, between 0 and 1.",
        "2019-02-26 https://github.com/oscarkey/multitask-learning/issues/6",
        example={"how": "0.5 and 0.5"},
    ),
    _standards,
)(Standardised)


class OtherValues(Network):
    how: str = "inverted"

    def pixels(self, images: torch.Tensor) -> torch.Tensor:
        x = images.flatten(1)
        if self.how == "inverted":
            return 1 - x
        if self.how == "black and white":
            return (x > 0.5).to(x)
        if self.how == "0 or 1":
            return (x > 0).to(x)
        return x.round()


def _values(seen: Seen) -> Iterator[Settings]:
    for how in ("inverted", "black and white", "0 or 1", "rounded"):
        for place in PLACES:
            yield place | {"how": how}


shown_by(
    mistake(
        "data",
        "other-pixels",
        "the images are changed first: {how}",
        "The network computes with the images as they come, between 0 and 1.",
        "2018-03-01 https://github.com/9crk/caffe-mnist-test/issues/2",
        example={"how": "inverted"},
    ),
    _values,
)(OtherValues)
