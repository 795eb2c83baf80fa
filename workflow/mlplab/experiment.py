"""One run, from its place in the grid to its record on disk."""

import os
import time
from typing import Any

import pyarrow.parquet
import torch
from safetensors.torch import save_file

from mlplab import activations, implementations, provenance
from mlplab.datasets import store
from mlplab.files import file_digest, replacing, write_json
from mlplab.grid import Run
from mlplab.precision import use_fast_products
from mlplab.predictions import prediction_table
from mlplab.record import write_history
from mlplab.training import Epoch, Settings, Trained, sanity, test_logits, train

Path = str | os.PathLike[str]


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000


def report_epoch(epoch: Epoch) -> None:
    """Print the metrics of an epoch in one line: what a reader watches grow (B10)."""
    print(
        f"epoch {epoch.epoch:3d}: "
        f"training loss {epoch.training_loss:.4f}, accuracy {epoch.training_accuracy:.4f}; "
        f"test loss {epoch.test_loss:.4f}, accuracy {epoch.test_accuracy:.4f}; "
        f"{epoch.seconds:.2f} s",
        flush=True,
    )


def _run_json(
    run: Run, data: store.Dataset, data_path: Path, trained: Trained, started: int
) -> dict[str, Any]:
    precision = torch.get_float32_matmul_precision()
    return {
        "run": run.path,
        "implementation": run.implementation,
        "activation": run.activation,
        "seed": run.seed,
        "dataset": data.name,
        "settings": run.settings,
        "axes": list(run.axes),
        "status": trained.status,
        "sanity": sanity(trained.history[-1]),
        "started": started,
        "ended": _milliseconds(),
        "training_seconds": trained.training_seconds,
        "seconds_per_epoch": trained.seconds_per_epoch,
        "device": "cpu",
        "threads": torch.get_num_threads(),
        "matmul_precision": precision,
        "data_digest": file_digest(data_path),
        "code_digest": provenance.code_digest(run.implementation, run.activation),
        "git": provenance.git_state(),
        "machine": provenance.machine(),
        "versions": provenance.versions(),
    }


def train_run(
    run: Run,
    data_path: Path,
    threads: int,
    history: Path,
    parameters: Path,
    predictions: Path,
    record: Path,
) -> None:
    """Train `run` on the decoded data set at `data_path` and write its record.

    `record` (run.json) is written last: where it is, the run is complete.
    """
    started = _milliseconds()
    torch.set_num_threads(threads)
    precision, error = use_fast_products()
    print(f"{run.path}: {threads} thread(s), float32 products {precision!r} (error {error:.1e})")
    data = store.load(data_path)
    trained = train(
        implementations.load(run.implementation),
        activations.load(run.activation),
        data,
        Settings.from_mapping(run.settings),
        run.seed,
        on_epoch=report_epoch,
    )
    if trained.status == "diverged":
        print(f"diverged in epoch {len(trained.history)}: the loss is not finite")
    logits = test_logits(trained.network, data, torch.float32)
    table = prediction_table(logits.numpy(), data.test.labels.numpy())
    write_history(history, [epoch.as_dict() for epoch in trained.history])
    with replacing(parameters) as temporary:
        tensors = {name: t.contiguous() for name, t in trained.network.parameters().items()}
        save_file(tensors, temporary)
    with replacing(predictions) as temporary:
        pyarrow.parquet.write_table(table, temporary)
    write_json(record, _run_json(run, data, data_path, trained, started))
