"""The activations whose formulas the page knows: scripts/functions.js computes them."""

FORMULAS = (
    *("elu", "gelu", "identity", "leaky_relu", "mish", "prelu", "relu"),
    *("sigmoid", "silu", "softplus", "tanh"),
)
