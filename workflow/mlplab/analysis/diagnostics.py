"""What happens inside the networks (A8): gradient norms, dead and saturated units, over runs."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

NETWORK = ["activation", "hidden_layers"]
DIAGNOSTICS = [
    *(*NETWORK, "runs", "epoch", "end", "layer", "gradient_norm"),
    *("update_ratio", "dead", "saturated", "dead_throughout"),
]
NETWORKS = [
    *(*NETWORK, "runs", "gradient_ratio_before", "gradient_ratio_after"),
    *("dead_at_end", "saturated_at_end"),
]

# Quantity and what it is of (W1, H1 …) → the values of one run, epoch by epoch from epoch 0.
Series = Mapping[tuple[str, str], Sequence[float]]


def geometric_mean(values: ArrayLike) -> float:
    """The geometric mean of numbers that are not below 0; 0 where one of them is, NaN for none."""
    sample = np.asarray(values, dtype=np.float64)
    if not sample.size:
        return math.nan
    return float(np.exp(np.log(sample).mean())) if sample.all() else 0.0


def _mean(values: ArrayLike) -> float:
    """The mean of those that are finite; NaN where none is."""
    sample = np.asarray(values, dtype=np.float64)
    finite = sample[np.isfinite(sample)]
    return float(finite.mean()) if finite.size else math.nan


def _series(rows: Sequence[Mapping[str, Any]]) -> Series:
    found: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        found.setdefault((row["quantity"], row["of"]), []).append(row["value"])
    return found


def diagnostics_table(
    runs: Iterable[tuple[str, float, Sequence[Mapping[str, Any]]]],
) -> pd.DataFrame:
    """A row per activation, depth, epoch and layer: means over runs; epoch 0 is before training.

    `runs` gives each run's activation, learning rate and diagnostics, of which a failed run has
    none. `gradient_norm` is the geometric mean of the norm of the gradient of the layer's weights,
    over the runs all of whose norms are finite. `update_ratio` is that of the ratio of update to
    weight: the learning rate times this norm, over the norm of the weights, NaN where these are 0
    (A. Karpathy, CS231n, Neural Networks Part 3: about 1e-3 is usual). `dead` and `saturated` are
    means of shares, NaN for the output layer; these are of the batch that is looked at after every
    epoch, `dead_throughout` of all training images, at the end. There is a row for each epoch that
    all runs of a network reached; those with `end` are of every run's own last epoch.
    """
    networks: dict[tuple[str, int], list[Series]] = {}
    for activation, rate, measured in runs:
        if measured:
            series = _with_updates(_series(measured), rate)
            layers = sum(quantity == "gradient_norm" and of[0] == "W" for quantity, of in series)
            networks.setdefault((activation, layers - 1), []).append(series)
    rows = []
    for (activation, hidden_layers), members in networks.items():
        lengths = [len(series["gradient_norm", "W1"]) for series in members]
        moments = [(epoch, epoch, False) for epoch in range(min(lengths))]
        for index, epoch, end in [*moments, (-1, max(lengths) - 1, True)]:
            identity = (activation, hidden_layers, len(members), epoch, end)
            rows += [(*identity, *row) for row in _layers(members, hidden_layers, index)]
    return pd.DataFrame(rows, columns=DIAGNOSTICS)


def _with_updates(series: Series, rate: float) -> Series:
    """The same with the ratio of update to weight of each layer."""
    ratios: dict[tuple[str, str], Sequence[float]] = {
        ("update_ratio", of): [
            rate * gradient / weight if weight else math.nan
            for gradient, weight in zip(gradients, series["weight_norm", of], strict=True)
        ]
        for (quantity, of), gradients in series.items()
        if quantity == "gradient_norm" and of[0] == "W"
    }
    return {**series, **ratios}


def _layers(
    runs: Sequence[Series], hidden_layers: int, index: int
) -> list[tuple[int, float, float, float, float, float]]:
    """Number, norm, ratio and shares of units of each layer, at one place of the series."""
    layers = range(1, hidden_layers + 2)
    norms, ratios = (
        _finite([[series[quantity, f"W{n}"][index] for n in layers] for series in runs])
        for quantity in ("gradient_norm", "update_ratio")
    )
    shares = {
        (quantity, layer): _mean([series[quantity, f"H{layer}"][index] for series in runs])
        for quantity, layer in itertools.product(("dead", "saturated"), layers[:-1])
    }
    if index == -1:
        for layer in layers[:-1]:
            key = "dead_throughout", f"H{layer}"
            shares[key[0], layer] = _mean([series[key][-1] for series in runs if key in series])
    return [
        (
            layer,
            geometric_mean(norms[:, layer - 1]),
            geometric_mean(ratios[:, layer - 1]),
            shares.get(("dead", layer), math.nan),
            shares.get(("saturated", layer), math.nan),
            shares.get(("dead_throughout", layer), math.nan),
        )
        for layer in layers
    ]


def _finite(rows: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """Those rows, of runs × layers, that are finite throughout."""
    values = np.array(rows, dtype=np.float64)
    finite: NDArray[np.float64] = values[np.isfinite(values).all(axis=1)]
    return finite


def silent_units(rows: Sequence[Mapping[str, Any]], layer: int) -> list[int]:
    """The units of a hidden layer, from 0, that no training image moves at the end of a run."""
    named = (row["of"].split("/") for row in rows if row["quantity"] == "dead_unit")
    return [int(unit) for of, unit in named if of == f"H{layer}"]


HISTOGRAMS = ["run", "layer", "epoch", "bin", "low", "high", "count", "values"]


def histograms_table(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> pd.DataFrame:
    """A row per run, hidden layer, moment and bin: how many of all `values` lie in [low, high].

    `runs` maps a run to its diagnostics. Bins are equal, from the least to the greatest value of
    the layer on the batch that is looked at, before training (epoch 0) and at the end.
    """
    found = []
    for run, rows in runs.items():
        of = {(row["epoch"], row["quantity"], row["of"]): row["value"] for row in rows}
        moments = [(e, layer) for e, quantity, layer in of if quantity == "value_low"]
        for epoch, layer in moments:
            counts = [
                value
                for (e, quantity, name), value in of.items()
                if e == epoch and quantity == "value_count" and name.startswith(f"{layer}/")
            ]
            low, high = (of[epoch, f"value_{end}", layer] for end in ("low", "high"))
            edges = np.linspace(low, high, len(counts) + 1).tolist()
            values = int(sum(counts))
            found += [
                (run, int(layer[1:]), epoch, number, *edges[number : number + 2], int(n), values)
                for number, n in enumerate(counts)
            ]
    return pd.DataFrame(found, columns=HISTOGRAMS)


def networks_table(diagnostics: pd.DataFrame) -> pd.DataFrame:
    """A row per activation and depth, from the table of diagnostics.

    `gradient_ratio`: the first layer's norm as a multiple of the last layer's, before and after
    training; NaN with one layer and where the last norm is 0. Shares are means over hidden layers;
    `dead_at_end` is of all training images, `saturated_at_end` of the batch that is looked at.
    """
    rows = []
    for identity, table in diagnostics.groupby([*NETWORK, "runs"], sort=False):
        before = table[(table["epoch"] == 0) & ~table["end"]]
        after = table[table["end"]]
        rows.append(
            (
                *identity,
                *(_ratio(moment["gradient_norm"].tolist()) for moment in (before, after)),
                *(_mean(after[quantity]) for quantity in ("dead_throughout", "saturated")),
            )
        )
    return pd.DataFrame(rows, columns=NETWORKS)


def _ratio(norms: Sequence[float]) -> float:
    return norms[0] / norms[-1] if len(norms) > 1 and norms[-1] else math.nan
