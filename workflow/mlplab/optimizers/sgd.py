"""Stochastic gradient descent (article items B8, B10, C3)."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class SGD:
    """value ← value - learning_rate · gradient, with the gradient of a batch's mean loss."""

    learning_rate: float

    def framework(self, parameters: "Iterable[torch.nn.Parameter]") -> "torch.optim.Optimizer":
        """The framework's counterpart, for these parameters."""
        import torch

        return torch.optim.SGD(parameters, lr=self.learning_rate)

    def beyond_the_rate(self) -> dict[str, float]:
        """The settings that are not those of plain gradient descent; empty where all are."""
        plain = asdict(SGD(self.learning_rate))
        return {name: value for name, value in asdict(self).items() if value != plain[name]}
