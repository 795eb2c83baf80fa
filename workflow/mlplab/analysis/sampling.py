"""What the images of the scored split say: of pairs of runs, and of each accuracy."""

import itertools
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet
from numpy.typing import NDArray

from mlplab.analysis import statistics
from mlplab.analysis.pairs import columns_of, pairs_of
from mlplab.commands import again
from mlplab.errors import UserError


def sampling_table(
    runs: pd.DataFrame,
    predictions: Mapping[str, str | os.PathLike[str]],
    axes: Sequence[str],
    metric: str = "test_accuracy",
) -> pd.DataFrame:
    """A row per pair of groups and seed: McNemar's exact test over the images of the test set.

    `predictions` has the prediction_table in parquet of each run that counts. Pairs and seeds are
    those of comparisons_table; p-values are not corrected. Each file is read once, and the correct
    predictions of one seed at one point of the axes are in memory at a time. UserError where
    labels differ.
    """
    pairs = list(pairs_of(runs, axes, metric))
    blocks: dict[tuple[Any, ...], list[tuple[str, str]]] = {}
    for pair in pairs:
        for seed in pair.seeds:
            couple = pair.first_runs[seed].run, pair.second_runs[seed].run
            blocks.setdefault((seed, *pair.point.values()), []).append(couple)
    found: dict[tuple[str, str], statistics.McNemar] = {}
    for couples in blocks.values():
        correct = _correct(dict.fromkeys(itertools.chain(*couples)), predictions)
        found |= {
            (first, second): statistics.mcnemar_test(correct[first], correct[second])
            for first, second in couples
        }
    rows = []
    for pair in pairs:
        for seed in pair.seeds:
            tested = found[pair.first_runs[seed].run, pair.second_runs[seed].run]
            counts = {"only_first": tested.only_first, "only_second": tested.only_second}
            rows.append({**pair.identity, "seed": seed, **counts, "p_mcnemar": tested.p})
    columns = columns_of(axes, "seed", "only_first", "only_second", "p_mcnemar")
    return pd.DataFrame(rows, columns=columns)


def mcnemar_table(sampling: pd.DataFrame, axes: Sequence[str]) -> pd.DataFrame:
    """A row per pair of groups, and one of each kind for all its pairs, from a sampling_table.

    On how many of its `seeds` McNemar's test tells the pair apart at the level `alpha`, and the
    medians over seeds of the images that only one of the two gets right. What names a pair is empty
    in the rows of all pairs.
    """
    keys = columns_of(axes)
    rows = []
    for kind, of_kind in sampling.groupby("kind", sort=False):
        rows.append({**dict.fromkeys(keys, ""), "kind": kind, **_told_by_images(of_kind)})
        rows += [
            {**dict(zip(keys, pair, strict=True)), **_told_by_images(seeds)}
            for pair, seeds in of_kind.groupby(keys, sort=False)
        ]
    columns = [*keys, "seeds", "told_apart", "only_first_median", "only_second_median", "alpha"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(axes, str))


def _told_by_images(tests: pd.DataFrame) -> dict[str, Any]:
    return {
        "seeds": len(tests),
        "told_apart": int((tests["p_mcnemar"] < statistics.ALPHA).sum()),
        "only_first_median": float(tests["only_first"].median()),
        "only_second_median": float(tests["only_second"].median()),
        "alpha": statistics.ALPHA,
    }


def _correct(
    paths: Iterable[str], predictions: Mapping[str, str | os.PathLike[str]]
) -> dict[str, NDArray[np.bool_]]:
    """Run → a boolean per image of the test set, whether the run gets it right."""
    correct: dict[str, NDArray[np.bool_]] = {}
    labels: NDArray[np.integer] | None = None
    for path in paths:
        # For files this small, read_table takes twice the time.
        with pyarrow.parquet.ParquetFile(predictions[path]) as file:
            table = file.read(columns=["label", "prediction"], use_threads=False)
        own = table["label"].to_numpy()
        labels = own if labels is None else labels
        if not np.array_equal(own, labels):
            raise UserError(
                f"{predictions[path]}: not the test images of the other runs of this study; train "
                f"its runs again: {again('train')}"
            )
        correct[path] = own == table["prediction"].to_numpy()
    return correct


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
