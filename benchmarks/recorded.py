"""Studies that were not trained: records as training writes them, and an MLflow store of them.

They lie in the working directory as the workflow lays them out. Large modules are imported where
they are used: Linux counts the memory of the process that starts another as that other's peak.
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

# Runs → how many implementations, learning rates and seeds; always with all activations.
GRIDS = {10: (2, 1, 1), 100: (4, 1, 5), 1_000: (4, 5, 10), 10_000: (4, 5, 100)}
IMPLEMENTATIONS = ["scratch", "concise", "manual", "numpy"]
ACTIVATIONS = ["sigmoid", "identity", "tanh", "elu", "relu"]
LEARNING_RATES = [0.01, 0.03, 0.1, 0.3, 1.0]
EPOCHS, IMAGES, CLASSES = 10, 10_000, 10
# So many different predictions are shared by all runs, as links to the same files.
VARIANTS = 64

CONFIG, STUDY = Path("scale.json"), Path("results/scale")
DATA = Path("results/data/scale.safetensors")


def config_of(runs: int) -> dict[str, Any]:
    """The configuration of a study of so many runs."""
    implementations, rates, seeds = GRIDS[runs]
    grid: dict[str, Any] = {
        "implementation": IMPLEMENTATIONS[:implementations],
        "activation": ACTIVATIONS,
        "seed": list(range(seeds)),
    }
    if rates > 1:
        grid["learning_rate"] = LEARNING_RATES[:rates]
    return {"study": STUDY.name, "grid": grid, "training": {"epochs": EPOCHS}}


def grid_name(runs: int) -> str:
    """The grid in words."""
    amounts = (GRIDS[runs][0], len(ACTIVATIONS), *GRIDS[runs][1:])
    words = ("implementations", "activations", "learning rates", "seeds")
    return " × ".join(
        f"{amount} {word if amount > 1 else word[:-1]}"
        for amount, word in zip(amounts, words, strict=True)
    )


class Study:
    """The study in the working directory: what its rules hand to their scripts."""

    @cached_property
    def params(self) -> dict[str, Any]:
        """Paths of all runs, of those of each cell and group, and the further axes."""
        read: dict[str, Any] = json.loads((STUDY / "params.json").read_text())
        return read

    def files(self, name: str, paths: Sequence[str] | None = None) -> dict[str, Path]:
        """The file called `name` of each run, by the run's path."""
        chosen = self.params["paths"] if paths is None else paths
        return {path: STUDY / "runs" / path / name for path in chosen}

    def figures(self) -> dict[str, Path]:
        """The page's figures by the names that it knows them by."""
        from mlplab.figures.catalogue import catalogue

        each = {
            "": [""],
            "activation": ACTIVATIONS,
            "group": self.params["groups"],
            "cell": self.params["cells"],
        }
        names = [figure.path(of) for figure in catalogue() for of in each[figure.per]]
        return {name: STUDY / f"figures/{name}.svg" for name in names}

    @staticmethod
    def drawn(rule: str, of: str = "") -> dict[str, Path]:
        """The outputs of a rule that draws: <figure>_<format>."""
        from mlplab.figures.catalogue import drawn_by
        from mlplab.study.figures import FORMATS

        return {
            f"{figure.name}_{form}": STUDY / f"figures/{figure.path(of)}.{form}"
            for figure in drawn_by(rule)
            for form in FORMATS
        }

    def tables(self, rule: str) -> dict[str, Path]:
        """The outputs of a rule that makes tables: <table>_csv and <table>_parquet."""
        from mlplab.study.tables import made_by

        return {
            f"{made.name}_{file.suffix[1:]}": file
            for made in made_by(rule)
            for file in self.table(made.name)
        }

    @staticmethod
    def table(name: str) -> tuple[Path, Path]:
        """A table's two files."""
        return STUDY / f"tables/{name}.csv", STUDY / f"tables/{name}.parquet"


def write_data() -> None:
    """Write a data set of random images: as many as are predicted, and a few to train on."""
    import torch
    from safetensors.torch import save_file

    from mlplab.datasets.store import MANIFEST
    from mlplab.files import file_digest, write_json

    about = manifest()
    random = torch.Generator().manual_seed(0)
    tensors = {}
    for split, count in (("training", 18), ("test", IMAGES)):
        images = torch.randint(0, 256, (count, 28, 28), generator=random, dtype=torch.uint8)
        tensors[f"{split}_images"] = images
        tensors[f"{split}_labels"] = (torch.arange(count) % CLASSES).to(torch.uint8)
    description = {key: about[key] for key in ("name", "pixel_max", "class_names")}
    DATA.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, DATA, metadata={"dataset": json.dumps(description)})
    write_json(DATA.with_name(MANIFEST), {"sha256": file_digest(DATA)})


