"""How much each example of a batch counts, solved for.

The gradient is a sum over the examples. Where what a file follows is a sum of the examples'
gradients with other weights, these are found: there are far more values than examples.
"""

from collections.abc import Sequence

import torch

from mlplab.judging.mistakes.catalogue import Cause, named
from mlplab.judging.mistakes.evidence import Probe, Seen, Shown

# Weights below are 0, and the fit must be as good as this.
SMALL = 1e-7


def cause(probes: Sequence[Probe], shown: Sequence[Sequence[Shown]]) -> Cause | None:
    """The mistake that the weights show, if they are found in every probe."""
    every = []
    for probe, found in zip(probes, shown, strict=True):
        weights = _weights(Seen(probe, list(found)))
        if weights is None:
            return None
        every.append(weights)
    first = every[0]
    kept = first.abs() > SMALL
    if not kept.all() and all(not (one.abs() > SMALL).all() for one in every):
        part = f"{int(kept.sum())} of {len(first)} examples"
        return named("part-of-the-batch", {"part": part})
    if all(one.max() - one.min() > 1e-6 for one in every):
        shares = f"{first.min():.3g} to {first.max():.3g} times 1/{len(first)}"
        return named("examples-count-differently", {"shares": shares})
    return None


def _weights(seen: Seen) -> torch.Tensor | None:
    """How often each example counts, 1 being right; None where that is not what is wrong."""
    columns = []
    for index in range(seen.count):
        one = slice(index, index + 1)
        gradient = seen.right().gradient(seen.images[one], seen.labels[one])
        columns.append(torch.cat([value.flatten() for value in gradient.values()]) / seen.count)
    matrix = torch.stack(columns, 1)
    found = torch.cat([seen.gradient[name].flatten() for name in seen.probe.start])
    if len(found) < 2 * seen.count:
        return None
    solved = torch.linalg.lstsq(matrix, found[:, None], driver="gelsd").solution[:, 0]
    close = (matrix @ solved - found).abs().max() <= SMALL * found.abs().max()
    return solved if close else None
