"""Draw the training curves of one activation."""

from collections.abc import Sequence

from mlplab.figures import canvas
from mlplab.figures.runs import curves
from mlplab.files import PathLike
from mlplab.study.record import RunRecord, beside, load_records


def plot_curves(
    evaluations: Sequence[PathLike], scored_on: str, svg: PathLike, png: PathLike
) -> None:
    """Write the figure of the runs with these evaluations, in both formats."""
    files = beside(evaluations, "run", "history", "evaluation")
    by_implementation: dict[str, list[RunRecord]] = {}
    for record in load_records(list(map(str, evaluations)), files).values():
        by_implementation.setdefault(record.run["implementation"], []).append(record)
    canvas.save(curves(by_implementation, scored_on), svg, png)
