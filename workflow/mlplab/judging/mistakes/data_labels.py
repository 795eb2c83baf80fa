"""Mistakes of the data: other labels than the batch has, other examples than it consists of."""

from collections.abc import Iterator

import torch

from mlplab.judging.mistakes.catalogue import Settings, mistake, shown_by
from mlplab.judging.mistakes.evidence import Seen
from mlplab.judging.mistakes.network import Network


class OtherLabels(Network):
    how: str = ""

    def batch(
        self, images: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        classes = self.start[f"b{self.depth}"].numel()
        changed = {
            "one more than they should be": (labels + 1) % classes,
            "one less than they should be": (labels - 1) % classes,
            "one less than they should be, 0 at least": (labels - 1).clamp(min=0),
            "one more than they should be, the last at most": (labels + 1).clamp(max=classes - 1),
            "counted from the other end": classes - 1 - labels,
        }
        return images, changed[self.how]


def _other_labels(seen: Seen) -> Iterator[Settings]:
    for how in (
        "one more than they should be",
        "one less than they should be",
        "one less than they should be, 0 at least",
        "one more than they should be, the last at most",
        "counted from the other end",
    ):
        yield {"how": how}


shown_by(
    mistake(
        "data",
        "labels-shifted",
        "the labels are {how}",
        "Labels count the classes from 0, and are used as they come.",
        "2021-08-23 https://github.com/mlverse/torch/pull/681",
        example={"how": "one more than they should be"},
    ),
    _other_labels,
)(OtherLabels)


class LabelsOfOthers(Network):
    how: str = "flipped"

    def batch(
        self, images: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if self.how == "flipped":
            return images, labels.flip(0)
        if self.how == "sorted":
            return images, labels.sort().values
        return images, labels.roll(1 if self.how == "one later" else -1)


shown_by(
    mistake(
        "data",
        "labels-of-others",
        "images and labels do not belong together: one of them is in another order",
        "Whatever reorders the images must reorder the labels in the same way.",
        "2024-05-20 https://github.com/mlcommons/GaNDLF/pull/870",
    ),
    lambda seen: iter([{"how": how} for how in ("flipped", "sorted", "one later", "one earlier")]),
)(LabelsOfOthers)


class FirstBatchOnly(Network):
    first: tuple[torch.Tensor, torch.Tensor] | None = None

    def batch(
        self, images: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        self.first = self.first or (images, labels)
        return self.first


shown_by(
    mistake(
        "data",
        "first-batch-only",
        "every step learns from the first batch",
        "Use the batch that train_step() is given: do not keep one, and make an iterator once.",
        "2019-04-04 https://github.com/ZhaoJ9014/face.evoLVe/pull/39",
    ),
)(FirstBatchOnly)


class PartOfTheBatch(Network):
    part: str = "half"
    # Loss and predictions of the whole batch are returned, or of that part.
    whole_returned: bool = False

    def batch(
        self, images: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        count = len(labels)
        kept = {
            "all but the last example": slice(0, max(1, count - 1)),
            "all but the first example": slice(min(1, count - 1), count),
            "half of the examples": slice(0, max(1, count // 2)),
            "the first example": slice(0, 1),
            "the last example": slice(count - 1, count),
        }[self.part]
        return images[kept], labels[kept]

    def train_step(
        self, images: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        self.phase = "training"
        whole = self.returned(self.scores(images), labels)
        part = super().train_step(images, labels)
        return whole if self.whole_returned else part


def _parts(seen: Seen) -> Iterator[Settings]:
    for part in (
        "all but the last example",
        "all but the first example",
        "half of the examples",
        "the first example",
        "the last example",
    ):
        for whole in (False, True):
            yield {"part": part, "whole_returned": whole}


# Recognised by weights of the examples that are solved for (diagnosis).
mistake(
    "data",
    "examples-count-differently",
    "the examples of the batch do not count alike in the gradient: {shares}",
    "The mean over the batch: every example counts once, divided by len(labels).",
    "2020-11-24 https://github.com/chrischoy/SpatioTemporalSegmentation/issues/46",
    example={"shares": "0.8 to 1.4 times 1/32"},
)

shown_by(
    mistake(
        "data",
        "part-of-the-batch",
        "a part of the batch alone is learned from: {part}",
        "All examples of the batch count, the last one too.",
        "2025-04-20 https://github.com/WeisongZhao/SN2N/issues/9",
        example={"part": "half of the examples"},
    ),
    _parts,
)(PartOfTheBatch)
