"""Choose the best combination on validation images, and test it once."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import torch

from mlplab.analysis import agreement, selection
from mlplab.datasets import store
from mlplab.files import PathLike, write_json
from mlplab.study.record import beside
from mlplab.training.testing import test_runs


def select_best(
    table: PathLike,
    agreed: PathLike,
    data: PathLike,
    runs: Mapping[str, PathLike],
    axes: Sequence[str],
    implementations: Mapping[str, PathLike],
    activations: Mapping[str, PathLike],
    device: str,
    isolation: str,
    threads: int,
    target: PathLike,
) -> None:
    """Write to `target` (JSON) what was selected among what, and what the test set says of it.

    `table` is that of all runs, `agreed` says which implementations are right; `runs` maps a run's
    path to its run.json.
    """
    torch.set_num_threads(threads)
    right = agreement.right(pd.read_parquet(agreed))
    winners, ranked = selection.winner(pd.read_parquet(table), axes, right)
    first = winners.iloc[0]
    files = beside(runs.values(), "parameters")
    tested = test_runs(
        selection.rows(winners),
        dict(zip(runs, map(Path, files.parameters), strict=True)),
        Path(implementations[first["implementation"]]),
        Path(activations[first["activation"]]),
        store.load(data),
        device,
        isolation,
    )
    summary = selection.summary(ranked, tested, axes)
    write_json(target, summary)
    print(summary)
