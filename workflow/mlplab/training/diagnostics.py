"""What happens inside a network while it trains: gradients, dead units, saturation (item A8).

All of it is measured on one batch that stays the same, from the parameters alone, so that it tells
the same of every implementation; but which units are dead, at the end, on the whole training split.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional

from mlplab.activations import Activation
from mlplab.datasets.batches import Batches
from mlplab.datasets.store import Split
from mlplab.implementations._parameters import activation_parameters, layers

PROBE_IMAGES = 256
# A unit is saturated for an image where the activation's slope is below this share of its greatest.
SATURATED_BELOW = 0.05
# Of a histogram of a layer's values.
BINS = 24


@dataclass(frozen=True)
class Diagnosis:
    """One measured quantity of one epoch; epoch 0 is before training.

    `quantity` is one of

    - `gradient_norm`: Euclidean norm of the mean loss's gradient by the parameter `of`;
    - `weight_norm`: Euclidean norm of the weights `of`;
    - `dead`: share of the units of hidden layer `of` whose derivative is 0 on every image;
    - `dead_throughout`: the same on every image of the training split, after the last epoch only;
    - `dead_unit`: 1 for each of these units, `of` its layer and number, H1/17, from 0;
    - `saturated`: share of the layer's values where the slope is less than 5 % of its greatest;
    - `activation_std`: standard deviation of the layer's values, over images and units;
    - `value_low`, `value_high`: the least and the greatest of them, before the first epoch and
      after the last one only;
    - `value_count`: how many of them lie in each of `BINS` equal bins between these two, `of` its
      layer and number, H1/0.
    """

    epoch: int
    quantity: str
    of: str
    value: float


class Probe:
    """The fixed batch: the first images of the training split, at most a batch of them."""

    def __init__(
        self, split: Split, batch_size: int, activation: Activation, dtype: torch.dtype
    ) -> None:
        count = min(PROBE_IMAGES, batch_size, len(split))
        probe = split[:count].scaled(split.images.device, dtype)
        self._images, self._labels = probe.images.flatten(1), probe.labels
        self._activation = activation
        # The article's range (A1), over which the greatest slope is looked for.
        self._range = torch.arange(-8.0, 8.0, 0.1, dtype=dtype, device=self._images.device)
        self._limit = None if activation.parameters else self._saturated_below(())

    def diagnose(self, epoch: int, parameters: Mapping[str, torch.Tensor]) -> list[Diagnosis]:
        """Every quantity of every layer, from input to output."""
        leaves = {name: value.detach().requires_grad_() for name, value in parameters.items()}
        *hidden_layers, (weight, bias) = layers(leaves)
        alphas_of = activation_parameters(leaves)
        values, slopes = [self._images], []
        for (hidden_weight, hidden_bias), alphas in zip(hidden_layers, alphas_of, strict=True):
            before = torch.addmm(hidden_bias, values[-1], hidden_weight)
            values.append(self._activation.function(before, *alphas))
            fixed = [alpha.detach() for alpha in alphas]
            slopes.append(self._activation.derivative(before.detach(), *fixed).abs())
        logits = torch.addmm(bias, values[-1], weight)
        loss = functional.cross_entropy(logits, self._labels)
        # A parameter that an activation makes no use of has a gradient of 0.
        gradients = torch.autograd.grad(loss, list(leaves.values()), materialize_grads=True)

        found = {
            ("gradient_norm", name): gradient.norm()
            for name, gradient in zip(leaves, gradients, strict=True)
        }
        found |= {
            ("weight_norm", name): value.detach().norm()
            for name, value in leaves.items()
            if name.startswith("W")
        }
        for layer, (value, slope, alphas) in enumerate(
            zip(values[1:], slopes, alphas_of, strict=True), start=1
        ):
            limit = self._saturated_below(alphas) if self._limit is None else self._limit
            dead = (slope.amax(dim=0) == 0).sum().double() / slope.shape[1]
            found["dead", f"H{layer}"] = dead
            found["saturated", f"H{layer}"] = (slope < limit).sum().double() / slope.numel()
            found["activation_std", f"H{layer}"] = value.detach().std()
        # Read at once: each reading waits for the device.
        numbers = torch.stack([value.double() for value in found.values()]).tolist()
        return [Diagnosis(epoch, *key, value) for key, value in zip(found, numbers, strict=True)]

    @torch.no_grad()
    def dead_throughout(
        self, epoch: int, parameters: Mapping[str, torch.Tensor], batches: Batches
    ) -> list[Diagnosis]:
        """Which units have no slope on any image; a pass that ends where none can be left."""
        *hidden_layers, _ = layers(parameters)
        alphas_of = activation_parameters(parameters)
        alive = [torch.zeros_like(bias, dtype=torch.bool) for _, bias in hidden_layers]
        for images, _ in batches.in_order():
            values = images.flatten(1)
            for seen, (weight, bias), alphas in zip(alive, hidden_layers, alphas_of, strict=True):
                before = torch.addmm(bias, values, weight)
                seen |= self._activation.derivative(before, *alphas).abs().amax(dim=0) > 0
                values = self._activation.function(before, *alphas)
            if all(seen.all() for seen in alive):
                break
        found = []
        for layer, seen in enumerate(alive, start=1):
            found.append(
                Diagnosis(epoch, "dead_throughout", f"H{layer}", float((~seen).double().mean()))
            )
            found += [
                Diagnosis(epoch, "dead_unit", f"H{layer}/{unit}", 1.0)
                for unit in (~seen).nonzero().flatten().tolist()
            ]
        return found

    @torch.no_grad()
    def values(self, epoch: int, parameters: Mapping[str, torch.Tensor]) -> list[Diagnosis]:
        """A histogram of the values of each hidden layer; none of one that is not finite."""
        *hidden_layers, _ = layers(parameters)
        alphas_of = activation_parameters(parameters)
        values, found = self._images, []
        for layer, ((weight, bias), alphas) in enumerate(
            zip(hidden_layers, alphas_of, strict=True), start=1
        ):
            values = self._activation.function(torch.addmm(bias, values, weight), *alphas)
            low, high = torch.stack(values.aminmax()).tolist()
            if not math.isfinite(low) or not math.isfinite(high):
                break
            if low == high:
                # Values that are all alike need bins of some width.
                low, high = low - 1, high + 1
            counts = torch.histc(values.double(), BINS, low, high).tolist()
            found += [
                Diagnosis(epoch, "value_low", f"H{layer}", low),
                Diagnosis(epoch, "value_high", f"H{layer}", high),
                *(
                    Diagnosis(epoch, "value_count", f"H{layer}/{number}", count)
                    for number, count in enumerate(counts)
                ),
            ]
        return found

    def _saturated_below(self, alphas: Sequence[torch.Tensor]) -> torch.Tensor:
        """The slope under which a unit is saturated, float64 of shape ()."""
        fixed = [alpha.detach() for alpha in alphas]
        greatest = self._activation.derivative(self._range, *fixed).abs().max()
        return SATURATED_BELOW * greatest.double()
