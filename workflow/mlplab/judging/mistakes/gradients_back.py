"""Mistakes of the gradient, on its way back through the layers."""

from collections.abc import Iterator

import torch

from mlplab import activations
from mlplab.judging.mistakes.catalogue import Settings, mistake, shown_by
from mlplab.judging.mistakes.evidence import Seen
from mlplab.judging.mistakes.network import Network


class OtherSlope(Network):
    """f' taken somewhere else."""

    taken: str = ""
    other: str = ""
    shift: int = 0

    def slope(
        self, layer: int, inputs: list[torch.Tensor], before: list[torch.Tensor]
    ) -> torch.Tensor:
        alphas, z = self.alphas(layer), before[layer - 1]
        if self.taken == "one":
            return torch.ones_like(z)
        if self.taken == "output":
            return self.activation.derivative(inputs[layer], *alphas)
        if self.taken == "formula at input" and self.activation.derivative_from_output:
            return self.activation.derivative_from_output(z)
        if self.taken == "formula twice" and self.activation.derivative_from_output:
            return self.activation.derivative_from_output(
                self.activation.function(inputs[layer], *alphas)
            )
        if self.taken == "function":
            return self.activation.function(z, *alphas)
        if self.other:
            return activations.load(self.other).derivative(z)
        if self.shift:
            last = len(before) - 1
            chosen = min(max(layer - 1 + self.shift, 0), last - 1)
            return self.activation.derivative(before[chosen], *alphas)
        return super().slope(layer, inputs, before)


shown_by(
    mistake(
        "gradient",
        "derivative-forgotten",
        "the activation's derivative is forgotten on the way back",
        "The error of a hidden layer is (error @ W.T) * f'(z): multiply by "
        "activation.derivative(z).",
        "2023-01-05 https://github.com/Bot-Academy/NeuralNetworkFromScratch/pull/3",
    ),
    lambda seen: iter([{"taken": "one"}]),
)(OtherSlope)


shown_by(
    mistake(
        "gradient",
        "derivative-at-output",
        "the activation's derivative is taken at its output f(z), not at its input z",
        "Keep z = x @ W + b of each layer, and take activation.derivative(z). (ReLU hides it.)",
        "2017-05-12 https://github.com/benoitfragit/libBrain/issues/78",
    ),
    lambda seen: iter([{"taken": "output"}, {"taken": "formula twice"}]),
)(OtherSlope)


shown_by(
    mistake(
        "gradient",
        "output-formula-at-input",
        "the derivative's formula for the output, such as y(1 - y), is used with the input z",
        "activation.derivative takes z; activation.derivative_from_output takes f(z).",
        "2025-08-22 https://github.com/BoltzmannEntropy/interviews.ai/issues/15",
    ),
    lambda seen: iter([{"taken": "formula at input"}]),
)(OtherSlope)


shown_by(
    mistake(
        "gradient",
        "function-for-derivative",
        "the activation itself stands where its derivative should",
        "Multiply by activation.derivative(z), not by activation.function(z).",
        "2016-06-15 https://github.com/andersbll/nnet/issues/4",
    ),
    lambda seen: iter([{"taken": "function"}]),
)(OtherSlope)


def _other_derivatives(seen: Seen) -> Iterator[Settings]:
    for name in activations.names():
        other = name not in ("identity", seen.probe.activation.name)
        if other and not activations.load(name).parameters:
            yield {"other": name}


shown_by(
    mistake(
        "gradient",
        "another-derivative",
        "the derivative is that of {other}, whatever the activation",
        "Use the derivative of the activation that the network is given: activation.derivative(z).",
        "2020-07-13 https://github.com/jeffheaton/encog-dotnet-core/issues/124",
        example={"other": "sigmoid"},
    ),
    _other_derivatives,
)(OtherSlope)


shown_by(
    mistake(
        "gradient",
        "derivative-of-another-layer",
        "the activation's derivative is taken at another hidden layer",
        "The error of layer l is multiplied by f'(z) of the same layer l.",
        "2023-12-29 https://github.com/unda-ml/unda/issues/1",
    ),
    lambda seen: iter([{"shift": 1}, {"shift": -1}]),
)(OtherSlope)


class ErrorLost(Network):
    def through_activation(
        self,
        layer: int,
        returned: torch.Tensor,
        inputs: list[torch.Tensor],
        before: list[torch.Tensor],
    ) -> torch.Tensor:
        return self.slope(layer, inputs, before).expand_as(returned)


shown_by(
    mistake(
        "gradient",
        "error-lost",
        "the activation's derivative takes the place of the error that is sent back",
        "Multiply the two: (error @ W.T) * activation.derivative(z).",
        "2020-03-29 https://github.com/haifengl/smile/issues/528",
    ),
    lambda seen: iter([{}]),
)(ErrorLost)


class UpdatedTooEarly(Network):
    latest: torch.Tensor

    def weight_gradient(
        self,
        layer: int,
        inputs: list[torch.Tensor],
        before: list[torch.Tensor],
        error: torch.Tensor,
    ) -> torch.Tensor:
        self.latest = super().weight_gradient(layer, inputs, before, error)
        return self.latest

    def sent_back(self, layer: int, error: torch.Tensor) -> torch.Tensor:
        return error @ (self.values[f"W{layer}"] - self.learning_rate * self.latest).T


shown_by(
    mistake(
        "gradient",
        "updated-too-early",
        "a layer's weights are changed before the error is sent back through them",
        "Compute error @ W.T first, or all gradients first, and change the parameters after.",
        "2017-01-06 https://github.com/joelgrus/data-science-from-scratch/issues/31",
    ),
)(UpdatedTooEarly)


class SentBackUntransposed(Network):
    def sent_back(self, layer: int, error: torch.Tensor) -> torch.Tensor:
        weight = self.values[f"W{layer}"]
        square = weight.shape[0] == weight.shape[1]
        return error @ (weight if square else weight.T)


shown_by(
    mistake(
        "gradient",
        "weights-not-transposed",
        "the error is sent back through W, not through its transpose",
        "error @ W.T. (Layers of equal widths hide it: the shapes fit.)",
        "2025-11-10 https://pytroubles.com/en/posts/id1785-fixing-numpy-mnist-training-correct-"
        "gradient-axes-bias-reductions-and-stable-softmax",
    ),
)(SentBackUntransposed)


class ZForActivation(Network):
    def weight_gradient(
        self,
        layer: int,
        inputs: list[torch.Tensor],
        before: list[torch.Tensor],
        error: torch.Tensor,
    ) -> torch.Tensor:
        source = before[layer - 2] if layer > 1 else inputs[0]
        return source.T @ error


shown_by(
    mistake(
        "gradient",
        "z-for-activation",
        "a layer's weights learn from z, not from the activation's output f(z)",
        "The gradient of W is inputs.T @ error, and the inputs of a layer are f(z) of the one "
        "before.",
        "2019-10-24 https://github.com/maziarraissi/backprop/issues/1",
    ),
)(ZForActivation)
