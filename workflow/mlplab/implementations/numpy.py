"""The multilayer perceptron in NumPy: forward and backward pass without torch.

The chain rule is that of `manual`, written with arrays. Torch's tensors are only what comes in and
goes out; they share their memory with the arrays.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mlplab.activations import Activation
from mlplab.implementations._parameters import activation_parameters, layers

Array = NDArray[Any]


def softmax(logits: Array) -> Array:
    """Probabilities n × c of logits n × c, moved first so that no exponential overflows."""
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def cross_entropy(logits: Array, labels: Array) -> Array:
    """Cross-entropy of each example: log Σ exp(logits) - logits[label]. n × c and n → n."""
    greatest = logits.max(axis=1)
    log_sum = greatest + np.log(np.exp(logits - greatest[:, np.newaxis]).sum(axis=1))
    return log_sum - logits[np.arange(len(labels)), labels]


class Network:
    """A multilayer perceptron of arrays."""

    def __init__(
        self, parameters: dict[str, torch.Tensor], activation: Activation, learning_rate: float
    ) -> None:
        self._parameters = {name: value.clone() for name, value in parameters.items()}
        # Arrays that share the memory of these tensors.
        self._layers = [(w.numpy(), b.numpy()) for w, b in layers(self._parameters)]
        self._alphas = [
            tuple(alpha.numpy() for alpha in alphas)
            for alphas in activation_parameters(self._parameters)
        ]
        self._activation = activation
        self._learning_rate = learning_rate

    def _forward(self, images: Array) -> tuple[list[Array], list[Array], Array]:
        """Inputs of each layer, values before each activation, logits n × c."""
        inputs, before = [images.reshape(len(images), -1)], []
        *hidden_layers, (weight, bias) = self._layers
        for (hidden_weight, hidden_bias), alphas in zip(hidden_layers, self._alphas, strict=True):
            before.append(inputs[-1] @ hidden_weight + hidden_bias)
            inputs.append(self._activation.numpy_function(before[-1], *alphas))
        return inputs, before, inputs[-1] @ weight + bias

    # A run that diverges is told by its loss.
    @np.errstate(over="ignore", invalid="ignore")
    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Scores of each class before the softmax. n × h × w → n × c."""
        return torch.from_numpy(self._forward(images.numpy())[2])

    @np.errstate(over="ignore", invalid="ignore")
    def train_step(
        self, images: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Forward, then back layer by layer, updating each."""
        target = labels.numpy()
        inputs, before, logits = self._forward(images.numpy())
        loss = cross_entropy(logits, target).sum(dtype=logits.dtype)
        correct = (logits.argmax(axis=1) == target).sum()

        error = softmax(logits)
        error[np.arange(len(target)), target] -= 1
        # The gradients of the mean loss from here on.
        error /= len(target)
        for layer in reversed(range(len(self._layers))):
            weight, bias = self._layers[layer]
            # Sent back before the weights are changed; the images need no error.
            returned = error @ weight.T if layer else error
            weight -= self._learning_rate * (inputs[layer].T @ error)
            bias -= self._learning_rate * error.sum(axis=0)
            if layer:
                alphas = self._alphas[layer - 1]
                slopes = self._activation.numpy_parameter_derivatives(before[layer - 1], *alphas)
                error = returned * self._activation.numpy_derivative(before[layer - 1], *alphas)
                for alpha, slope in zip(alphas, slopes, strict=True):
                    alpha -= self._learning_rate * (returned * slope).sum()
        return torch.as_tensor(loss), torch.as_tensor(correct)

    def parameters(self) -> dict[str, torch.Tensor]:
        """The present parameters."""
        return dict(self._parameters)
