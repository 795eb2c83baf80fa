"""The best combination of a grid: chosen on validation images, tested once on the test set."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors.torch import load_file

from mlplab import activations, devices, implementations
from mlplab.datasets import store
from mlplab.errors import UserError
from mlplab.passes import Batches
from mlplab.precision import use_fast_products
from mlplab.tables import CELL, interval_half_width
from mlplab.training import EVALUATION_BATCH, evaluate

CRITERION = "validation_accuracy"


def winner(runs: pd.DataFrame, axes: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The runs of the cell with the highest mean validation accuracy, and all cells in order.

    A cell with a run that diverged or failed cannot win. Raises UserError where none is left.
    """
    keys = [*CELL, *axes]
    sound = runs.groupby(keys)["status"].transform(lambda status: (status == "finished").all())
    if not sound.any():
        raise UserError(
            "selection: no combination of the grid has finished runs only, so there is no best "
            "one; see the findings of the report, and mend the grid"
        )
    ranked = (
        runs[sound]
        .groupby(keys, sort=False)[CRITERION]
        .agg(["mean", "count"])
        .sort_values("mean", ascending=False, kind="stable")
        .reset_index()
    )
    best = ranked.loc[0, keys]
    return runs[(runs[keys] == best).all(axis=1)], ranked


def test_runs(
    runs: pd.DataFrame,
    parameters: Mapping[str, Path],
    implementation: Path,
    activation: Path,
    data: store.Dataset,
    learning_rate: float,
    device: str = "auto",
) -> list[dict[str, Any]]:
    """Accuracy and loss on the test set of each of these runs, from its stored parameters."""
    place = devices.choose(device, implementations.devices(implementation))
    use_fast_products(place)
    build, chosen = implementations.load(implementation), activations.load(activation)
    batches = Batches(data.test.on(place, torch.float32), EVALUATION_BATCH, torch.float32)
    tested = []
    for row in runs.to_dict("records"):
        stored = load_file(parameters[row["run"]], device=str(place))
        network = build(stored, chosen, learning_rate)
        loss, accuracy = evaluate(network, batches, len(data.test))
        tested.append(
            {
                "run": row["run"],
                "seed": int(row["seed"]),
                CRITERION: row[CRITERION],
                "test_accuracy": accuracy,
                "test_loss": loss,
            }
        )
    return tested


def summary(
    ranked: pd.DataFrame, tested: Sequence[Mapping[str, Any]], axes: Sequence[str]
) -> dict[str, Any]:
    """What was selected among what, and what the test set says of it."""
    accuracies = pd.Series([row["test_accuracy"] for row in tested])
    half = interval_half_width(accuracies)
    best = ranked.iloc[0]
    return {
        "criterion": CRITERION,
        "combinations": len(ranked),
        **{key: best[key] for key in CELL},
        "point": {axis: str(best[axis]) for axis in axes},
        "validation_accuracy_mean": float(best["mean"]),
        "runner_up_mean": float(ranked.iloc[1]["mean"]) if len(ranked) > 1 else None,
        "test_accuracy_mean": float(accuracies.mean()),
        "test_accuracy_half_width": None if pd.isna(half) else half,
        "runs": list(tested),
    }
