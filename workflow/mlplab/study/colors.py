"""The colours of figures, and of runs in MLflow: an activation has the same one in both."""

import zlib

# Okabe and Ito's colours, which colour-blind readers can tell apart.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#5b5b5b")

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
