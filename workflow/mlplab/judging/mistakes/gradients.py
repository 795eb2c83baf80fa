"""Mistakes of the gradient at the output, where its way back begins."""

from collections.abc import Iterator

import torch

from mlplab.judging.mistakes.catalogue import Settings, mistake, shown_by
from mlplab.judging.mistakes.evidence import Seen
from mlplab.judging.mistakes.network import Network

shown_by(
    mistake(
        "gradient",
        "summed-gradient",
        "the gradient of the sum over the batch, not of the mean: as many times too great as the "
        "batch has examples",
        "Divide by len(labels), once: in the loss, in the error or in the step.",
        "2013-08-23 https://github.com/davharris/mistnet/issues/33",
    ),
    lambda seen: iter([{"gradient_factor": (1.0, 1)}]),
)(Network)


shown_by(
    mistake(
        "gradient",
        "divided-twice",
        "divided by the size of the batch once too often",
        "A mean loss has been divided by len(labels) already: the step must not do so again.",
        "2019-12-18 https://github.com/ShusenTang/Dive-into-DL-PyTorch/issues/75",
    ),
    lambda seen: iter(
        [
            {"gradient_factor": (1.0, -1)},
            # The loss that is returned, too.
            {"loss_factor": (1.0, -1), "gradient_factor": (1.0, -1)},
        ]
    ),
)(Network)


shown_by(
    mistake(
        "gradient",
        "up-the-gradient",
        "the step goes up the gradient, not down: the sign is the opposite",
        "value -= learning_rate * gradient. With y - q for the error the sign is in it already.",
        "2017-06-22 https://github.com/pytorch/pytorch/issues/1871",
    ),
    lambda seen: iter([{"gradient_factor": (-1.0, 0)}, {"gradient_factor": (-1.0, 1)}]),
)(Network)


class OutputDerivativeAgain(Network):
    of: str = "softmax"

    def error(self, last: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        q = last.softmax(1) if self.of == "softmax" else last.sigmoid()
        return super().error(last, labels) * q * (1 - q)


def _again(seen: Seen) -> Iterator[Settings]:
    for of in ("softmax", "sigmoid"):
        for coefficient in (1.0, 2.0, 0.5):
            for power in (0, 1):
                yield {"of": of, "gradient_factor": (coefficient, power)}


shown_by(
    mistake(
        "gradient",
        "output-derivative-again",
        "the output's error is multiplied by q(1 - q) once too often",
        "With softmax and cross-entropy the error of the scores is q - y: the derivative of the "
        "softmax is in it already.",
        "2017-10-01 https://github.com/mnielsen/neural-networks-and-deep-learning/pull/77",
    ),
    _again,
)(OutputDerivativeAgain)


class PredictionAsLabel(Network):
    def error(self, last: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return super().error(last, last.argmax(1))


shown_by(
    mistake(
        "gradient",
        "prediction-as-label",
        "the error is taken against the prediction, not against the label",
        "q - y, where y is the one-hot label.",
        "2023-08-23 https://github.com/iBelieveCJM/pseudo_label-pytorch/issues/6",
    ),
)(PredictionAsLabel)


class LabelsForgotten(Network):
    def error(self, last: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return last.softmax(1) / len(labels)


shown_by(
    mistake(
        "gradient",
        "labels-forgotten",
        "the label is not taken off: the error is q, not q - y",
        "Subtract 1 from each example's probability of its label.",
        "2023-12-01 https://github.com/mantasu/cs231n/issues/10",
    ),
)(LabelsForgotten)
