"""Draw the training curves of one group."""

from collections.abc import Mapping, Sequence

from mlplab.analysis.curves import curves_table
from mlplab.figures import canvas, runs
from mlplab.files import PathLike
from mlplab.study.record import beside, load_records


def plot_curves(
    evaluations: Sequence[PathLike], scored_on: str, outputs: Mapping[str, PathLike]
) -> None:
    """Write the figures of the runs with these evaluations to `outputs`, by name and format.

    What is drawn is computed as it is for the table of all curves, which only all runs make.
    """
    files = beside(evaluations, "run", "history", "evaluation")
    records = list(load_records(list(map(str, evaluations)), files).values())
    implementations = list(dict.fromkeys(record.run.implementation for record in records))
    canvas.draw(runs, outputs, curves_table(records, [], scored_on), implementations, scored_on)