def write_records() -> None:
    """Write the records of the study that is configured, and what its first rules make."""
    import numpy as np
    import yaml
    from safetensors.numpy import save_file

    from mlplab.config.resolve import resolve
    from mlplab.files import write_json
    from mlplab.study import grid

    config = resolve(json.loads(CONFIG.read_text()))
    (STUDY / "predictions").mkdir(parents=True)
    (STUDY / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    write_json(STUDY / "manifest.json", manifest())
    # Of the parameters, what can be looked at: the weights of a few units.
    weights = np.random.default_rng(0).normal(size=(784, 4)).astype(np.float32)
    save_file({"W1": weights}, STUDY / "parameters.safetensors")
    scores = [_write_predictions(variant) for variant in range(VARIANTS)]
    everything = grid.runs(config)
    for run in everything.values():
        _write_record(run, scores)
    write_json(
        STUDY / "params.json",
        {
            "paths": list(everything),
            "axes": next(iter(everything.values())).axes,
            "cells": _paths(grid.by_cell(everything)),
            "groups": _paths(grid.by_group(everything)),
        },
    )


def _paths(grouped: Mapping[str, list[Any]]) -> dict[str, list[str]]:
    return {name: [run.path for run in runs] for name, runs in grouped.items()}


def manifest() -> dict[str, Any]:
    """What decoding says of the data set, apart from where its files came from."""
    from mlplab import datasets

    info = datasets.info("fashion_mnist")
    per_class = {"training": 6000, "test": 1000}
    return {
        "name": info.name,
        "title": info.title,
        "description": info.description,
        "homepage": info.homepage,
        "license": info.license,
        "citation": info.citation,
        "class_names": list(info.class_names),
        "pixel_max": info.pixel_max,
        "counts": {
            split: {
                "images": CLASSES * count,
                "shape": [28, 28],
                "per_class": [count] * CLASSES,
            }
            for split, count in per_class.items()
        },
        "files": [{"name": file.name, "md5": file.md5} for file in info.files.values()],
        "sha256": "0" * 64,
    }


def _write_predictions(variant: int) -> dict[str, Any]:
    """Predictions of 76 to 89 % of the images right; returns their scores, as evaluation does."""
    import numpy as np

    from mlplab import datasets
    from mlplab.analysis.scores import scores
    from mlplab.study.predictions import Predictions
    from mlplab.training.predictions import write_predictions

    random = np.random.default_rng(variant)
    labels = np.arange(IMAGES) % CLASSES
    right = random.random(IMAGES) < 0.76 + 0.002 * variant
    others = (labels + random.integers(1, CLASSES, IMAGES)) % CLASSES
    logits = random.normal(size=(IMAGES, CLASSES)).astype(np.float32)
    predicted = np.where(right, labels, others)
    logits[np.arange(IMAGES), predicted] = logits.max(axis=1) + random.exponential(2.0, IMAGES)
    write_predictions(STUDY / f"predictions/{variant}.parquet", logits, labels)
    return scores(Predictions(labels, logits), "test", datasets.info("fashion_mnist").class_names)


def _write_record(run: Any, scores: list[dict[str, Any]]) -> None:
    """The files of one run. Of ReLU at the greatest learning rate, every fifth seed diverges."""
    import numpy as np

    from mlplab.files import file_digest
    from mlplab.study.documents import write_document
    from mlplab.study.record import RunFiles, write_rows

    activation = ACTIVATIONS.index(run.activation)
    implementation = IMPLEMENTATIONS.index(run.implementation)
    rate = LEARNING_RATES.index(run.settings["learning_rate"])
    # Implementations differ by little: they start alike and see the same batches.
    random = np.random.default_rng([activation, rate, run.seed])
    variant = 8 * activation + 4 * rate + int(random.integers(0, 8))
    variant += int(np.random.default_rng([implementation, variant, run.seed]).integers(0, 3))
    diverged = run.activation == "relu" and rate == 4 and run.seed % 5 == 0
    score = {**scores[variant], "metrics": dict(scores[variant]["metrics"])}
    accuracy, started = score["metrics"]["test_accuracy"], 1_700_000_000_000
    loss = 1.3 - accuracy
    epochs = range(1, (EPOCHS // 2 if diverged else EPOCHS) + 1)
    seconds = np.round(0.4 + 0.05 * implementation + 0.02 * random.random(len(epochs)), 6).tolist()
    if diverged:
        loss, score["metrics"]["negative_log_likelihood"] = math.nan, None
    noise = (1e-3 * random.random((len(epochs), 3))).tolist()
    history = [
        {
            "epoch": epoch,
            "training_loss": (loss if epoch == epochs[-1] else 1.3 - accuracy + 1 / epoch + a),
            "training_accuracy": accuracy * (1 - 0.2 / epoch) + b,
            "test_loss": (loss if epoch == epochs[-1] else 1.35 - accuracy + 1 / epoch + c),
            "test_accuracy": accuracy if epoch == epochs[-1] else accuracy * (1 - 0.25 / epoch),
            "seconds": duration,
            "cpu_seconds": duration,
            "samples_per_second": 60_000 / duration,
            "timestamp": started + 450 * epoch,
        }
        for epoch, duration, (a, b, c) in zip(epochs, seconds, noise, strict=True)
    ]
    quantities = [
        *(("gradient_norm", name) for name in ("W1", "b1", "W2", "b2")),
        *(("weight_norm", name) for name in ("W1", "W2")),
        *((name, "H1") for name in ("dead", "saturated", "activation_std")),
    ]
    values = random.random((len(epochs) + 1, len(quantities))).tolist()
    diagnostics = [
        {"epoch": epoch, "quantity": quantity, "of": of, "value": value}
        for epoch, row in enumerate(values)
        for (quantity, of), value in zip(quantities, row, strict=True)
    ]
    for epoch in (0, epochs[-1]):
        counted = [("value_low", "H1", 0.0), ("value_high", "H1", 4.0)]
        counted += [("value_count", f"H1/{number}", 10.0 * number) for number in range(24)]
        diagnostics += [
            {"epoch": epoch, "quantity": quantity, "of": of, "value": value}
            for quantity, of, value in counted
        ]
    last = history[-1]
    bounds = {
        "training_loss": (None, 0.5),
        "training_accuracy": (0.7, 1),
        "test_accuracy": (0.7, 1),
    }
    folder = STUDY / "runs" / run.path
    folder.mkdir(parents=True)
    write_rows(folder / "history.csv", history)
    write_rows(folder / "diagnostics.csv", diagnostics)
    write_document(folder / "evaluation.json", score)
    os.link(STUDY / "parameters.safetensors", folder / "parameters.safetensors")
    os.link(STUDY / f"predictions/{variant}.parquet", folder / "predictions.parquet")
    files = RunFiles.at(folder)
    written = ("history", "diagnostics", "parameters", "predictions")
    write_document(
        folder / "run.json",
        {
            "run": run.path,
            "implementation": run.implementation,
            "activation": run.activation,
            "seed": run.seed,
            "dataset": "fashion_mnist",
            "settings": run.settings,
            "axes": list(run.axes),
            "scored_on": "test",
            "started": started,
            "ended": started + 5_000,
            "resumed_after": [],
            "device": "cpu",
            "threads": 1,
            "matmul_precision": "medium",
            "data_digest": "0" * 64,
            "code_digest": "0" * 64,
            "files": {kind: file_digest(getattr(files, kind)) for kind in written},
            "git": {"commit": None, "dirty": None},
            "machine": {
                "processor": "any",
                "cores": 2,
                "system": "any",
                "python": "3",
                "limits": {},
            },
            "versions": {"torch": "2", "numpy": "2"},
            "peak_memory": 400_000_000,
            "status": "diverged" if diverged else "finished",
            "error": None,
            "sanity": {
                name: {
                    "value": last[name] if math.isfinite(last[name]) else None,
                    "above": above,
                    "below": below,
                    "met": (above or -math.inf) < last[name] <= below,
                }
                for name, (above, below) in bounds.items()
            },
            "parameter_count": 203_530,
            "training_seconds": sum(seconds),
            "seconds_per_epoch": sorted(seconds)[len(seconds) // 2],
            "cpu_seconds_per_epoch": sorted(seconds)[len(seconds) // 2],
            "evaluation_seconds": 0.4,
            "diagnostics_seconds": 0.1,
        },
    )


def write_parity() -> None:
    """Write a parity table in which everything agrees; its size does not depend on the runs."""
    import pandas as pd

    from mlplab.analysis import tables
    from mlplab.analysis.agreement import agreement_table

    rows = [
        {
            "implementation": implementation,
            "activation": activation,
            "reference": "concise",
            "quantity": quantity,
            "of": of,
            "step": step,
            "dtype": dtype,
            "network": "784-256-10",
            "difference": tolerance / 10,
            "tolerance": tolerance,
            "verdict": "agrees",
            "detail": "",
        }
        for implementation in IMPLEMENTATIONS
        for activation in ACTIVATIONS
        for quantity, of in (("loss", ""), ("gradient", "W1"), ("gradient", "W2"))
        for step in (1, 2, 3, 10, 100)
        for dtype, tolerance in (("float64", 1e-12), ("float32", 1e-3))
    ]
    parity = pd.DataFrame(rows)
    tables.write(parity, *Study.table("parity"))
    tables.write(agreement_table(parity), *Study.table("agreement"))
