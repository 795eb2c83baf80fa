"""The passes that an epoch is made of: over batches of a split, without waiting for the device."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from mlplab.datasets.batches import Batches
from mlplab.implementations import Network
from mlplab.training import devices
from mlplab.training.devices import Pass

# What every epoch measures of a scored split beside loss and accuracy: by its name, the sum over a
# batch, from scores n × c and labels n. The history has the mean as <split>_<name>.
EPOCH_SCORES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {}


class Sums:
    """Summed loss, correct predictions and `further` sums, on the device until the pass ends.

    Float64, each of shape () or, for several seeds, s.
    """

    def __init__(self, device: torch.device, shape: Sequence[int] = (), further: int = 0) -> None:
        self._values = torch.zeros(2 + further, *shape, dtype=torch.float64, device=device)
        self._sums = tuple(self._values)

    @classmethod
    def of_scores(cls, device: torch.device, shape: Sequence[int] = ()) -> "Sums":
        """With room for all that is measured of a split that is scored."""
        return cls(device, shape, len(EPOCH_SCORES))

    def reset(self) -> None:
        """Begin a new pass."""
        self._values.zero_()

    def add(self, *of_batch: torch.Tensor) -> None:
        """Count a batch in: its summed loss, its correct predictions, and further sums."""
        for total, value in zip(self._sums, of_batch, strict=True):
            total.add_(value)

    def means(self, count: int) -> list[Any]:
        """Mean loss, accuracy and so on over `count` examples; for several seeds a list of each.

        This waits for the device.
        """
        return (self._values / count).tolist()


Score = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, ...]]


def score(logits: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Summed loss, correct predictions (B7), EPOCH_SCORES: scores n × c against labels n."""
    loss = torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
    correct = (logits.argmax(dim=1) == labels).sum()
    return loss, correct, *(summed(logits, labels) for summed in EPOCH_SCORES.values())


def training_pass(network: Network, batches: Batches, order: torch.Tensor, sums: Sums) -> None:
    """A step with every batch, measured before it. Waits for nothing."""
    sums.reset()
    for images, labels in batches.shuffled(order):
        sums.add(*network.train_step(images, labels))


@torch.no_grad()
def evaluation_pass(
    network: Network, batches: Batches, sums: Sums, score: Score = score
) -> list[torch.Tensor]:
    """Loss and correct predictions of every batch, without gradients. Waits for nothing.

    Returns the logits of each batch.
    """
    sums.reset()
    seen = []
    for images, labels in batches.in_order():
        logits = network.logits(images)
        sums.add(*score(logits, labels))
        # A copy: a network may fill the same tensor every time.
        seen.append(logits.clone())
    return seen


class Loop:
    """A network with all that its epochs work on: the same tensors every time, filled anew.

    So its two passes can be recorded. `order` (int64) is that of the examples, count or s × count;
    the means of a split are read when its pass is over.
    """

    def __init__(
        self,
        network: Network,
        training: Batches,
        scored: Mapping[str, Batches],
        order: torch.Tensor,
        score: Score = score,
    ) -> None:
        self.network = network
        self.order = order
        self._training, self._scored, self._score = training, scored, score
        where = order.device, order.shape[:-1]
        self._sums = {"training": Sums(*where)}
        self._sums |= {name: Sums.of_scores(*where) for name in scored}
        # Of each batch; a recorded pass fills the same tensors every time.
        self._logits: dict[str, list[torch.Tensor]] = {}

    def train(self) -> None:
        """The pass over the training set, in the present order (B8)."""
        training_pass(self.network, self._training, self.order, self._sums["training"])

    def evaluate(self) -> None:
        """The passes over the splits that are scored (B9)."""
        for name, batches in self._scored.items():
            sums = self._sums[name]
            self._logits[name] = evaluation_pass(self.network, batches, sums, self._score)

    def means(self, split: str) -> list[Any]:
        """Mean loss, accuracy and so on of the last pass over a split; waits for the device."""
        return self._sums[split].means(len(self._scored.get(split, self._training)))

    def logits(self, split: str) -> torch.Tensor:
        """Those of the last pass over a split that is scored, n × c or s × n × c."""
        return torch.cat(self._logits[split], dim=-2)

    def rehearse(self) -> None:
        """Both passes, with one training step for each size of batch."""
        size = self._training.batch_size
        few = self.order[..., : size + len(self._training) % size]
        training_pass(self.network, self._training, few, self._sums["training"])
        self.evaluate()

    def recorded(self, rehearsal: "Loop") -> list[Pass]:
        """Both passes as CUDA graphs, after a rehearsal; raises where they cannot be recorded."""
        steps = math.ceil(len(self._training) / self._training.batch_size)
        if steps > devices.MOST_STEPS:
            raise ValueError(f"{steps} steps are more than {devices.MOST_STEPS}")
        before = self._places()
        graphs = devices.recorded([self.train, self.evaluate], rehearsal.rehearse)
        if self._places() != before:
            raise ValueError("the network's parameters are not changed in place")
        return graphs

    def _places(self) -> list[int]:
        return [value.data_ptr() for value in self.network.parameters().values()]


def prepared(make: Callable[[], Loop]) -> tuple[Loop, Pass, Pass]:
    """A new loop, its pass over the training set and its passes over those that are scored.

    On CUDA they are graphs, where they can be: else the log says in one line why they are not.
    """
    loop = make()
    if loop.order.device.type == "cpu":
        return loop, loop.train, loop.evaluate
    try:
        train, evaluate = loop.recorded(rehearsal=make())
    except Exception as error:
        print(f"epochs are not recorded as a CUDA graph: {error}")
        loop = make()
        return loop, loop.train, loop.evaluate
    return loop, train, evaluate
