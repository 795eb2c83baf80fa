"""The optimisers, one file each: all that a step of training does with a gradient, as one value.

A run's optimiser is handed over whole, so that a further setting passes no other code on its way
from the configuration to an implementation. Stochastic gradient descent is the one there is.
"""

from dataclasses import fields
from typing import Any

from mlplab.optimizers.sgd import SGD

Optimizer = SGD


def given(optimizer: Optimizer | float) -> Optimizer:
    """An optimiser as it is; a number is the learning rate of plain gradient descent."""
    return optimizer if isinstance(optimizer, Optimizer) else Optimizer(optimizer)


def of(settings: Any) -> Optimizer:
    """The optimiser of a run, from the attributes of its settings that are called as its fields."""
    return SGD(**{field.name: getattr(settings, field.name) for field in fields(SGD)})
