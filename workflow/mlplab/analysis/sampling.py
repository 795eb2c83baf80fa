"""What the images of the scored split say: of pairs of runs, and of each accuracy."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from mlplab.analysis import statistics
from mlplab.analysis.images import Correct
from mlplab.analysis.pairs import Pair, columns_of


def sampling_table(pairs: Sequence[Pair], correct: Correct, axes: Sequence[str]) -> pd.DataFrame:
    """A row per pair of groups and seed: McNemar's exact test over the images of the test set.

    Of two trained networks: another seed's may differ the other way. p-values are not corrected.
    """
    rows = []
    for pair in pairs:
        for seed, (first, second) in zip(pair.seeds, pair.couples, strict=True):
            tested = statistics.mcnemar_test(*correct.discordant(first, second))
            counts = {"only_first": tested.only_first, "only_second": tested.only_second}
            rows.append({**pair.identity, "seed": seed, **counts, "p_mcnemar": tested.p})
    columns = columns_of(axes, "seed", "only_first", "only_second", "p_mcnemar")
    return pd.DataFrame(rows, columns=columns)


MCNEMAR = [
    *("seeds", "first_better", "second_better", "not_told_apart"),
    *("only_first_median", "only_second_median", "alpha"),
]


def mcnemar_table(sampling: pd.DataFrame, axes: Sequence[str]) -> pd.DataFrame:
    """A row per pair of groups, and one of each kind for all its pairs, from a sampling_table.

    On how many of its `seeds` McNemar's test, at the level `alpha`, finds the first network better
    on these images, on how many the second, and on how many neither; the medians over seeds of the
    images that only one of the two gets right. A row of all pairs has what names a pair empty, and
    no medians: which is first differs from pair to pair.
    """
    keys = columns_of(axes)
    rows = []
    for kind, of_kind in sampling.groupby("kind", sort=False):
        every = {**dict.fromkeys(keys, ""), "kind": kind, **_told_by_images(of_kind)}
        rows.append(every | {"only_first_median": math.nan, "only_second_median": math.nan})
        rows += [
            {**dict(zip(keys, pair, strict=True)), **_told_by_images(seeds)}
            for pair, seeds in of_kind.groupby(keys, sort=False)
        ]
    return pd.DataFrame(rows, columns=[*keys, *MCNEMAR])


def _told_by_images(tests: pd.DataFrame) -> dict[str, Any]:
    told = tests["p_mcnemar"] < statistics.ALPHA
    first = tests["only_first"] > tests["only_second"]
    return {
        "seeds": len(tests),
        "first_better": int((told & first).sum()),
        "second_better": int((told & ~first).sum()),
        "not_told_apart": int((~told).sum()),
        "only_first_median": float(tests["only_first"].median()),
        "only_second_median": float(tests["only_second"].median()),
        "alpha": statistics.ALPHA,
    }


def wilson_table(
    runs: pd.DataFrame,
    images: int | Sequence[int],
    axes: Sequence[str],
    metric: str = "test_accuracy",
) -> pd.DataFrame:
    """A row per run: its accuracy with the 95 % Wilson interval for the `images` it was scored on.

    `images` is one number for all runs, or one for each. NaN where there is no accuracy; ValueError
    where it is no share of so many images.
    """
    columns = ["run", "implementation", "activation", "seed", *axes, metric]
    table = runs.reindex(columns=columns).reset_index(drop=True)
    counts = [images] * len(table) if isinstance(images, int) else images
    intervals = [
        asdict(_wilson(accuracy, count))
        for accuracy, count in zip(table[metric], counts, strict=True)
    ]
    bounds = pd.DataFrame(intervals, columns=["low", "high"], dtype=float)
    bounds["width"] = bounds["high"] - bounds["low"]
    return table.join(bounds.add_prefix("wilson_"))


def _wilson(accuracy: float, images: int) -> statistics.Interval:
    if math.isnan(accuracy):
        return statistics.Interval(math.nan, math.nan)
    correct = round(accuracy * images)
    if not math.isclose(correct, accuracy * images, abs_tol=1e-6):
        raise ValueError(f"an accuracy of {accuracy} is no share of {images} images")
    return statistics.wilson_interval(correct, images)
