"""Draw the training curves of one activation."""

from collections.abc import Mapping, Sequence

from mlplab.figures import canvas, runs
from mlplab.files import PathLike
from mlplab.study.record import RunRecord, beside, load_records


def plot_curves(
    evaluations: Sequence[PathLike], scored_on: str, outputs: Mapping[str, PathLike]
) -> None:
    """Write the figures of the runs with these evaluations to `outputs`, by name and format."""
    files = beside(evaluations, "run", "history", "evaluation")
    by_implementation: dict[str, list[RunRecord]] = {}
    for record in load_records(list(map(str, evaluations)), files).values():
        by_implementation.setdefault(record.run.implementation, []).append(record)
    canvas.draw(runs, outputs, by_implementation, scored_on)
