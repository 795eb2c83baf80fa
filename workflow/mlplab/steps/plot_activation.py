"""Draw an activation and its gradient."""

from collections.abc import Mapping
from pathlib import Path

from mlplab import activations
from mlplab.figures import activations as figures
from mlplab.figures import canvas
from mlplab.files import PathLike
from mlplab.isolation.run import isolated
from mlplab.plugins import PlugInError


def plot_activation(activation: PathLike, outputs: Mapping[str, PathLike], isolation: str) -> None:
    """Write the figures of an activation's file to `outputs`, by name and format."""
    file = Path(activation)
    try:
        with isolated(file, isolation=isolation) as run:
            sampled = activations.sampled(run.activation(file))
    except PlugInError as error:
        print(f"failed: {error}")
        canvas.draw_nothing(outputs, f"{file.stem} is broken; see the findings.")
    else:
        arrays = {name: values.numpy() for name, values in sampled.items()}
        canvas.draw(figures, outputs, file.stem, arrays)
