"""The multilayer perceptron with backpropagation by hand: the chain rule, and no autograd.

With inputs H₀ (the flattened images), Z_l = H_{l-1} W_l + b_l and H_l = f(Z_l) for the hidden
layers, logits Z_L, and P = softmax(Z_L), the gradients of the summed cross-entropy are

    ∂/∂Z_L     = P - Y                      Y: the labels, one-hot
    ∂/∂W_l     = H_{l-1}ᵀ ∂/∂Z_l            inputs times errors
    ∂/∂b_l     = Σ_n ∂/∂Z_l                 errors, summed over the batch
    ∂/∂H_{l-1} = ∂/∂Z_l W_lᵀ                errors, sent back through the weights
    ∂/∂Z_l     = ∂/∂H_l ⊙ f'(Z_l)           … and through the activation
    ∂/∂α_l     = Σ ∂/∂H_l ⊙ ∂f/∂α (Z_l)     where the activation has a parameter α

The chain rule for layered networks is Rumelhart, Hinton, Williams: Learning representations by
back-propagating errors, Nature 323 (1986).
"""

import torch
from torch.nn import functional

from mlplab.activations import Activation
from mlplab.implementations._parameters import activation_parameters, layers
from mlplab.optimizers import Optimizer, given

DEVICES = ("cpu", "cuda")


class Buffers:
    """Memory for what a batch of `count` images leaves in each layer, used again by the next one.

    `before` holds Z_l and `errors` ∂/∂Z_l of the hidden layers, count × fan_out; `sums` holds
    ∂/∂b_l, fan_out.
    """

    def __init__(self, count: int, layers: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
        self.count = count
        self.before = [bias.new_empty(count, len(bias)) for _, bias in layers]
        self.errors = [bias.new_empty(count, len(bias)) for _, bias in layers[:-1]]
        self.sums = [torch.empty_like(bias) for _, bias in layers]
        self.minus_one = -layers[0][1].new_ones(count, 1)


class Network:
    """A multilayer perceptron that computes its own gradients."""

    def __init__(
        self,
        parameters: dict[str, torch.Tensor],
        activation: Activation,
        optimizer: Optimizer | float,
    ) -> None:
        self._parameters = {name: value.clone() for name, value in parameters.items()}
        self._layers = layers(self._parameters)
        self._alphas = activation_parameters(self._parameters)
        self._activation = activation
        self._optimizer = given(optimizer)
        self._buffers = Buffers(0, self._layers)

    @torch.no_grad()
    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Z_L of a batch. n × h × w → n × c."""
        hidden = images.flatten(1)
        *hidden_layers, (weight, bias) = self._layers
        for (hidden_weight, hidden_bias), alphas in zip(hidden_layers, self._alphas, strict=True):
            before = torch.addmm(hidden_bias, hidden, hidden_weight)
            hidden = self._activation.function(before, *alphas)
        return torch.addmm(bias, hidden, weight)

    @torch.no_grad()
    def train_step(
        self, images: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Forward, keeping what the way back needs; then back, layer by layer, updating each."""
        if self._buffers.count != len(labels):
            self._buffers = Buffers(len(labels), self._layers)
        before, errors, sums = self._buffers.before, self._buffers.errors, self._buffers.sums
        inputs = [images.flatten(1)]
        for layer, alphas in enumerate(self._alphas):
            weight, bias = self._layers[layer]
            torch.addmm(bias, inputs[layer], weight, out=before[layer])
            inputs.append(self._activation.function(before[layer], *alphas))
        weight, bias = self._layers[-1]
        logits = torch.addmm(bias, inputs[-1], weight, out=before[-1])

        # Transposed, so that torch works on many examples at once, not on one row of few classes.
        log_probabilities = torch.log_softmax(logits.T, dim=0).T
        loss = functional.nll_loss(log_probabilities, labels, reduction="sum")
        correct = (logits.argmax(dim=1) == labels).sum()

        # The step on the mean loss: the gradients below are those of the summed one.
        step = self._optimizer.learning_rate / len(labels)
        error = log_probabilities.exp_().scatter_add_(
            1, labels.unsqueeze(1), self._buffers.minus_one
        )
        for layer in reversed(range(len(self._layers))):
            weight, bias = self._layers[layer]
            # Sent back before the weights are changed.
            returned = torch.mm(error, weight.T, out=errors[layer - 1]) if layer else None
            weight.addmm_(inputs[layer].T, error, alpha=-step)
            bias.sub_(torch.sum(error, dim=0, out=sums[layer]), alpha=step)
            if returned is not None:
                alphas = self._alphas[layer - 1]
                derivatives = self._activation.parameter_derivatives(before[layer - 1], *alphas)
                slopes = self._derivative(before[layer - 1], inputs[layer], alphas)
                for alpha, derivative in zip(alphas, derivatives, strict=True):
                    alpha.sub_((returned * derivative).sum(), alpha=step)
                error = returned.mul_(slopes)
        return loss, correct

    def _derivative(
        self, before: torch.Tensor, after: torch.Tensor, alphas: tuple[torch.Tensor, ...]
    ) -> torch.Tensor:
        """f'(Z), from f(Z) where that is the shorter way, as for the sigmoid: y (1 - y)."""
        if self._activation.derivative_from_output is not None:
            return self._activation.derivative_from_output(after)
        return self._activation.derivative(before, *alphas)

    def parameters(self) -> dict[str, torch.Tensor]:
        """The present parameters."""
        return dict(self._parameters)
