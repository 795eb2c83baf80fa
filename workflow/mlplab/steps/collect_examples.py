"""Put together what a reader looks at: images and what networks say of them, weights, values."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from mlplab.analysis import agreement, tables
from mlplab.analysis.diagnostics import histograms_table, silent_units
from mlplab.analysis.examples import Looked, chosen, examples_table
from mlplab.analysis.scores import read_predictions
from mlplab.datasets import store
from mlplab.figures import sprites
from mlplab.files import PathLike, write_json
from mlplab.initializers import initial_parameters
from mlplab.study.documents import read_run
from mlplab.study.record import RunFiles, read_rows
from mlplab.study.settings import Settings

# Of the weights of all networks together, before and after training, so that a page can carry them:
# of three networks that begin alike, 128 units of 28 × 28 each.
PIXELS_AT_MOST = 4 * 128 * 784


def collect_examples(
    data: PathLike,
    table: PathLike,
    groups: PathLike,
    agreed: PathLike,
    runs: Mapping[str, PathLike],
    scored_on: str,
    outputs: Mapping[str, PathLike],
) -> None:
    """Write `examples` and `histograms`, as `<name>_csv` and `<name>_parquet`, and the pictures.

    `table` is that of all runs, `groups` ranks them, `agreed` says which implementations are right;
    `runs` maps a run's path to its run.json. `pictures` (JSON) has all images of the examples in
    one PNG, and of each network that is looked at the weights of its first layer.
    """
    all_runs = tables.read(table)
    standing = agreement.standing(all_runs, tables.read(agreed))
    names = chosen(all_runs, tables.read(groups), standing)
    files = [RunFiles.at(Path(runs[name]).parent) for name in names]
    loaded = store.load(data)
    source = loaded.test if scored_on == "test" else loaded.training
    looked = [_looked(name, file, source) for name, file in zip(names, files, strict=True)]
    found, kept = examples_table(looked, loaded.class_names, loaded.pixels)
    diagnostics = {
        name: read_rows(file.diagnostics) for name, file in zip(names, files, strict=True)
    }
    tables.write_all({"examples": found, "histograms": histograms_table(diagnostics)}, outputs)
    pixels = source.images.numpy()[kept]
    first_layers = _first_layers(files, list(diagnostics.values()), loaded)
    write_json(
        outputs["pictures"],
        {
            "height": pixels.shape[1],
            "width": pixels.shape[2],
            "columns": sprites.columns_for(len(kept)),
            "images": _text(sprites.images(pixels, source.pixel_max)),
            **first_layers,
        },
    )
    print(f"{len(kept)} images, {len(names)} networks: {', '.join(names)}")


def _looked(name: str, files: RunFiles, source: store.Split) -> Looked:
    predictions = read_predictions(files.predictions)
    images = len(predictions.labels)
    first = len(source) - images if read_run(files.run).scored_on == "validation" else 0
    return Looked(name, predictions, first)


def _first_layers(
    files: Sequence[RunFiles],
    diagnostics: Sequence[Sequence[Mapping[str, Any]]],
    data: store.Dataset,
) -> dict[str, Any]:
    """The first layer of each network: how many units, which are silent, and some as pictures.

    `starts` are pictures of the weights that networks begin with, each once, and `ends` of what
    becomes of them; an end has the number of its start.
    """
    runs = [read_run(file.run) for file in files]
    drawn = [
        (run.seed, run.settings["hidden_sizes"][0], run.settings["weight_std"]) for run in runs
    ]
    starts = list(dict.fromkeys(drawn))
    most = max(PIXELS_AT_MOST // (max(len(starts) + len(runs), 1) * data.pixels), 1)
    ends = []
    for run, start, file, rows in zip(runs, drawn, files, diagnostics, strict=True):
        weights, silent = load_file(file.parameters)["W1"], silent_units(rows, layer=1)
        ends.append(
            {
                "run": run.run,
                "units": weights.shape[1],
                "shown": min(weights.shape[1], most),
                "silent": silent,
                "start": starts.index(start),
                "picture": _picture(weights, silent, most, data),
            }
        )
    pictures = [_picture(_drawn(*start, data), [], most, data) for start in starts]
    return {"starts": pictures, "ends": ends}


def _drawn(seed: int, units: int, weight_std: float, data: store.Dataset) -> NDArray[np.floating]:
    """The first layer's weights of a seed: other layers and how biases are drawn change nothing."""
    sizes = (data.pixels, units, data.classes)
    drawn = initial_parameters(sizes, seed, weight_std, Settings.bias_init)
    weights: NDArray[np.floating] = drawn["W1"].numpy()
    return weights


def _picture(
    weights: NDArray[np.floating], silent: Sequence[int], most: int, data: store.Dataset
) -> str:
    """The weights of the first units, at most so many, pixels × units, as text of a PNG."""
    _, height, width = data.training.images.shape
    pictures = weights.T[:most].reshape(-1, height, width)
    return _text(sprites.weights(pictures, np.isin(np.arange(len(pictures)), silent)))


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
