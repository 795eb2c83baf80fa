"""Mistakes of the gradient of single parameters: biases, what is not trained, clipping."""

from collections.abc import Callable, Iterator

import torch

from mlplab.judging.mistakes.catalogue import Settings, mistake, shown_by
from mlplab.judging.mistakes.evidence import Seen, factor_of
from mlplab.judging.mistakes.network import Network
from mlplab.judging.values import Parameters


class BiasSums(Network):
    how: str = ""
    # One layer, or all of them.
    layer: int = 0

    def bias_gradient(
        self, layer: int, inputs: list[torch.Tensor], error: torch.Tensor
    ) -> torch.Tensor:
        units = error.shape[1]
        if self.layer not in (0, layer):
            return error.sum(0)
        if self.how == "one number":
            return error.sum().expand(units)
        if self.how == "its mean":
            return error.mean(0)
        if self.how == "mean of all":
            return error.mean().expand(units)
        if self.how == "rows":
            rows = error.sum(1)
            return rows.repeat(-(-units // len(rows)))[:units]
        if self.how == "with inputs":
            return (inputs[layer - 1].T @ error).sum(0)
        return error.sum(0)


def _bias_sums(*ways: str) -> Callable[[Seen], Iterator[Settings]]:
    def settings(seen: Seen) -> Iterator[Settings]:
        for how in ways:
            for layer in range(seen.right().depth + 1):
                yield {"how": how, "layer": layer}

    return settings


shown_by(
    mistake(
        "gradient",
        "bias-one-number",
        "a bias's gradient is one number for all units: summed over the units, too",
        "error.sum(0), or axis=0: over the examples alone.",
        "2022-06-10 https://github.com/rasbt/stat453-deep-learning-ss21/issues/5",
    ),
    _bias_sums("one number", "mean of all"),
)(BiasSums)


shown_by(
    mistake(
        "gradient",
        "bias-averaged",
        "a bias's gradient is averaged over the batch, where the errors are divided by its size "
        "already",
        "error.sum(0) of the errors that the weights learn from, not error.mean(0).",
        "2025-07-21 https://github.com/kvfrans/notes/issues/5",
    ),
    _bias_sums("its mean"),
)(BiasSums)


shown_by(
    mistake(
        "gradient",
        "bias-over-another-axis",
        "a bias's gradient is summed over another axis",
        "error.sum(0), or axis=0: over the examples, which are the rows.",
        "2016-11-14 https://github.com/jimfleming/differentiation/issues/1",
    ),
    _bias_sums("rows"),
)(BiasSums)


shown_by(
    mistake(
        "gradient",
        "bias-from-weights",
        "a bias's gradient is summed from that of the weights: the inputs are in it",
        "The bias's input is 1: its gradient is error.sum(0), without the layer's inputs.",
        "2020-09-18 https://github.com/rust0258/"
        "Deeplearning.ai-Natural-Language-Processing-Specialization/issues/64",
    ),
    _bias_sums("with inputs"),
)(BiasSums)


class NotTrained(Network):
    untouched: str = ""

    def change(self, gradient: Parameters, count: int) -> Parameters:
        names = self.untouched.split(", ")
        change = super().change(gradient, count)
        return {n: v * (0 if n in names else 1) for n, v in change.items()}


def _untouched(seen: Seen) -> list[str]:
    steps = range(1, len(seen.probe.batches) + 1)
    updates = [seen.update(step) for step in steps]
    return [name for name in seen.probe.start if not any(one[name].any() for one in updates)]


def _biases(seen: Seen) -> Iterator[Settings]:
    names = _untouched(seen)
    if names and all(name.startswith("b") for name in names):
        yield {"untouched": ", ".join(names)}


def _all_but_last(seen: Seen) -> Iterator[Settings]:
    names = _untouched(seen)
    last = seen.right().depth
    if names and set(names) == {n for n in seen.gradient if n not in (f"W{last}", f"b{last}")}:
        yield {"untouched": ", ".join(names)}


def _some(seen: Seen) -> Iterator[Settings]:
    names = _untouched(seen)
    if names and not [*_biases(seen), *_all_but_last(seen)]:
        yield {"untouched": ", ".join(names)}


shown_by(
    mistake(
        "gradient",
        "bias-not-trained",
        "{untouched}: the step does not change the bias",
        "Biases learn as weights do: b -= learning_rate * error.sum(0).",
        "2023-07-03 https://github.com/glouw/tinn/issues/30",
        example={"untouched": "b1, b2"},
    ),
    _biases,
)(NotTrained)


shown_by(
    mistake(
        "gradient",
        "last-layer-only",
        "the last layer alone is trained: {untouched} stay as they are",
        "The step must reach the parameters of all layers: no detach() between them, and all of "
        "them in the optimiser (layers in a plain list are not seen by Module.parameters()).",
        "2017-02-01 https://github.com/pytorch/pytorch/issues/666",
        example={"untouched": "W1, b1"},
    ),
    _all_but_last,
)(NotTrained)


shown_by(
    mistake(
        "gradient",
        "not-trained",
        "{untouched}: the step does not change these",
        "The step must reach all parameters, and parameters() must return the trained ones.",
        "2022-08-13 https://github.com/zjunlp/HVPNeT/issues/5",
        example={"untouched": "W2, b2"},
    ),
    _some,
)(NotTrained)


class Clipped(Network):
    how: str = "norm"
    threshold: float = 0.0

    def gradient(self, images: torch.Tensor, labels: torch.Tensor) -> Parameters:
        found = super().gradient(images, labels)
        if self.how == "value":
            return {n: v.clamp(-self.threshold, self.threshold) for n, v in found.items()}
        if self.how == "norm":
            norm = torch.cat([value.flatten() for value in found.values()]).norm()
            return {n: v * (self.threshold / norm).clamp(max=1) for n, v in found.items()}
        return {n: v * (self.threshold / v.norm()).clamp(max=1) for n, v in found.items()}


def _norms(seen: Seen) -> Iterator[Settings]:
    norm = torch.cat([value.flatten() for value in seen.gradient.values()]).norm()
    yield {"threshold": norm.item()}
    for value in seen.gradient.values():
        yield {"threshold": value.norm().item(), "how": "each"}


class ClippedByTorch(Clipped):
    """As clip_grad_norm_ does, which adds 1e-6 to the norm that it divides by."""

    def gradient(self, images: torch.Tensor, labels: torch.Tensor) -> Parameters:
        found = Network.gradient(self, images, labels)
        norm = torch.cat([value.flatten() for value in found.values()]).norm()
        return {n: v * (self.threshold / (norm + 1e-6)).clamp(max=1) for n, v in found.items()}


def _torch_norm(seen: Seen) -> Iterator[Settings]:
    factor = factor_of(seen.gradient, seen.expected)
    if factor and 0 < factor < 1:
        norm = torch.cat([value.flatten() for value in seen.expected.values()]).norm()
        yield {"threshold": factor * (norm + 1e-6).item()}
        yield {"threshold": factor * norm.item()}


def _values(seen: Seen) -> Iterator[Settings]:
    yield {"how": "value", "threshold": max(v.abs().max() for v in seen.gradient.values()).item()}


_by_norm = mistake(
    "gradient",
    "clipped-by-norm",
    "the gradient is clipped by its norm, at {threshold}",
    "Take the clipping away: the step follows the gradient as it is.",
    "2022-11-15 https://github.com/MIC-DKFZ/nnUNet/issues/1224",
    example={"threshold": 1.0},
)


shown_by(_by_norm, _torch_norm)(ClippedByTorch)


shown_by(_by_norm, _norms)(Clipped)


shown_by(
    mistake(
        "gradient",
        "clipped-by-value",
        "the gradient's values are clipped at {threshold}",
        "Take the clipping away: the step follows the gradient as it is.",
        "2025-12-10 https://github.com/HomericIntelligence/Odyssey/issues/2666",
        example={"threshold": 0.5},
    ),
    _values,
)(Clipped)


class NormalisedGradient(Network):
    each: bool = False

    def gradient(self, images: torch.Tensor, labels: torch.Tensor) -> Parameters:
        found = super().gradient(images, labels)
        if self.each:
            return {name: value / value.norm() for name, value in found.items()}
        norm = torch.cat([value.flatten() for value in found.values()]).norm()
        return {name: value / norm for name, value in found.items()}


shown_by(
    mistake(
        "gradient",
        "normalised-gradient",
        "the gradient is divided by its norm: every step is equally long",
        "Take the division away: the step follows the gradient as it is.",
        "2024-12-11 https://github.com/bghira/SimpleTuner/pull/1205",
    ),
    lambda seen: iter([{}, {"each": True}]),
)(NormalisedGradient)
