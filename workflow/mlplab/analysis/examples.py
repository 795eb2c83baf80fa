"""Networks to look at, and images that say most of them: what each is taken for, and how surely."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlplab.study import grid
from mlplab.study.predictions import Predictions

# Of more activations, those of the highest mean accuracy.
NETWORKS_AT_MOST = 6
# Of all images that are kept, so that a page can carry them: 489 of 28 × 28.
PIXELS_AT_MOST = 384_000
# How many images are kept for each network, pair of networks, and cell of a confusion matrix; of
# images that are right, about which there is less to see, for each class.
AT_MOST = {"wrong": 24, "disagreement": 16, "confusion": 8}
RIGHT_AT_MOST = 4

EXAMPLES = [
    *("kind", "run", "other", "true", "predicted", "rank", "of", "image"),
    *("p", "p_true", "other_predicted", "other_p", "tile"),
]


def chosen(
    runs: pd.DataFrame, groups: pd.DataFrame, standing: str, most: int = NETWORKS_AT_MOST
) -> list[str]:
    """The runs to look at, in the order of the grid: one of each activation.

    It is the first seed that finished, of the implementation `standing` for all that agree, at the
    point of the grid where the activation has its highest mean in the table of groups.
    """
    table = runs[(runs["implementation"] == standing) & (runs["status"] == "finished")]
    means = groups.set_index("group")["mean"].astype(float)
    ranked = table.assign(mean=means.reindex(table["run"].map(grid.group_of)).to_numpy())
    ranked = ranked.sort_values("mean", ascending=False, kind="stable")
    best = set(ranked.drop_duplicates("activation").head(most)["run"])
    return [run for run in table["run"] if run in best]


@dataclass(frozen=True)
class Looked:
    """What a run says of the images that it is scored on, and the number of the first of them.

    Images have their numbers, from 0, in the set that they are of: those held out for validation
    are the last ones of the training set.
    """

    run: str
    predictions: Predictions
    first: int = 0

    @property
    def surely(self) -> NDArray[np.float64]:
        """The probability of the predicted class of each image, n."""
        return self.predictions.probabilities.max(axis=1)


@dataclass
class _List:
    """Images in their order, as numbers: those of a cell, that are wrong, or told differently."""

    kind: str
    one: Looked
    images: NDArray[np.int64]
    most: int
    other: Looked | None = None
    kept: int = 0


def examples_table(
    looked: Sequence[Looked], class_names: Sequence[str], pixels: int
) -> tuple[pd.DataFrame, list[int]]:
    """A row for each image of a list, the most surely told first; the images by their `tile`.

    `kind` says what list: `confusion`, the images of class `true` that a run takes for `predicted`;
    `wrong`, all that it gets wrong; `disagreement`, all for which it and an `other` run say another
    class, ordered by the less sure of the two. `rank` counts from 1 `of` so many there are; `p` and
    `p_true` are the run's probabilities of the predicted and of the true class, `other_p` that of
    what the other one predicts. An image has so many `pixels`: of many, not all can be kept.
    """
    wrong = [_wrong(one) for one in looked]
    pairs = [_disagreement(*pair) for pair in itertools.combinations(looked, 2)]
    cells = [cell for one in looked for cell in _cells(one)]
    tiles: dict[int, int] = {}
    room = max(PIXELS_AT_MOST // pixels, 1)
    for lists in (wrong + pairs, cells):
        _keep(lists, tiles, room)
    rows = [row for each in (*cells, *wrong, *pairs) for row in _rows(each, class_names, tiles)]
    return pd.DataFrame(rows, columns=EXAMPLES), list(tiles)


def _keep(lists: Sequence[_List], tiles: dict[int, int], room: int) -> None:
    """Give the images at the head of each list a tile, first ones first, while there is room."""
    waiting = list(lists)
    for rank in range(max((each.most for each in lists), default=0)):
        still = []
        for each in waiting:
            if rank >= min(each.most, len(each.images)):
                continue
            image = int(each.images[rank])
            if image in tiles or len(tiles) < room:
                tiles.setdefault(image, len(tiles))
                each.kept = rank + 1
                still.append(each)
        waiting = still


def _wrong(one: Looked) -> _List:
    told = one.predictions
    wrong = np.flatnonzero(told.classes != told.labels)
    order = wrong[np.argsort(-one.surely[wrong], kind="stable")]
    return _List("wrong", one, order + one.first, AT_MOST["wrong"])


def _disagreement(one: Looked, other: Looked) -> _List:
    common, a, b = np.intersect1d(
        one.first + np.arange(len(one.predictions.labels)),
        other.first + np.arange(len(other.predictions.labels)),
        return_indices=True,
    )
    differ = one.predictions.classes[a] != other.predictions.classes[b]
    surely = np.minimum(one.surely[a], other.surely[b])[differ]
    order = common[differ][np.argsort(-surely, kind="stable")]
    return _List("disagreement", one, order, AT_MOST["disagreement"], other)


def _cells(one: Looked) -> Iterator[_List]:
    told = one.predictions
    classes = told.logits.shape[1]
    cells = told.labels.astype(np.int64) * classes + told.classes
    order = np.lexsort((-one.surely, cells))
    found, starts = np.unique(cells[order], return_index=True)
    for cell, images in zip(found.tolist(), np.split(order, starts[1:]), strict=True):
        right = cell // classes == cell % classes
        most = RIGHT_AT_MOST if right else AT_MOST["confusion"]
        yield _List("confusion", one, images + one.first, most)


def _rows(each: _List, names: Sequence[str], tiles: Mapping[int, int]) -> Iterator[dict[str, Any]]:
    for rank, image in enumerate(each.images[: each.kept].tolist(), start=1):
        row = dict.fromkeys(EXAMPLES)
        row |= {"kind": each.kind, "run": each.one.run, "rank": rank, "of": len(each.images)}
        row |= _told(each.one, image, names) | {"image": image, "tile": tiles[image]}
        if each.other:
            said = _told(each.other, image, names)
            row |= {"other": each.other.run, "other_predicted": said["predicted"]}
            row |= {"other_p": said["p"]}
        yield row


def _told(one: Looked, image: int, names: Sequence[str]) -> dict[str, Any]:
    place = image - one.first
    true, predicted = int(one.predictions.labels[place]), int(one.predictions.classes[place])
    probabilities = one.predictions.probabilities[place]
    return {
        "true": names[true],
        "predicted": names[predicted],
        "p": float(probabilities[predicted]),
        "p_true": float(probabilities[true]),
    }
