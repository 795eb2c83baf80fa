"""Seconds per epoch of every implementation and activation, measured side by side in one run.

Synthetic images of Fashion-MNIST's size, one thread; the cases alternate and medians are compared.
"""

import statistics

import torch

from mlplab import activations, implementations, provenance
from mlplab.datasets.store import Dataset, Split
from mlplab.precision import use_fast_products
from mlplab.training import Settings, train

EPOCHS = 4


def synthetic(count: int, seed: int) -> Split:
    """Random images and labels: training on them costs as much as on real ones."""
    random = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, 28, 28), generator=random, dtype=torch.uint8)
    return Split(images, torch.randint(0, 10, (count,), generator=random), pixel_max=255)


def main() -> None:
    """Print a table of medians and ratios."""
    torch.set_num_threads(1)
    precision, _ = use_fast_products()
    data = Dataset("synthetic", tuple("0123456789"), synthetic(60_000, 0), synthetic(10_000, 1))
    cases = [(i, a) for a in activations.names() for i in implementations.names()]
    seconds: dict[tuple[str, str], list[float]] = {case: [] for case in cases}
    for epoch in range(EPOCHS):
        for implementation, activation in cases:
            network = implementations.load(implementation)
            trained = train(
                network, activations.load(activation), data, Settings(epochs=1), seed=epoch
            )
            # The first pass warms caches and is not counted.
            if epoch:
                seconds[implementation, activation].append(trained.training_seconds)
    medians = {case: statistics.median(times) for case, times in seconds.items()}
    reference = medians[cases[0][0], "relu"]
    machine = provenance.machine()
    print(f"{machine['processor']}, 1 thread, products {precision}, median of {EPOCHS - 1} epochs")
    print(f"{'implementation':16}{'activation':12}{'s/epoch':>8}{'ratio':>8}")
    for (implementation, activation), median in medians.items():
        print(f"{implementation:16}{activation:12}{median:8.3f}{median / reference:8.2f}")


if __name__ == "__main__":
    main()
