"""A small network on the digits, for readers to train step by step, right or with a known mistake.

What is here starts it: the data, the parameters of a seed, the order of its batches, what the
framework's network makes of them in float64, and the words of each mistake that can be switched on.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from mlplab import activations, datasets, implementations
from mlplab.datasets import decode
from mlplab.datasets.order import epoch_order
from mlplab.initializers import initial_parameters
from mlplab.judging.mistakes import diagnosis
from mlplab.judging.mistakes.catalogue import CATALOGUE, Settings

# Those of config/digits.yaml, but for the number of epochs.
HIDDEN_SIZES, WEIGHT_STD, BATCH_SIZE, LEARNING_RATE = (64,), 0.1, 32, 0.1
EPOCHS = 10
# The test images are looked at after every so many steps, and after the last one.
LOOKS = 9
# Where scores are to be great, the last layer starts with so many times its parameters.
GREAT = 10_000.0
REFERENCE = "concise"

# Importing all of them has put them into the catalogue.
KINDS = diagnosis.KINDS
# The mistakes that can be switched on, and how strong each of them is.
MISTAKES: dict[str, Settings] = {
    "summed-gradient": {"gradient_factor": (1.0, 1)},
    "divided-twice": {"gradient_factor": (1.0, -1)},
    "up-the-gradient": {"gradient_factor": (-1.0, 0)},
    "gradients-pile-up": {"momentum": 1.0},
    "bias-not-trained": {"untouched": "b1, b2"},
    "derivative-forgotten": {"taken": "one"},
    "function-for-derivative": {"taken": "function"},
    "z-for-activation": {},
    "no-activation": {"other": "identity"},
    "softmax-over-examples": {},
    "softmax-twice": {},
    "squared-error": {},
    "weight-decay": {"decay": 0.1, "decayed": "all parameters"},
    "softmax-overflows": {},
}

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Told:
    """A mistake in words, as the check has them; `settings` are how strong it is here."""

    name: str
    kind: str
    sentence: str
    mend: str
    known: str
    date: str
    settings: Settings


def told() -> list[Told]:
    """The mistakes that can be switched on, from the catalogue."""
    found = []
    for name, settings in MISTAKES.items():
        entry = CATALOGUE[name]
        said = entry.said(settings)
        found.append(Told(name, entry.kind, said, entry.mend, entry.known, entry.date, settings))
    return found


def digits() -> Tensors:
    """The images (uint8, n × 8 × 8, 0 to 16) and labels of scikit-learn's digits, by split."""
    read = decode.read_sklearn_digits(datasets.info("digits"), {})
    return {name: tensor.to(torch.uint8).contiguous() for name, tensor in read.items()}


def start(seed: int, activation: activations.Activation, data: Tensors) -> Tensors:
    """The parameters that a seed starts from, float64."""
    pixels, classes = data["training_images"][0].numel(), int(data["training_labels"].max()) + 1
    sizes = (pixels, *HIDDEN_SIZES, classes)
    own = activation.parameters
    return initial_parameters(sizes, seed, WEIGHT_STD, "zeros", torch.float64, own)


def order(seed: int, data: Tensors) -> torch.Tensor:
    """The order of the training images in each epoch, int64, epochs × n."""
    count = len(data["training_labels"])
    return torch.stack([epoch_order(count, seed, epoch) for epoch in range(1, EPOCHS + 1)])


def trained(network: implementations.Network, data: Tensors, orders: torch.Tensor) -> Tensors:
    """What a network shows while it trains on the digits.

    `losses` (float64) are the mean losses of the batches, each before its step; `correct` (int64)
    the numbers of test images that are right at each look.
    """
    images = {n: v.double() / 16 for n, v in data.items() if n.endswith("images")}
    labels = {n: v.long() for n, v in data.items() if n.endswith("labels")}
    losses, correct = [], []
    batches = [batch for each in orders for batch in each.split(BATCH_SIZE)]
    for step, batch in enumerate(batches, start=1):
        chosen = labels["training_labels"][batch]
        loss, _ = network.train_step(images["training_images"][batch], chosen)
        losses.append(loss / len(batch))
        if step % LOOKS == 0 or step == len(batches):
            with torch.no_grad():
                found = network.logits(images["test_images"]).argmax(1)
            correct.append((found == labels["test_labels"]).sum())
    return {"losses": torch.stack(losses).double(), "correct": torch.stack(correct)}


def lesson(seed: int, names: Sequence[str]) -> tuple[Tensors, dict[str, Any]]:
    """All that the page trains with: tensors, and what else there is to say.

    `names` are activations of the library.
    """
    data = digits()
    orders = order(seed, data)
    tensors = {**data, "order": orders.to(torch.int16)}
    for name in names:
        activation = activations.load(name)
        begun = start(seed, activation, data)
        # Drawn in float32: that keeps all of them.
        tensors |= {f"{name}/{key}": value.float() for key, value in begun.items()}
        network = implementations.load(REFERENCE)(begun, activation, LEARNING_RATE)
        reference = trained(network, data, orders)
        tensors[f"{name}/losses"] = reference["losses"]
        tensors[f"{name}/correct"] = reference["correct"].to(torch.int16)
    said = {
        "seed": seed,
        "activations": list(names),
        "parameters": {name: list(activations.load(name).parameters) for name in names},
        "batch_size": BATCH_SIZE,
        "learning_rate": LEARNING_RATE,
        "looks": LOOKS,
        "great": GREAT,
        "pixel_max": 16,
        "reference": REFERENCE,
        "mistakes": [asdict(each) for each in told()],
    }
    return tensors, said
