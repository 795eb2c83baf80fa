"""The multilayer perceptron from scratch: tensors, their gradients, and nothing else.

Article items B3 to B9: the parameters are plain tensors, the network is two matrix products with an
activation between them, and one step of gradient descent is written by hand.
"""

import torch

from mlplab.activations import Activation
from mlplab.implementations._parameters import activation_parameters, layers
from mlplab.optimizers import Optimizer, given

DEVICES = ("cpu", "cuda")


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of each example (B6): log Σ exp(logits) - logits[label]. n × c and n → n."""
    return logits.logsumexp(dim=1) - logits.gather(1, labels.unsqueeze(1)).squeeze(1)


def correct(predictions: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Number of right predictions (B7): scores n × c, or class indices n, against labels n."""
    if predictions.dim() > 1:
        predictions = predictions.argmax(dim=1)
    return (predictions == labels).sum()


class Network:
    """A multilayer perceptron whose parts are all in sight."""

    def __init__(
        self,
        parameters: dict[str, torch.Tensor],
        activation: Activation,
        optimizer: Optimizer | float,
    ) -> None:
        self._parameters = {
            name: value.clone().requires_grad_() for name, value in parameters.items()
        }
        self._layers = layers(self._parameters)
        self._alphas = activation_parameters(self._parameters)
        self._activation = activation.function
        self._optimizer = given(optimizer)

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """B5: flatten, H = activation(X W1 + b1), logits H W2 + b2. n × h × w → n × c."""
        hidden = images.flatten(1)
        *hidden_layers, (weight, bias) = self._layers
        for (hidden_weight, hidden_bias), alphas in zip(hidden_layers, self._alphas, strict=True):
            hidden = self._activation(hidden @ hidden_weight + hidden_bias, *alphas)
        return hidden @ weight + bias

    def train_step(
        self, images: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """B8 with a hand-written updater: backward of the summed loss, then one update."""
        logits = self.logits(images)
        loss = cross_entropy(logits, labels).sum()
        loss.backward()
        self._update(batch_size=len(labels))
        return loss.detach(), correct(logits.detach(), labels)

    @torch.no_grad()
    def _update(self, batch_size: int) -> None:
        """Gradient descent; dividing by the batch size turns the summed loss into the mean."""
        for parameter in self._parameters.values():
            assert parameter.grad is not None
            parameter.sub_(parameter.grad, alpha=self._optimizer.learning_rate / batch_size)
            parameter.grad = None

    def parameters(self) -> dict[str, torch.Tensor]:
        """The present parameters."""
        return {name: value.detach() for name, value in self._parameters.items()}
