"""The order in which a run sees the training examples."""

import torch

from mlplab.study.seeding import generator


def epoch_order(count: int, seed: int, epoch: int) -> torch.Tensor:
    """The order of `count` training examples in an epoch, int64: shuffled anew every epoch (B1).

    It depends on the seed and the epoch alone, so that a run can go on from any epoch. It is drawn
    on the CPU, as the initial parameters are, whatever the device of the run: a seed means the same
    everywhere.
    """
    return torch.randperm(count, generator=generator(seed, f"order/{epoch}"))
