"""What happens inside a network while it trains: gradients, dead units, saturation (item A8).

All of it is measured on one batch that stays the same, from the parameters alone, so that it tells
the same of every implementation.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch.nn import functional

from mlplab.activations import Activation
from mlplab.datasets.store import Split
from mlplab.parameters import activation_parameters, layers

PROBE_IMAGES = 256
# A unit is saturated for an image where the activation's slope is below this share of its greatest.
SATURATED_BELOW = 0.05


@dataclass(frozen=True)
class Diagnosis:
    """One measured quantity of one epoch; epoch 0 is before training.

    `quantity` is one of

    - `gradient_norm`: Euclidean norm of the mean loss's gradient by the parameter `of`;
    - `dead`: share of the units of hidden layer `of` whose derivative is 0 on every image;
    - `saturated`: share of the layer's values where the slope is less than 5 % of its greatest;
    - `activation_std`: standard deviation of the layer's values, over images and units.
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
        self._images = split.images[:count].to(dtype).flatten(1) / split.pixel_max
        self._labels = split.labels[:count]
        self._activation = activation

    def diagnose(self, epoch: int, parameters: Mapping[str, torch.Tensor]) -> list[Diagnosis]:
        """Every quantity of every layer, from input to output."""
        leaves = {name: value.detach().requires_grad_() for name, value in parameters.items()}
        *hidden_layers, (weight, bias) = layers(leaves)
        values, slopes = [self._images], []
        for (hidden_weight, hidden_bias), alphas in zip(
            hidden_layers, activation_parameters(leaves), strict=True
        ):
            before = torch.addmm(hidden_bias, values[-1], hidden_weight)
            values.append(self._activation.function(before, *alphas))
            fixed = [alpha.detach() for alpha in alphas]
            slopes.append(self._activation.derivative(before.detach(), *fixed).abs())
        logits = torch.addmm(bias, values[-1], weight)
        loss = functional.cross_entropy(logits, self._labels)
        # A parameter that an activation makes no use of has a gradient of 0.
        gradients = torch.autograd.grad(loss, list(leaves.values()), materialize_grads=True)

        found = [
            Diagnosis(epoch, "gradient_norm", name, gradient.norm().item())
            for name, gradient in zip(leaves, gradients, strict=True)
        ]
        for layer, (value, slope) in enumerate(zip(values[1:], slopes, strict=True), start=1):
            dead = (slope.amax(dim=0) == 0).sum().item() / slope.shape[1]
            limit = SATURATED_BELOW * self._greatest_slope(parameters, layer)
            saturated = (slope < limit).sum().item() / slope.numel()
            found += [
                Diagnosis(epoch, "dead", f"H{layer}", dead),
                Diagnosis(epoch, "saturated", f"H{layer}", saturated),
                Diagnosis(epoch, "activation_std", f"H{layer}", value.detach().std().item()),
            ]
        return found

    def _greatest_slope(self, parameters: Mapping[str, torch.Tensor], layer: int) -> float:
        """The activation's greatest slope over the article's range (A1)."""
        x = torch.arange(-8.0, 8.0, 0.1, dtype=self._images.dtype)
        alphas = [alpha.detach() for alpha in activation_parameters(parameters)[layer - 1]]
        return float(self._activation.derivative(x, *alphas).abs().max())
