"""Mistakes of what is kept, and of numbers: some of them show in one comparison alone."""

import torch

from mlplab.judging.mistakes.catalogue import mistake, shown_by
from mlplab.judging.mistakes.network import Network
from mlplab.judging.values import Parameters

mistake(
    "state",
    "other-start",
    "it does not start from the parameters that it is given",
    "Copy the parameters that come in; draw none of your own.",
    "2025-03-03 https://github.com/niki-amini-naieni/CountGD/issues/36",
    ("start",),
)
mistake(
    "state",
    "kept-from-the-first",
    "a second network does not start anew: it has the parameters of the first",
    "Keep nothing outside the instance: no module variables, no mutable default arguments.",
    "2018-06-19 https://github.com/wengong-jin/icml18-jtnn/issues/10",
    ("start of a second seed",),
)
mistake(
    "state",
    "shared-by-all",
    "a second network changes the parameters of the first: they share them",
    "Parameters belong to the instance, self, not to the class or the module.",
    "2026-04-24 https://github.com/sktime/sktime/issues/10024",
    ("apart from a second seed", "logits of a second seed"),
)
mistake(
    "state",
    "trains-what-it-is-given",
    "it trains the very tensors that it is given",
    "Copy them: value.clone(). They belong to somebody else.",
    "2022-12-12 https://github.com/dvgodoy/PyTorchStepByStep/pull/28",
    ("parameters given unchanged",),
)
mistake(
    "data",
    "images-overwritten",
    "the images of the batch are overwritten",
    "Operators such as -=, /= and mul_() change a tensor in place, for everybody: compute new "
    "ones.",
    "2018-12-10 https://github.com/pytorch/vision/issues/680",
    ("images unchanged", "images unchanged of a smaller batch"),
)
mistake(
    "data",
    "labels-overwritten",
    "the labels of the batch are overwritten",
    "Operators such as -= and labels[…] = … change a tensor in place, for everybody: compute new "
    "ones.",
    "2018-12-10 https://github.com/pytorch/vision/issues/680",
    ("labels unchanged", "labels unchanged of a smaller batch"),
)
mistake(
    "forward",
    "random",
    "another value each time: something is random, dropout for example",
    "Leave dropout and noise out: the same parameters and images give the same scores.",
    "2023-04-11 https://github.com/karpathy/nanoGPT/pull/240",
)
mistake(
    "numerics",
    "narrow-dtype",
    "computed in {dtype}, not in the dtype of the parameters",
    "Compute in the dtype of the parameters: no .half(), .float() or astype, and new tensors "
    "with dtype=….",
    "2017-12-25 https://github.com/intel/ipex-llm/issues/2098",
    example={"dtype": "float32"},
)
mistake(
    "numerics",
    "narrow-products",
    "products are computed in {dtype}, through autocast or a conversion: float64 hides it",
    "Take torch.autocast and conversions away: float32 is computed in float32.",
    "2017-12-25 https://github.com/intel/ipex-llm/issues/2098",
    example={"dtype": "bfloat16"},
)
mistake(
    "numerics",
    "not-finite",
    "not finite, where the right value is",
    "Look for a division by 0, a logarithm of 0, or an exponential of something great.",
    "2019-11-13 https://github.com/sar-gupta/neural-network-from-scratch/issues/10",
)
mistake(
    "numerics",
    "softmax-overflows",
    "the softmax overflows where scores are great: exp of the scores as they are",
    "Take each example's greatest score off first: scores - scores.max(1, keepdim=True); or use "
    "log_softmax.",
    "2016-09-25 https://github.com/dmlc/minpy/pull/48",
)
mistake(
    "numerics",
    "one-maximum",
    "one greatest score is taken off all examples: the softmax of those far below it is 0 / 0",
    "Every example's own greatest score: scores.max(1, keepdim=True), or axis=1, keepdims=True.",
    "2022-01-14 https://github.com/manassharma07/crysx_nn/issues/7",
)
mistake(
    "numerics",
    "log-of-zero",
    "the loss is infinite where a probability is rounded to 0: the logarithm is taken after the "
    "softmax",
    "Compute the logarithm of the softmax in one: scores - max - log Σ exp(scores - max), or "
    "log_softmax.",
    "2020-07-27 https://github.com/aymericdamien/TensorFlow-Examples/issues/383",
)
mistake(
    "numerics",
    "clipped-probabilities",
    "probabilities are cut off at {epsilon} before the logarithm",
    "log-softmax needs no cut: scores - max - log Σ exp(scores - max) is finite for all scores.",
    "2018-10-15 https://github.com/FluxML/Flux.jl/pull/437",
    example={"epsilon": 1e-07},
)
mistake(
    "step",
    "rate-changes-later",
    "from step {step} on, the step is {times} times as long as the learning rate says",
    "The learning rate is constant: no decay, no schedule, no early end.",
    "2018-04-19 https://github.com/amoudgl/pygoturn/issues/16",
    example={"step": 101, "times": 0.5},
)


class StaleParameters(Network):
    def parameters(self) -> Parameters:
        return self.start


shown_by(
    mistake(
        "state",
        "stale-parameters",
        "parameters() returns those of the start, while others are trained",
        "Return the trained ones: {name: value.detach() for …}.",
        "2017-12-16 https://github.com/pytorch/tutorials/pull/188",
    ),
)(StaleParameters)


class StaleLogits(Network):
    how: str = "of the start"
    before: Parameters | None = None

    def train_step(
        self, images: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        self.before = self.values
        return super().train_step(images, labels)

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        now = self.values
        self.values = self.start if self.how == "of the start" else self.before or self.start
        found = super().logits(images)
        self.values = now
        return found


shown_by(
    mistake(
        "state",
        "stale-logits",
        "logits() computes with the parameters {how}, not with the trained ones",
        "logits() must use the parameters that train_step() changes: a run is evaluated with it.",
        "2026-08-26 https://github.com/thinking-machines-lab/tinker-feedback/issues/143",
        example={"how": "of the start"},
    ),
    lambda seen: iter([{"how": "of the start"}, {"how": "before the last step"}]),
)(StaleLogits)
