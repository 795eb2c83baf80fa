"""Make small copies of trained networks, one for each activation, for the page to run."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from mlplab import activations as registry
from mlplab.activations import Activation
from mlplab.analysis import agreement, int8, tables
from mlplab.datasets import store
from mlplab.files import PathLike, replacing
from mlplab.isolation.run import Isolated, isolated
from mlplab.plugins import PlugInError
from mlplab.study.formulas import FORMULAS
from mlplab.study.record import beside

# So many images of each class go along, so many at most, and no more bytes than that.
OF_EACH_CLASS, IMAGES, BYTES = 4, 40, 60_000


def pack_networks(
    table: PathLike,
    agreed: PathLike,
    data: PathLike,
    runs: Mapping[str, PathLike],
    axes: Sequence[str],
    activations: Mapping[str, PathLike],
    scored_on: str,
    isolation: str,
    networks: PathLike,
    outputs: Mapping[str, PathLike],
) -> None:
    """Write the networks and some images to `networks` (safetensors), what they are as `int8`.

    `table` is that of all runs, `agreed` says which implementations are right; `runs` maps a run's
    path to its run.json, `activations` a name to its file.
    """
    every = tables.read(table)
    metric = f"{scored_on}_accuracy"
    chosen = {}
    if metric in every:
        standing = agreement.standing(every, tables.read(agreed))
        chosen = int8.typical(every, axes, standing, metric)
    files = {name: Path(file) for name, file in activations.items()}
    sizes = {int(run["validation_size"]) for run in chosen.values()} or {0}
    loaded = store.load(data)
    # Runs may hold out different numbers of images: the fewest are held out by all of them.
    split = store.scored_split(loaded, scored_on, min(sizes))
    packer = _Packer(split.images.numpy(), split.labels.numpy(), split.pixel_max)
    for name in [*chosen, *(name for name in files if name not in chosen)]:
        # A process for each, where it is a stranger's: one that dies takes no other along.
        with isolated(files[name], isolation=isolation) as place:
            packer.add(name, files[name], chosen.get(name), runs, metric, place)
    described = {
        "networks": packer.networks,
        "pixel_max": split.pixel_max,
        "split": scored_on,
        "class_names": loaded.class_names,
    }
    with replacing(networks) as temporary:
        arrays = packer.arrays | _samples(split.images.numpy(), split.labels.numpy())
        save_file(arrays, temporary, {"mlplab": json.dumps(described, ensure_ascii=False)})
    found = int8.int8_table(packer.rows)
    tables.write_all({"int8": found}, outputs)
    print(found.to_string())


def _samples(images: NDArray[Any], labels: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """The first few images of each class, in their order, with their places in the split."""
    each = [np.flatnonzero(labels == label)[:OF_EACH_CLASS] for label in np.unique(labels)]
    room = min(IMAGES, BYTES // images[0].size) if len(images) else 0
    # The first of every class, then the second of each: what has no room is a further one.
    turns = [place for turn in itertools.zip_longest(*each) for place in turn if place is not None]
    places = np.sort(np.array(turns[:room], int))
    return {
        "images": np.ascontiguousarray(images[places]),
        "labels": labels[places].astype(np.uint8),
        "places": places.astype(np.uint32),
    }


class _LeftOut(Exception):
    """Why a network is not carried."""


class _Packer:
    """Networks as long as there is room, and a row of the table for each activation."""

    def __init__(self, images: NDArray[Any], labels: NDArray[Any], pixel_max: int) -> None:
        self._images, self._labels, self._pixel_max = images, labels, pixel_max
        self._room = int8.BUDGET
        self.arrays: dict[str, NDArray[Any]] = {}
        self.networks: list[dict[str, Any]] = []
        self.rows: list[dict[str, Any]] = []

    def add(
        self,
        name: str,
        file: Path,
        run: "pd.Series | None",
        runs: Mapping[str, PathLike],
        metric: str,
        place: Isolated,
    ) -> None:
        """Pack the network of an activation, or say why not; None for no run that finished."""
        row: dict[str, Any] = {"activation": name, "carried": False}
        self.rows.append(row)
        if run is None:
            row["left_out"] = "no run of an implementation that agrees finished with it"
            return
        row |= {"run": run["run"], "accuracy": float(run[metric])}
        try:
            row |= self._packed(name, file, str(run["run"]), runs[run["run"]], place)
        except (_LeftOut, PlugInError) as error:
            row["left_out"] = str(error)

    def _packed(
        self, name: str, file: Path, path: str, record: PathLike, place: Isolated
    ) -> dict[str, Any]:
        found = beside([record], "parameters", "predictions")
        trained = load_file(found.parameters[0])
        if not all(np.isfinite(value).all() for value in trained.values()):
            raise _LeftOut("its parameters are not finite")
        arrays = int8.quantised(trained)
        self._check_room(int8.size(arrays))
        activation = place.activation(file)
        parameters = int8.restored(arrays)
        function = _function(activation, parameters)
        by_formula = registry.REGISTRY.owns(file) and name in FORMULAS
        ranges = int8.Ranges(function)
        predicted = int8.classes(parameters, self._images, self._pixel_max, ranges)
        if not by_formula:
            arrays |= ranges.tables()
            predicted = self._by_table(arrays, predicted)
        self._check_room(int8.size(arrays))
        self._room -= int8.size(arrays)
        self.arrays |= {f"{name}/{key}": value for key, value in arrays.items()}
        function_is = "formula" if by_formula else "table"
        own = list(activation.parameters) if by_formula else []
        self.networks.append(
            {"activation": name, "run": path, "function": function_is, "parameters": own}
        )
        before = pyarrow.parquet.read_table(found.predictions[0])["prediction"].to_numpy()
        return {
            "carried": True,
            "function": function_is,
            "bytes": int8.size(arrays),
            "images": len(self._labels),
            "int8_accuracy": float((predicted == self._labels).mean()),
            "changed": int((predicted != before).sum()) if len(before) == len(predicted) else None,
        }

    def _check_room(self, needed: int) -> None:
        if needed > self._room:
            raise _LeftOut(
                f"it takes {needed:,} bytes, and of {int8.BUDGET:,} for all networks "
                f"{self._room:,} are left"
            )

    def _by_table(self, arrays: int8.Arrays, expected: NDArray[Any]) -> NDArray[Any]:
        """Classes by the table, where they are those by the function."""
        if not all(np.isfinite(value).all() for value in arrays.values()):
            raise _LeftOut("its function is not finite somewhere near the values that it gets")
        parameters, function = int8.restored(arrays), int8.by_table(arrays)
        found = int8.classes(parameters, self._images, self._pixel_max, function)
        apart = float((found != expected).mean()) if len(found) else 0.0
        if apart > int8.OTHERWISE:
            raise _LeftOut(
                f"its function is no formula of the page, and as a table it gives {apart:.1%} of "
                "the images another class"
            )
        return found


def _function(activation: Activation, parameters: Mapping[str, int8.Values]) -> int8.Function:
    """An activation with the parameters that each layer has learned."""

    def own(layer: int) -> Iterator[int8.Values]:
        for name in activation.parameters:
            yield parameters[f"{name}{layer}"]

    return lambda layer, values: activation.numpy_function(values, *own(layer))
