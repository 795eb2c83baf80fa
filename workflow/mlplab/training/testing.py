"""The selected network on the test set."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from mlplab import implementations
from mlplab.datasets import store
from mlplab.datasets.batches import Batches
from mlplab.isolation.run import isolated, strangers
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
    isolation: str = "auto",
) -> list[dict[str, Any]]:
    """Each of these runs with its accuracy and loss on the test set, from its stored parameters.

    `runs` are rows with at least the path `run`; `parameters` maps a path to its file.
    """
    apart = strangers([implementation, activation], isolation)
    place = devices.choose(device, ("cpu",) if apart else implementations.devices(implementation))
    use_fast_products(place)
    batches = Batches(data.test.on(place, torch.float32), EVALUATION_BATCH, torch.float32)
    tested = []
    with isolated(implementation, activation, isolation=isolation) as run:
        build, chosen = run.implementation(implementation, watch=False), run.activation(activation)
        for row in runs:
            # With a learning rate of 0: nothing is trained any more.
            stored = load_file(parameters[row["run"]], device=str(place))
            network = build(stored, chosen, 0.0)
            loss, accuracy = evaluate(network, batches, len(data.test))
            tested.append({**row, "test_accuracy": accuracy, "test_loss": loss})
            run.renew()
    return tested
