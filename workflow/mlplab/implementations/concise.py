"""The multilayer perceptron with the framework: `nn.Sequential`, `CrossEntropyLoss`, `optim.SGD`.

Article items C1 to C3. One correction: the article says that `nn.Linear` leaves its biases "usually
zero", while it draws them from U(-1/√fan_in, 1/√fan_in). Here weights and biases are set to the
parameters that come in, so that every implementation starts from the same point.
"""

import itertools

import torch
from torch import nn

from mlplab.activations import Activation
from mlplab.implementations._parameters import activation_parameters, layers
from mlplab.optimizers import Optimizer, given

DEVICES = ("cpu", "cuda")


class Network:
    """A multilayer perceptron in the framework's own words."""

    def __init__(
        self,
        parameters: dict[str, torch.Tensor],
        activation: Activation,
        optimizer: Optimizer | float,
    ) -> None:
        initial = layers(parameters)
        modules: list[nn.Module] = [nn.Flatten()]
        for weight, _ in initial:
            fan_in, fan_out = weight.shape
            linear, hidden = nn.Linear(fan_in, fan_out), activation.module()
            modules += [linear.to(weight), hidden.to(weight)]
        self._network = nn.Sequential(*modules[:-1])
        self._linear = [module for module in self._network if isinstance(module, nn.Linear)]
        self._hidden = self._network[2:-1:2]

        remaining = iter(initial)

        @torch.no_grad()
        def init_parameters(module: nn.Module) -> None:
            if isinstance(module, nn.Linear):
                weight, bias = next(remaining)
                # nn.Linear keeps its weight transposed: fan_out × fan_in.
                module.weight.copy_(weight.T)
                module.bias.copy_(bias)

        self._network.apply(init_parameters)
        with torch.no_grad():
            for module, alphas in zip(self._hidden, activation_parameters(parameters), strict=True):
                for parameter, alpha in zip(module.parameters(), alphas, strict=True):
                    parameter.copy_(alpha)
        self._names = list(parameters)
        self._loss = nn.CrossEntropyLoss()
        self._optimizer = given(optimizer).framework(self._network.parameters())

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """C1: Flatten, Linear, activation, Linear. n × h × w → n × c."""
        logits: torch.Tensor = self._network(images)
        return logits

    def train_step(
        self, images: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """B8 with an optimiser: zero the gradients, backward of the mean loss, step."""
        logits = self.logits(images)
        loss = self._loss(logits, labels)
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        return loss.detach() * len(labels), (logits.detach().argmax(dim=1) == labels).sum()

    def parameters(self) -> dict[str, torch.Tensor]:
        """The present parameters, weights transposed back to fan_in × fan_out."""
        values: list[torch.Tensor] = []
        for linear, hidden in itertools.zip_longest(self._linear, self._hidden):
            values += [linear.weight.T, linear.bias]
            values += list(hidden.parameters()) if hidden is not None else []
        return {name: v.detach() for name, v in zip(self._names, values, strict=True)}
