"""Run one implementation beside the reference, step by step."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from mlplab.datasets import store
from mlplab.files import PathLike, write_json
from mlplab.judging.compare import study_rows
from mlplab.training.precision import use_fast_products


def compare_implementation(
    implementation: PathLike,
    reference: PathLike,
    activations: Sequence[PathLike],
    data: PathLike,
    settings: Mapping[str, Any],
    threads: int,
    isolation: str,
    parity: PathLike,
) -> None:
    """Write to `parity` (JSON) what was compared: a row for each quantity, network and step."""
    torch.set_num_threads(threads)
    use_fast_products()
    loaded = store.load(data)
    rows = list(
        study_rows(
            Path(implementation),
            Path(reference),
            [Path(file) for file in activations],
            loaded.training,
            loaded.classes,
            settings,
            isolation,
        )
    )
    write_json(parity, rows)
    for verdict, count in Counter(row["verdict"] for row in rows).items():
        print(f"{count} quantities: {verdict}")
