"""Many small pictures in one PNG, side by side: images of a data set, weights of a layer."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Of an image, and of weights: few, so that a page can carry many. Zero has a level of its own.
SHADES = 32
LEVELS = 15
BLUE, WHITE, ORANGE = (0, 90, 160), (250, 250, 248), (190, 70, 0)
# Of silent units.
LIGHT, GREY = (215, 215, 215), (120, 120, 120)


def columns_for(count: int) -> int:
    """How many of so many pictures stand in a row: about as many as there are rows."""
    return max(int(np.ceil(np.sqrt(count))), 1)


def _side_by_side(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures n × height × width in rows; what is left of the last row is 0."""
    count, height, width = pictures.shape
    columns = columns_for(count)
    rows = max(-(-count // columns), 1)
    filled = np.zeros((rows * columns, height, width), np.uint8)
    filled[:count] = pictures
    table = filled.reshape(rows, columns, height, width).swapaxes(1, 2)
    return table.reshape(rows * height, columns * width)


def images(pixels: NDArray[np.uint8], pixel_max: int) -> bytes:
    """A PNG of images n × height × width, 0 to pixel_max; black is 0, in SHADES equal steps."""
    steps = np.round(pixels / pixel_max * (SHADES - 1))
    shades = np.round(steps * 255 / (SHADES - 1)).astype(np.uint8)
    return _png(Image.fromarray(_side_by_side(shades)))


def weights(values: NDArray[np.floating], silent: NDArray[np.bool_]) -> bytes:
    """A PNG of weights n × height × width, blue below zero and orange above, white at zero.

    Each picture has a scale of its own, up to its greatest absolute value. Those that are `silent`
    are grey.
    """
    greatest = np.abs(values).max(axis=(1, 2), keepdims=True)
    half = LEVELS // 2
    shares = np.divide(values, greatest, out=np.zeros_like(values), where=greatest > 0)
    # What is 0 can be seen through: a line right of each picture and below it, and no picture.
    levels = (np.round(shares * half) + half + 1).astype(np.uint8)
    levels[silent] += LEVELS
    lined = np.pad(levels, ((0, 0), (0, 1), (0, 1)))
    picture = Image.fromarray(_side_by_side(lined), "P")
    picture.putpalette([part for color in _palette() for part in color])
    return _png(picture, transparency=0)


def _palette() -> list[tuple[int, ...]]:
    """That of no picture, the colours of all levels, and then those of silent units."""
    shares = np.linspace(-1, 1, LEVELS)
    colors = [_mixed(WHITE, ORANGE if share > 0 else BLUE, abs(share)) for share in shares]
    greys = [_mixed(LIGHT, GREY, abs(share)) for share in shares]
    return [WHITE, *colors, *greys]


def _mixed(first: tuple[int, ...], second: tuple[int, ...], share: float) -> tuple[int, ...]:
    return tuple(round(a + share * (b - a)) for a, b in zip(first, second, strict=True))


def _png(picture: Image.Image, **options: int) -> bytes:
    stream = io.BytesIO()
    # Without `optimize`, which takes three times as long for half a per cent.
    picture.save(stream, "PNG", bits=8, **options)
    return stream.getvalue()
