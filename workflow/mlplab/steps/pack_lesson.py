"""Put together what the page trains a small network on the digits with."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file

from mlplab import activations as registry
from mlplab.files import PathLike, replacing
from mlplab.judging.lesson import lesson
from mlplab.study.formulas import FORMULAS

# Where the page has the formula of none of the study's activations.
FALLBACK = "relu"


def pack_lesson(
    activations: Mapping[str, PathLike], seed: int, threads: int, target: PathLike
) -> None:
    """Write it to `target` (safetensors), for those `activations` (name → file) that it knows."""
    torch.set_num_threads(threads)
    own = [name for name, file in activations.items() if registry.REGISTRY.owns(Path(file))]
    names = [name for name in own if name in FORMULAS] or [FALLBACK]
    tensors, said = lesson(seed, names)
    with replacing(target) as temporary:
        save_file(tensors, temporary, {"mlplab": json.dumps(said, ensure_ascii=False)})
    print(f"{len(said['mistakes'])} mistakes, {', '.join(names)}, seed {seed}")
