"""Mistakes of the forward pass."""

from collections.abc import Iterator

import torch

from mlplab import activations
from mlplab.activations import Activation
from mlplab.judging.mistakes.catalogue import Settings, mistake, shown_by
from mlplab.judging.mistakes.evidence import Seen
from mlplab.judging.mistakes.network import Network

# In both phases, or in one of them alone.
PLACES: tuple[Settings, ...] = ({"where": ""}, {"where": "logits"}, {"where": "training"})


def everywhere(seen: Seen) -> Iterator[Settings]:
    """A wrong part that is used in logits(), in training, or in both."""
    yield from PLACES


class BiasForgotten(Network):
    forgotten: str = ""
    trained: bool = True

    def affine(self, layer: int, inputs: torch.Tensor) -> torch.Tensor:
        left_out = f"b{layer}" in self.forgotten.split(", ")
        weight, bias = self.values[f"W{layer}"], self.values[f"b{layer}"]
        return inputs @ weight + (0 if left_out else bias)

    def bias_gradient(
        self, layer: int, inputs: list[torch.Tensor], error: torch.Tensor
    ) -> torch.Tensor:
        left_out = not self.trained and f"b{layer}" in self.forgotten.split(", ")
        return error.sum(0) * (0 if left_out else 1)


def _forgotten(seen: Seen) -> Iterator[Settings]:
    names = [name for name in seen.probe.start if name.startswith("b")]
    groups = dict.fromkeys([*((name,) for name in names), tuple(names[:-1]), tuple(names)])
    for group in groups:
        for place in PLACES:
            for trained in (True, False):
                yield place | {"forgotten": ", ".join(group), "trained": trained}


shown_by(
    mistake(
        "forward",
        "bias-forgotten",
        "{forgotten} left out: the bias is not added",
        "Every layer computes inputs @ W + b.",
        "2018-10-13 https://github.com/Kulbear/deep-learning-coursera/pull/48",
        example={"forgotten": "b2"},
    ),
    _forgotten,
)(BiasForgotten)


class BiasTwice(Network):
    def affine(self, layer: int, inputs: torch.Tensor) -> torch.Tensor:
        return super().affine(layer, inputs) + self.values[f"b{layer}"]


class AnotherActivation(Network):
    other: str = "identity"
    forward_only: bool = False

    def chosen(self) -> Activation:
        return activations.load(self.other)

    def hidden(self, layer: int, before: torch.Tensor) -> torch.Tensor:
        return self.chosen().function(before)

    def slope(
        self, layer: int, inputs: list[torch.Tensor], before: list[torch.Tensor]
    ) -> torch.Tensor:
        if self.forward_only or self.where == "logits":
            return super().slope(layer, inputs, before)
        return self.chosen().derivative(before[layer - 1])


def _missing(seen: Seen) -> Iterator[Settings]:
    for place in PLACES:
        for forward_only in (False, True):
            yield place | {"other": "identity", "forward_only": forward_only}


def _others(seen: Seen) -> Iterator[Settings]:
    for name in activations.names():
        if name not in ("identity", seen.probe.activation.name):
            if activations.load(name).parameters:
                continue
            for place in PLACES:
                for forward_only in (False, True):
                    yield place | {"other": name, "forward_only": forward_only}


shown_by(
    mistake(
        "forward",
        "no-activation",
        "the hidden layers have no activation",
        "Between two matrix products stands the activation: activation.function(x @ W + b). "
        "Without it, many layers are one.",
        "2018-10-09 https://github.com/aymericdamien/TensorFlow-Examples/issues/270",
    ),
    _missing,
)(AnotherActivation)

shown_by(
    mistake(
        "forward",
        "another-activation",
        "the activation is {other}, whatever was asked for",
        "Use the activation that the network is given: activation.function and "
        "activation.derivative.",
        "2018-05-30 https://github.com/ubclaunchpad/minutes/pull/134",
        example={"other": "tanh"},
    ),
    _others,
)(AnotherActivation)


