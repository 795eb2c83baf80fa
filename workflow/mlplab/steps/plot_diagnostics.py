"""Draw what happens inside the networks while they train."""

from collections.abc import Mapping, Sequence

from mlplab.figures import canvas, diagnostics
from mlplab.files import PathLike, read_json
from mlplab.study.record import beside, read_rows


def plot_diagnostics(runs: Sequence[PathLike], outputs: Mapping[str, PathLike]) -> None:
    """Write `gradients_svg`, `gradients_png`, `units_svg` and `units_png`, of all run.json."""
    described = [read_json(file) for file in runs]
    rows = [read_rows(file) for file in beside(runs, "diagnostics").diagnostics]
    drawn = {
        "gradients": diagnostics.gradients(described, rows),
        "units": diagnostics.units(described, rows),
    }
    canvas.save_forms(drawn, outputs)
