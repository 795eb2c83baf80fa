"""The selected network on the test set."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from mlplab import activations, implementations
from mlplab.datasets import store
from mlplab.datasets.batches import Batches
from mlplab.training import devices
from mlplab.training.loop import EVALUATION_BATCH, evaluate
from mlplab.training.precision import use_fast_products


def test_runs(
    runs: Sequence[Mapping[str, Any]],
    parameters: Mapping[str, Path],
    implementation: Path,
    activation: Path,
    data: store.Dataset,
    device: str = "auto",
) -> list[dict[str, Any]]:
    """Each of these runs with its accuracy and loss on the test set, from its stored parameters.

    `runs` are rows with at least the path `run`; `parameters` maps a path to its file.
    """
    place = devices.choose(device, implementations.devices(implementation))
    use_fast_products(place)
    build, chosen = implementations.load(implementation), activations.load(activation)
    batches = Batches(data.test.on(place, torch.float32), EVALUATION_BATCH, torch.float32)
    tested = []
    for row in runs:
        # With a learning rate of 0: nothing is trained any more.
        stored = load_file(parameters[row["run"]], device=str(place))
        network = build(stored, chosen, 0.0)
        loss, accuracy = evaluate(network, batches, len(data.test))
        tested.append({**row, "test_accuracy": accuracy, "test_loss": loss})
    return tested
