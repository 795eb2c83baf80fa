"""How far two trainings of one network may be apart by rounding alone."""

# Of a loss, or a score of it, relative to its size. The article's implementations, which sum in
# other orders, differ by 7e-5 at most after five epochs in float32; the seeds of its ReLU by 3e-3
# at the end.
LOSS = 1e-3


def is_share(quantity: str) -> bool:
    """Whether a quantity is a share, such as an accuracy, and not a loss or a score of it."""
    return not quantity.endswith(("loss", "negative_log_likelihood"))
