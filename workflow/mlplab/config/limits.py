"""What is allowed key by key, and yet cannot be: told before any job starts."""

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

from mlplab import datasets, implementations
from mlplab.config.mistakes import Mistake, shown
from mlplab.datasets import DatasetInfo
from mlplab.errors import UserError
from mlplab.study.grid import slug

# Snakemake plans a million jobs in an hour.
MOST_RUNS = 1_000_000
# Parameters of one network, 40 GB of them in float32; training needs some times as much.
MOST_PARAMETERS = 10**10
# Characters of a folder's name, a file system's usual 255 without the ending of a log's.
LONGEST_NAME = 250


def impossible(config: Mapping[str, Any]) -> Iterator[Mistake]:
    """What of a configuration, complete and right key by key, cannot be."""
    yield from _too_many_runs(config)
    yield from _too_deep(config)
    yield from _too_large(config)
    yield from _names_too_long(config)
    yield from _held_out(config)


def _values(config: Mapping[str, Any], section: str, setting: str) -> list[tuple[Any, Any]]:
    """The values of a setting that meet those of others, each with its place."""
    if setting in config["grid"]:
        return [(("grid", setting, i), value) for i, value in enumerate(config["grid"][setting])]
    return [((section, setting), config[section][setting])]


def _too_many_runs(config: Mapping[str, Any]) -> Iterator[Mistake]:
    sizes = {axis: len(values) for axis, values in config["grid"].items()}
    runs = math.prod(sizes.values())
    if runs > MOST_RUNS:
        product = " × ".join(f"{size} of {axis}" for axis, size in sizes.items())
        yield Mistake(
            ("grid",),
            f"{runs:,} runs ({product}), expected at most {MOST_RUNS:,}; give fewer values, or "
            "make several studies of it",
        )


def _too_deep(config: Mapping[str, Any]) -> Iterator[Mistake]:
    for name in config["grid"]["implementation"]:
        source = implementations.source(name, config["implementations"])
        limit = implementations.max_hidden_layers(source)
        for _, sizes in _values(config, "network", "hidden_sizes"):
            if limit is not None and len(sizes) > limit:
                yield Mistake(
                    ("grid", "implementation"),
                    f"{name!r} says that it can do {limit} hidden "
                    f"layer{'s' if limit > 1 else ''} (MAX_HIDDEN_LAYERS in its file), found "
                    f"hidden_sizes {shown(sizes)}; leave it out, or study the depth without it",
                )


def _too_large(config: Mapping[str, Any]) -> Iterator[Mistake]:
    info = _described(config)
    ends = (info.size.pixels, len(info.class_names)) if info and info.size else (1, 1)
    for path, hidden in _values(config, "network", "hidden_sizes"):
        widths = (ends[0], *hidden, ends[1])
        parameters = sum((fan_in + 1) * fan_out for fan_in, fan_out in itertools.pairwise(widths))
        if parameters > MOST_PARAMETERS:
            yield Mistake(
                path,
                f"hidden_sizes {shown(hidden)} are {parameters:,} parameters, "
                f"{4 * parameters / 1e9:,.0f} GB of them, expected at most "
                f"{MOST_PARAMETERS:,}; give fewer units or layers",
            )


def _names_too_long(config: Mapping[str, Any]) -> Iterator[Mistake]:
    for axis, values in config["grid"].items():
        for index, value in enumerate(values):
            name = f"{axis}={slug(value)}"
            if len(name) > LONGEST_NAME:
                yield Mistake(
                    ("grid", axis, index),
                    f"its runs would lie in folders called {name[:30]}…, a name of {len(name)} "
                    f"characters, expected at most {LONGEST_NAME}; give it in `network`, one value "
                    "a study, or fewer layers",
                )


def _held_out(config: Mapping[str, Any]) -> Iterator[Mistake]:
    info = _described(config)
    images = info.size.training if info and info.size else math.inf
    for path, count in _values(config, "training", "validation_size"):
        if config["selection"] and count < 1:
            yield Mistake(
                ("training", "validation_size"),
                f"{count} images are held out, but `selection` chooses by accuracy on them, "
                "expected at least 1; give a number such as 10000",
            )
            return
        if count >= images:
            yield Mistake(
                path,
                f"{count} of {images} training images are held out, which leaves none to train on; "
                f"expected at most {images - 1}",
            )


def _described(config: Mapping[str, Any]) -> DatasetInfo | None:
    """What is known of the data set; its own mistakes are told where it is read."""
    try:
        return datasets.info(datasets.source(config["dataset"], config["datasets"]))
    except UserError:
        return None
