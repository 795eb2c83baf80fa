"""Draw an activation and its gradient."""

from collections.abc import Mapping
from pathlib import Path

from mlplab import activations
from mlplab.figures import canvas
from mlplab.figures.activations import activation as draw
from mlplab.files import PathLike
from mlplab.plugins import PlugInError


def plot_activation(activation: PathLike, outputs: Mapping[str, PathLike]) -> None:
    """Write `function_svg`, `function_png`, `gradient_svg` and `gradient_png` of `outputs`."""
    file = Path(activation)
    try:
        sampled = activations.sampled(activations.load(file))
    except PlugInError as error:
        print(f"failed: {error}")
        function = gradient = canvas.nothing(f"{file.stem} is broken; see the findings.")
    else:
        function, gradient = draw(file.stem, **{key: v.numpy() for key, v in sampled.items()})
    canvas.save_forms({"function": function, "gradient": gradient}, outputs)
