"""What a requirement is worth: declared once, with defaults, and read from a small YAML file."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from mlplab.config import mistakes, sources
from mlplab.config.schema import object_of
from mlplab.config.values import converted, dotted
from mlplab.judging.check import REQUIREMENTS
from mlplab.keys import key


@dataclass(frozen=True)
class Points:
    """How many points there are for each requirement; 0 leaves it out of the grade."""

    interface: float = key(10, "The four methods are there, and no call fails.", minimum=0)
    start: float = key(10, "It starts from copies of the parameters it is given.", minimum=0)
    inputs: float = key(5, "It leaves images and labels as they are.", minimum=0)
    logits: float = key(20, "The scores of the first batches.", minimum=0)
    loss: float = key(10, "The summed loss, before the step.", minimum=0)
    correct_predictions: float = key(
        5, "The number of correct predictions, before the step.", minimum=0
    )
    gradient: float = key(20, "The gradient of the mean loss.", minimum=0)
    training: float = key(10, "Parameters and losses over many steps.", minimum=0)
    numerics: float = key(5, "float32 to its rounding; scores that are great.", minimum=0)
    evaluation: float = key(5, "The scores after training, on other batches.", minimum=0)

    @property
    def total(self) -> float:
        """What a right network gets."""
        return float(sum(asdict(self).values()))


# Group → the compared quantities that it consists of, in the order of a verdict.
GROUPS: dict[str, tuple[str, ...]] = {
    "interface": ("interface",),
    "start": (
        "start",
        "start of a second seed",
        "apart from a second seed",
        "parameters given unchanged",
    ),
    "inputs": (
        "images unchanged",
        "labels unchanged",
        "images unchanged of a smaller batch",
        "labels unchanged of a smaller batch",
    ),
    "logits": ("logits", "logits of a smaller batch", "logits of a second seed"),
    "loss": ("loss", "loss of a smaller batch", "loss of a single image"),
    "correct_predictions": ("correct predictions", "correct predictions of a smaller batch"),
    "gradient": ("gradient", "gradient of a smaller batch"),
    "training": (
        "parameters",
        "loss of all steps",
        "correct predictions of all steps",
        "mean loss of an epoch",
        "parameters after an epoch",
        "parameters after a single image",
        "parameters of an epoch",
    ),
    "numerics": tuple(name for name in REQUIREMENTS if "float32" in name or "scores of" in name),
    "evaluation": (
        "logits after training",
        "logits without gradients",
        "logits of other batches",
    ),
}
DESCRIPTIONS = {item.name: str(item.metadata["description"]) for item in fields(Points)}
EXAMPLE = "gradient: 20"


def read(file: str | os.PathLike[str] | None) -> Points:
    """The points of a file, with defaults for what it does not name; of None, the defaults.

    Raises ConfigError, with a line for each mistake.
    """
    if file is None:
        return Points()
    found = sources.read([file], EXAMPLE)
    given: Mapping[str, Any] = sources.merged(found)
    node = object_of(Points)
    plain = converted(given, node)
    refused = mistakes.of_schema(plain, node)
    if refused:
        raise sources.ConfigError(
            f"{sources.located(path, given, found)}{mistakes.cut(dotted(path))}: {text}"
            for path, text in refused
        )
    points = Points(**plain)
    if not points.total:
        raise sources.ConfigError(
            [f"{file}: all points are 0; give at least one requirement a number, as {EXAMPLE}"]
        )
    return points
