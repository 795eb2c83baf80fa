"""The colours of figures, and of runs in MLflow: an activation has the same one in both."""

import zlib

# Okabe and Ito's colours, which colour-blind readers can tell apart.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#5b5b5b")

# A colour of less luminance than this is hard to see on a dark ground.
DARK = 0.12
# Those that words have too, as styles/page.css has them.
_ON_DARK = {"#0072b2": "#4fa9e2", "#5b5b5b": "#a5a5a5", "#8c6d31": "#c9a45c"}

# One each for those that studies compare most. Any other's follows from its name.
_ACTIVATIONS = dict(
    zip(
        ("relu", "sigmoid", "tanh", "gelu", "silu", "elu", "leaky_relu", "identity"),
        COLORS,
        strict=True,
    )
) | {"prelu": "#882255", "softplus": "#999933", "mish": "#44aa99"}


def of_activation(name: str) -> str:
    """The colour of an activation, as #rrggbb: the same in every study."""
    return _ACTIVATIONS.get(name) or COLORS[zlib.crc32(name.encode()) % len(COLORS)]


def is_dark(color: str) -> bool:
    """Whether a colour, #rrggbb, is hard to see on a dark ground."""
    red, green, blue = ((channel / 255) ** 2.2 for channel in _channels(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue < DARK


def lighter(color: str) -> str:
    """The same colour where it is to be seen on a dark ground."""
    return "#" + "".join(f"{round(c + 0.55 * (255 - c)):02x}" for c in _channels(color))


def on_dark(color: str) -> str:
    """A colour as it is drawn on a dark ground."""
    return _ON_DARK.get(color) or (lighter(color) if is_dark(color) else color)


def _channels(color: str) -> list[int]:
    return [int(color[index : index + 2], 16) for index in (1, 3, 5)]


# Of ordered values, from the least to the greatest: parts of matplotlib's viridis.
_ORDERED = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (223, 213, 30))


def of_rank(index: int, amount: int) -> str:
    """The colour of one of so many ordered values, as #rrggbb; alike where they are near."""
    place = index / max(amount - 1, 1) * (len(_ORDERED) - 1)
    before = min(int(place), len(_ORDERED) - 2)
    near, far = _ORDERED[before], _ORDERED[before + 1]
    mixed = (round(a + (place - before) * (b - a)) for a, b in zip(near, far, strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in mixed)
