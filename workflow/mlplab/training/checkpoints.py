"""Checkpoints: one file, written whole or not at all, from which an interrupted run goes on."""

import json
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from safetensors import safe_open
from safetensors.torch import save_file

from mlplab.errors import UserError
from mlplab.files import replacing
from mlplab.training.diagnostics import Diagnosis
from mlplab.training.loop import Checkpoint, Epoch


class Interrupted(UserError):
    """A run was asked to stop, and has written the checkpoint from which it will go on."""


@dataclass(frozen=True)
class Saved:
    """A checkpoint with what the run's record has to say of its earlier attempts.

    `key` stands for all that must be the same for a run to go on. `started` is when its first
    attempt began, in ms; `resumed_after` are the epochs after which later ones went on.
    """

    key: str
    started: int
    resumed_after: list[int] = field(default_factory=list)
    checkpoint: Checkpoint | None = None


def write(path: Path, saved: Saved, checkpoint: Checkpoint) -> None:
    """Write a checkpoint: parameters as tensors, all else as JSON in the file's metadata."""
    text = json.dumps(
        {
            "key": saved.key,
            "started": saved.started,
            "resumed_after": saved.resumed_after,
            # In order, from input to output, in which the file does not keep them.
            "parameters": list(checkpoint.parameters),
            "history": [vars(epoch) for epoch in checkpoint.history],
            "diagnoses": [vars(diagnosis) for diagnosis in checkpoint.diagnoses],
            "evaluation_seconds": checkpoint.evaluation_seconds,
            "diagnostics_seconds": checkpoint.diagnostics_seconds,
        }
    )
    with replacing(path) as temporary:
        save_file(checkpoint.parameters, temporary, {"run": text})


def read(path: Path, fresh: Saved) -> Saved:
    """The checkpoint at `path`, or `fresh` where there is none that its run can go on from.

    It must have the key of `fresh`. One that cannot be read is no reason to fail: the run then
    starts anew.
    """
    if not path.exists():
        return fresh
    try:
        with safe_open(path, "pt") as file:
            about = json.loads(file.metadata()["run"])
            parameters = {name: file.get_tensor(name) for name in about["parameters"]}
        checkpoint = Checkpoint(
            parameters,
            [Epoch(**row) for row in about["history"]],
            [Diagnosis(**row) for row in about["diagnoses"]],
            about["evaluation_seconds"],
            about["diagnostics_seconds"],
        )
        resumed_after = [*about["resumed_after"], len(checkpoint.history)]
        saved = Saved(about["key"], about["started"], resumed_after, checkpoint)
    except Exception as error:
        print(f"{path} is damaged ({type(error).__name__}: {error}): the run starts anew")
        return fresh
    if saved.key != fresh.key:
        print(f"{path} is of other code, data, settings or device: the run starts anew")
        return fresh
    return saved


@contextmanager
def stop_requested() -> Iterator[Callable[[], bool]]:
    """Within, SIGTERM does nothing but turn the answer of the yielded function to True.

    So ends a job that is cancelled, preempted or over its time, with seconds to spare. A second
    SIGTERM ends the process as usual. Elsewhere than in the main thread the answer stays False.
    """
    requested = threading.Event()

    def request(number: int, frame: FrameType | None) -> None:
        requested.set()
        signal.signal(signal.SIGTERM, before)

    if threading.current_thread() is not threading.main_thread():
        yield requested.is_set
        return
    before = signal.signal(signal.SIGTERM, request)
    try:
        yield requested.is_set
    finally:
        signal.signal(signal.SIGTERM, before)
