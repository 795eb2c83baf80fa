"""Score the predictions of a cell's runs; their checkpoints have served."""

from collections.abc import Sequence
from pathlib import Path

from mlplab.analysis.scores import evaluate_run
from mlplab.files import PathLike
from mlplab.study.record import CHECKPOINT, RunFiles, beside


def evaluate(
    runs: Sequence[PathLike], manifest: PathLike, scored_on: str, evaluations: Sequence[PathLike]
) -> None:
    """Write the scores of each of `runs` (their run.json) to its file of `evaluations`."""
    trained = beside(runs, "predictions", "history")
    for run in runs:
        RunFiles.at(Path(run).parent).check_training()
    for predictions, history, evaluation in zip(
        trained.predictions, trained.history, evaluations, strict=True
    ):
        evaluate_run(predictions, history, manifest, scored_on, evaluation)
    for run in runs:
        Path(run).with_name(CHECKPOINT).unlink(missing_ok=True)