class ActivationTwice(Network):
    def hidden(self, layer: int, before: torch.Tensor) -> torch.Tensor:
        return super().hidden(layer, super().hidden(layer, before))

    def slope(
        self, layer: int, inputs: list[torch.Tensor], before: list[torch.Tensor]
    ) -> torch.Tensor:
        once = self.activation.function(before[layer - 1], *self.alphas(layer))
        inner = super().slope(layer, inputs, before)
        return self.activation.derivative(once, *self.alphas(layer)) * inner


shown_by(
    mistake(
        "forward",
        "activation-twice",
        "the activation is applied twice in each hidden layer",
        "Apply it once, to x @ W + b.",
        "2020-09-23 https://github.com/liashchynskyi/skynet/pull/1",
    ),
    everywhere,
)(ActivationTwice)


class ActivatedOutput(Network):
    def output(self, last: torch.Tensor) -> torch.Tensor:
        alphas = self.alphas(self.depth - 1) if self.depth > 1 else []
        return self.activation.function(last, *alphas)


shown_by(
    mistake(
        "forward",
        "activated-output",
        "the activation is applied to the last layer, too",
        "The last layer's x @ W + b are the scores: no activation after it.",
        "2018-06-19 https://github.com/huyng/tensorflow-vgg/issues/13",
    ),
    everywhere,
)(ActivatedOutput)


class Probabilities(Network):
    def output(self, last: torch.Tensor) -> torch.Tensor:
        return last.softmax(1)


shown_by(
    mistake(
        "forward",
        "probabilities-for-scores",
        "probabilities, not the scores before the softmax",
        "logits() returns the last layer's x @ W + b; the softmax belongs to the loss.",
        "2017-07-15 https://github.com/nfmcclure/tensorflow_cookbook/issues/86",
    ),
    # In training alone it is a softmax that is applied twice.
    lambda seen: iter(PLACES[:2]),
)(Probabilities)


class LogProbabilities(Network):
    def output(self, last: torch.Tensor) -> torch.Tensor:
        return last.log_softmax(1)


shown_by(
    mistake(
        "forward",
        "log-probabilities-for-scores",
        "logarithms of probabilities, not the scores before the softmax",
        "logits() returns the last layer's x @ W + b; the log-softmax belongs to the loss.",
        "2019-03-04 https://github.com/bhanML/Co-teaching/issues/4",
    ),
    everywhere,
)(LogProbabilities)


class SigmoidOutput(Network):
    def output(self, last: torch.Tensor) -> torch.Tensor:
        return last.sigmoid()


shown_by(
    mistake(
        "forward",
        "sigmoid-output",
        "a sigmoid is applied to the scores",
        "The last layer's x @ W + b are the scores: no sigmoid after it, the loss has a softmax.",
        "2017-11-13 https://github.com/ageron/handson-ml/issues/121",
    ),
    everywhere,
)(SigmoidOutput)


class NormalisedHidden(Network):
    """Batch normalisation; its backward pass is not followed, so logits alone are recognised."""

    before_activation: bool = True

    def hidden(self, layer: int, before: torch.Tensor) -> torch.Tensor:
        def normalised(x: torch.Tensor) -> torch.Tensor:
            return (x - x.mean(0)) / (x.var(0, unbiased=False) + 1e-5).sqrt()

        if self.before_activation:
            return super().hidden(layer, normalised(before))
        return normalised(super().hidden(layer, before))


shown_by(
    mistake(
        "forward",
        "batch-normalised",
        "the hidden layers are normalised over the batch",
        "No batch normalisation is asked for: an image's scores depend on that image alone.",
        "2019-02-05 https://github.com/yaodongyu/TRADES/issues/3",
    ),
    lambda seen: iter([{}, {"before_activation": False}]),
)(NormalisedHidden)

shown_by(
    mistake(
        "forward",
        "bias-twice",
        "the biases are added twice",
        "Every layer computes inputs @ W + b.",
        "2020-02-21 https://github.com/huggingface/transformers/issues/2957",
    ),
    everywhere,
)(BiasTwice)
