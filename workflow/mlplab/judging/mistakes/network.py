"""The network in parts, for mistakes to replace one of them.

Forward, loss, gradient and step are methods of their own, with backpropagation by hand: so a known
mistake is a subclass with a method that does it wrong, a few lines long, and a file has that
mistake where it behaves as that network does. Used on small batches in float64; speed is no aim.
"""

from typing import Any

import torch
from torch.nn.functional import one_hot

from mlplab.activations import Activation
from mlplab.judging.values import Parameters, copies


class Network:
    """The right network; `settings` are how strong a mistake is: {"epsilon": 1e-8}."""

    # Where a wrong part of the forward pass is used: in both, in "logits" or in "training" alone.
    where: str = ""
    # Of a wrong loss, what is wrong: both, the "loss" that is returned, or the "gradient" alone.
    only: str = ""
    # The error of the scores as q - y, with the probabilities q as they are computed here; else as
    # the derivative of the loss.
    by_formula: bool = False
    # Factors of the returned loss and of the gradient: (coefficient, power of the batch's size).
    loss_factor: tuple[float, int] = (1.0, 0)
    gradient_factor: tuple[float, int] = (1.0, 0)

    def __init__(
        self, start: Parameters, activation: Activation, rate: float, **settings: Any
    ) -> None:
        self.start, self.values = start, copies(start)
        self.activation, self.learning_rate = activation, rate
        self.depth = sum(name.startswith("W") for name in start)
        self.step = 0
        self.phase = "logits"
        for name, value in settings.items():
            setattr(self, name, value)

    # The data.
    def pixels(self, images: torch.Tensor) -> torch.Tensor:
        """N × h × w → n × (h·w)."""
        return images.flatten(1)

    def batch(
        self, images: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The batch that a step learns from."""
        return images, labels

    # Forward.
    def alphas(self, layer: int) -> list[torch.Tensor]:
        """The activation's own parameters in a hidden layer; layers count from 1."""
        return [self.values[f"{name}{layer}"] for name in self.activation.parameters]

    def affine(self, layer: int, inputs: torch.Tensor) -> torch.Tensor:
        """Z = H W + b."""
        return inputs @ self.values[f"W{layer}"] + self.values[f"b{layer}"]

    def hidden(self, layer: int, before: torch.Tensor) -> torch.Tensor:
        """H = f(Z)."""
        return self.activation.function(before, *self.alphas(layer))

    def output(self, last: torch.Tensor) -> torch.Tensor:
        """The scores, n × c, from Z of the last layer."""
        return last

    def forward(self, images: torch.Tensor) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Inputs of each layer and its Z; [0] belongs to layer 1."""
        part = self.used()
        inputs, before = [part.pixels(self, images)], []
        for layer in range(1, self.depth + 1):
            before.append(part.affine(self, layer, inputs[-1]))
            if layer < self.depth:
                inputs.append(part.hidden(self, layer, before[-1]))
        return inputs, before

    def used(self) -> type["Network"]:
        """The network whose forward pass is used in this phase: the wrong one, or the right."""
        return type(self) if self.where in ("", self.phase) else Network

    def scores(self, images: torch.Tensor) -> torch.Tensor:
        """Scores as this phase computes them, n × c."""
        return self.used().output(self, self.forward(images)[1][-1])

    # Loss.
    def log_probabilities(self, scores: torch.Tensor) -> torch.Tensor:
        """Log q, n × c."""
        return scores.log_softmax(1)

    def losses(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Whose sum is the batch's summed loss."""
        return -self.log_probabilities(scores).gather(1, labels[:, None])

    def penalty(self) -> torch.Tensor:
        """What is added to the mean loss for the parameters' size."""
        return torch.zeros((), dtype=self.start["W1"].dtype)

    def correct(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The number of correct predictions."""
        return (scores.argmax(1) == labels).sum()

    def returned(
        self, scores: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Summed loss and correct predictions, of the scores before the step."""
        part = Network if self.only == "gradient" else type(self)
        loss = part.losses(self, scores, labels).sum() + len(labels) * part.penalty(self)
        coefficient, power = self.loss_factor
        return loss * coefficient * len(labels) ** power, self.correct(scores, labels)

    # Backward.
    def error(self, last: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The derivative of the mean loss by Z of the last layer."""
        part = Network if self.only == "loss" else type(self)
        leaf = last.detach().requires_grad_()
        scores = self.used().output(self, leaf)
        if self.by_formula and part is not Network:
            probabilities = part.log_probabilities(self, scores).exp()
            found = (probabilities - one_hot(labels, last.shape[1])).detach()
        else:
            (found,) = torch.autograd.grad(part.losses(self, scores, labels).sum(), leaf)
        return found / len(labels)

    def slope(
        self, layer: int, inputs: list[torch.Tensor], before: list[torch.Tensor]
    ) -> torch.Tensor:
        """f'(Z) of a hidden layer."""
        return self.activation.derivative(before[layer - 1], *self.alphas(layer))

    def weight_gradient(
        self,
        layer: int,
        inputs: list[torch.Tensor],
        before: list[torch.Tensor],
        error: torch.Tensor,
    ) -> torch.Tensor:
        """Inputs times errors."""
        return inputs[layer - 1].T @ error

    def bias_gradient(
        self, layer: int, inputs: list[torch.Tensor], error: torch.Tensor
    ) -> torch.Tensor:
        """Errors, summed over the batch."""
        return error.sum(0)

    def sent_back(self, layer: int, error: torch.Tensor) -> torch.Tensor:
        """The error of a layer's inputs."""
        return error @ self.values[f"W{layer}"].T

    def through_activation(
        self,
        layer: int,
        returned: torch.Tensor,
        inputs: list[torch.Tensor],
        before: list[torch.Tensor],
    ) -> torch.Tensor:
        """The error of Z from that of H = f(Z)."""
        return returned * self.slope(layer, inputs, before)

    def gradient(self, images: torch.Tensor, labels: torch.Tensor) -> Parameters:
        """The gradient of the mean loss, by name."""
        inputs, before = self.forward(images)
        error, found = self.error(before[-1], labels), {}
        for layer in range(self.depth, 0, -1):
            found[f"W{layer}"] = self.weight_gradient(layer, inputs, before, error)
            found[f"b{layer}"] = self.bias_gradient(layer, inputs, error)
            if layer > 1:
                returned = self.sent_back(layer, error)
                alphas = self.alphas(layer - 1)
                slopes = self.activation.parameter_derivatives(before[layer - 2], *alphas)
                for name, slope in zip(self.activation.parameters, slopes, strict=True):
                    found[f"{name}{layer - 1}"] = (returned * slope).sum().reshape(1)
                error = self.through_activation(layer - 1, returned, inputs, before)
        coefficient, power = self.gradient_factor
        factor = coefficient * len(labels) ** power
        penalty = self.penalty_gradient() if self.only != "loss" else {}
        return {n: factor * found[n] + penalty.get(n, 0.0) for n in self.start}

    def penalty_gradient(self) -> Parameters:
        """The derivative of `penalty` by the parameters that it counts."""
        return {}

    # The step.
    def rate(self) -> float:
        """The learning rate of this step, the first of which is 1."""
        return self.learning_rate

    def change(self, gradient: Parameters, count: int) -> Parameters:
        """What a step takes off the parameters; `count` is the size of the batch."""
        return {name: self.rate() * value for name, value in gradient.items()}

    # What everyone sees.
    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Scores of each class, n × c."""
        self.phase = "logits"
        return self.scores(images)

    def train_step(
        self, images: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One step; summed loss and correct predictions before it."""
        self.step += 1
        self.phase = "training"
        images, labels = self.batch(images, labels)
        answer = self.returned(self.scores(images), labels)
        self.update(images, labels)
        return answer

    def update(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        """Change the parameters."""
        change = self.change(self.gradient(images, labels), len(labels))
        self.values = {name: value - change[name] for name, value in self.values.items()}

    def parameters(self) -> Parameters:
        """The present parameters."""
        return self.values
