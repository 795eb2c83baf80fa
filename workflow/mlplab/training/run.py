"""One run, from its place in the grid to its record on disk."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from mlplab import implementations, initializers
from mlplab.datasets import store
from mlplab.files import file_digest, replacing, value_digest
from mlplab.isolation.process import Limits
from mlplab.isolation.run import Isolated, isolated, strangers
from mlplab.plugins import PlugInError
from mlplab.study import provenance
from mlplab.study.code import training_digest
from mlplab.study.documents import write_document
from mlplab.study.grid import Run
from mlplab.study.record import CHECKPOINT, write_rows
from mlplab.study.settings import Settings
from mlplab.training import checkpoints, devices
from mlplab.training.checkpoints import Interrupted, Saved
from mlplab.training.loop import Epoch, Trained, train
from mlplab.training.precision import use_fast_products
from mlplab.training.predictions import write_predictions
from mlplab.training.sanity import sanity

# Gets every epoch of a run, as the row of history.csv that it will be, as soon as it is measured.
# Where a run goes on from a checkpoint, the epochs before it come first, at once.
Observer = Callable[[Mapping[str, Any]], None]

# Looked up when this is imported: once for all jobs that are forks of one process.
VERSIONS = provenance.versions()
# Of all runs' code the same: what was read for this digest is not read again for each run's.
training_digest()
# Of a run's implementation and activation, where they are strangers'; of processors no limit.
EACH_EPOCH = Limits(seconds=600.0, call_seconds=30.0, cpu_seconds=1 << 30)


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000


def report_epoch(epoch: Epoch) -> None:
    """Print the metrics of an epoch in one line: what a reader watches grow (B10)."""
    splits = [
        f"{split} loss {loss:.4f}, accuracy {accuracy:.4f}"
        for split, loss, accuracy in (
            ("training", epoch.training_loss, epoch.training_accuracy),
            ("validation", epoch.validation_loss, epoch.validation_accuracy),
            ("test", epoch.test_loss, epoch.test_accuracy),
        )
        if loss is not None
    ]
    print(f"epoch {epoch.epoch:3d}: {'; '.join(splits)}; {epoch.seconds:.2f} s", flush=True)


@dataclass(frozen=True)
class Job:
    """A run of the grid with the files that it is trained with.

    `scored_on` names the split that its predictions and scores are of: "test", or "validation"
    where a selection among runs must not see the test split. `device` is `auto`, `cpu` or `cuda`.
    A checkpoint is written after every `checkpoint_epochs` epochs; 0 for none. `isolation` is
    `auto`, `require` or `off`: what is not the library's own is run in a process of its own.
    """

    run: Run
    implementation: Path
    activation: Path
    data: Path
    threads: int
    scored_on: str
    device: str = "auto"
    checkpoint_epochs: int = 0
    isolation: str = "auto"

    def place(self) -> torch.device:
        """Where the run computes; raises UserError where there is no such device."""
        apart = strangers([self.implementation, self.activation], self.isolation)
        usable = ("cpu",) if apart else implementations.devices(self.implementation)
        return devices.choose(self.device, usable)

    def determinants(self, data_digest: str) -> dict[str, Any]:
        """What the run's numbers depend on: where all of it is the same, they are, bit for bit.

        The same of an interrupted run and of the attempt that goes on with it (a node with another
        processor, which may round otherwise, is allowed).
        """
        return {
            "run": self.run.path,
            "implementation": self.run.implementation,
            "activation": self.run.activation,
            "seed": self.run.seed,
            "settings": self.run.settings,
            "scored_on": self.scored_on,
            "device": devices.name(self.place()),
            "threads": torch.get_num_threads(),
            "matmul_precision": torch.get_float32_matmul_precision(),
            "data_digest": data_digest,
            "code_digest": training_digest(
                self.implementation,
                self.activation,
                initializers.source(self.run.settings.get("bias_init", Settings.bias_init)),
            ),
            "versions": VERSIONS,
        }


def _circumstances(job: Job, data: store.Dataset, saved: Saved) -> dict[str, Any]:
    """What else run.json says of a run, whatever became of it."""
    return {
        "dataset": data.name,
        "axes": list(job.run.axes),
        "started": saved.started,
        "ended": _milliseconds(),
        "resumed_after": saved.resumed_after,
        "peak_memory": provenance.peak_memory(),
        "git": provenance.git_state(),
        "machine": provenance.machine(),
    }


def _outcome(trained: Trained) -> dict[str, Any]:
    return {
        "status": trained.status,
        "error": None,
        "sanity": sanity(trained.history[-1]),
        "parameter_count": sum(p.numel() for p in trained.network.parameters().values()),
        "training_seconds": trained.training_seconds,
        "seconds_per_epoch": trained.seconds_per_epoch,
        "cpu_seconds_per_epoch": trained.cpu_seconds_per_epoch,
        "evaluation_seconds": trained.evaluation_seconds,
        "diagnostics_seconds": trained.diagnostics_seconds,
    }


def _failure(error: PlugInError) -> dict[str, Any]:
    return {
        "status": "failed",
        "error": str(error),
        "sanity": {},
        "parameter_count": None,
        "training_seconds": None,
        "seconds_per_epoch": None,
        "cpu_seconds_per_epoch": None,
        "evaluation_seconds": None,
        "diagnostics_seconds": None,
    }


def _train(
    job: Job,
    data: store.Dataset,
    device: torch.device,
    saved: Saved,
    checkpoint: Path,
    observers: Sequence[Observer],
    place: Isolated,
) -> tuple[dict[str, Any], Trained, dict[str, torch.Tensor], torch.Tensor, torch.Tensor]:
    """The outcome of a run, the run, its parameters, logits and labels on the scored split."""
    settings = Settings.from_mapping(job.run.settings)
    every = job.checkpoint_epochs

    def observe(epoch: Epoch) -> None:
        for observer in observers:
            observer(epoch.as_dict())

    def after_epoch(trained: Trained) -> None:
        report_epoch(trained.history[-1])
        observe(trained.history[-1])
        place.renew()
        number = len(trained.history)
        if trained.status == "diverged":
            print(f"diverged in epoch {number}: the loss is not finite")
        elif every and (number % every == 0 or number == settings.epochs or must_stop()):
            checkpoints.write(checkpoint, saved, trained.checkpoint())
            if must_stop() and number < settings.epochs:
                raise Interrupted(
                    f"stopped by SIGTERM after epoch {number} of {settings.epochs}; the next "
                    f"attempt, by the same command, goes on from there ({checkpoint})"
                )

    for epoch in saved.checkpoint.history if saved.checkpoint else ():
        observe(epoch)
    with checkpoints.stop_requested() if every else nullcontext(lambda: False) as must_stop:
        trained = train(
            place.implementation(job.implementation, watch=False),
            place.activation(job.activation),
            data,
            settings,
            job.run.seed,
            on_epoch=after_epoch,
            read_test=job.scored_on == "test",
            device=device,
            earlier=saved.checkpoint,
        )
    labels = store.scored_split(data, job.scored_on, settings.validation_size).labels
    parameters = trained.checkpoint().parameters
    return _outcome(trained), trained, parameters, trained.logits[job.scored_on], labels


def train_run(
    job: Job,
    history: Path,
    diagnostics: Path,
    parameters: Path,
    predictions: Path,
    record: Path,
    observers: Sequence[Observer] = (),
) -> None:
    """Train a run and write its record; `observers` get its epochs meanwhile.

    A broken implementation or activation is a finding: the record then has the status "failed", the
    error, and no history. `record` (run.json) is written last: where it is, the run is complete.
    A checkpoint that an interrupted attempt has left beside it is gone on from; that of the last
    epoch stays there. Raises Interrupted where SIGTERM asks to stop: after the epoch.
    """
    started = _milliseconds()
    torch.set_num_threads(job.threads)
    device = job.place()
    precision, error = use_fast_products(device)
    name = f"{job.run.path}: {devices.name(device)}, {job.threads} thread(s)"
    print(f"{name}, float32 products {precision!r} (error {error:.1e})")
    data = store.load(job.data)
    determinants = job.determinants(data.digest)
    checkpoint = Path(record).with_name(CHECKPOINT)
    saved = checkpoints.read(checkpoint, Saved(value_digest(determinants), started))
    if saved.checkpoint:
        print(f"goes on after epoch {saved.resumed_after[-1]}, from {checkpoint}")
    rows: list[dict[str, Any]] = []
    diagnoses: list[dict[str, Any]] = []
    tensors: dict[str, torch.Tensor] = {}
    logits, labels = torch.empty(0, data.classes), torch.empty(0, dtype=torch.int64)
    plug_ins = job.implementation, job.activation
    try:
        with isolated(*plug_ins, limits=EACH_EPOCH, isolation=job.isolation) as place:
            # All at once, or nothing of it: the network answers as long as its process lives.
            outcome, trained, tensors, logits, labels = _train(
                job, data, device, saved, checkpoint, observers, place
            )
    except PlugInError as broken:
        print(f"failed: {broken}")
        outcome = _failure(broken)
    else:
        rows = [epoch.as_dict() for epoch in trained.history]
        diagnoses = [asdict(diagnosis) for diagnosis in trained.diagnoses]
    write_rows(history, rows)
    write_rows(diagnostics, diagnoses)
    with replacing(parameters) as temporary:
        save_file(tensors, temporary)
    write_predictions(predictions, logits.numpy(), labels.numpy())
    written = dict(
        history=history, diagnostics=diagnostics, parameters=parameters, predictions=predictions
    )
    files = {kind: file_digest(path) for kind, path in written.items()}
    said = determinants | {"files": files} | _circumstances(job, data, saved) | outcome
    write_document(record, said)
