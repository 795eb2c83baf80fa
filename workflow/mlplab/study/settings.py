"""What a run trains with, apart from its implementation, activation and seed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Settings:
    """What a run trains with, apart from its implementation, activation and seed."""

    hidden_sizes: tuple[int, ...] = (256,)
    weight_std: float = 0.01
    bias_init: str = "zeros"
    epochs: int = 10
    batch_size: int = 256
    learning_rate: float = 0.1
    validation_size: int = 0

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "Settings":
        """Settings from plain values, as a configuration gives them."""
        return cls(**{**values, "hidden_sizes": tuple(values["hidden_sizes"])})
