"""Memory of a training job that runs by itself, beside that of a process that imports torch."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measure import data_file, paragraph, table

ONLY_TORCH = "import torch alone"


def _resident() -> dict[str, Any]:
    """MiB of this process, at most and now those that belong to no file, and its torch's CUDA."""
    import torch

    from mlplab.study import provenance

    lines = Path("/proc/self/status").read_text().splitlines()
    (anonymous,) = (line.split()[1] for line in lines if line.startswith("RssAnon"))
    return {
        "peak": provenance.peak_memory() / 2**20,
        "anonymous": int(anonymous) / 1024,
        "cuda": torch.version.cuda,
    }


def _train(implementation: str) -> None:
    """One epoch of the article's network, with its record, as a job of the workflow trains it."""
    from dataclasses import asdict

    from mlplab import activations, implementations
    from mlplab.study.grid import Run
    from mlplab.study.record import RunFiles
    from mlplab.study.settings import Settings
    from mlplab.training.run import Job, train_run

    settings = {**asdict(Settings(epochs=1)), "hidden_sizes": [256]}
    job = Job(
        run=Run(implementation, "relu", 0, settings),
        implementation=implementations.source(implementation),
        activation=activations.source("relu"),
        data=data_file("data.safetensors"),
        threads=1,
        scored_on="test",
        device="cpu",
    )
    with tempfile.TemporaryDirectory() as folder:
        at = RunFiles.at(Path(folder))
        train_run(job, at.history, at.diagnostics, at.parameters, at.predictions, at.run)


def measure(case: str) -> dict[str, Any]:
    """Memory of a process of its own that does no more than the case, and the CUDA of its torch."""
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory", case], capture_output=True, text=True
    )
    if answer.returncode:
        raise RuntimeError(f"{case} failed:\n{answer.stderr}")
    measured: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return measured


def main() -> dict[str, Any]:
    """Torch alone, then each implementation."""
    from mlplab import implementations

    data_file("data.safetensors")
    return {"cases": {case: measure(case) for case in (ONLY_TORCH, *implementations.names())}}


def page(result: dict[str, Any]) -> str:
    """The section on memory."""
    rows = [
        [case, f"{found['peak']:.0f}", f"{found['anonymous']:.0f}"]
        for case, found in result["cases"].items()
    ]
    cuda = result["cases"][ONLY_TORCH]["cuda"]
    build = (
        f"Torch is built for CUDA {cuda} here, whose libraries every process loads; a build for "
        "the CPU alone spares them."
        if cuda
        else "Torch is built for the CPU alone here: none of CUDA's libraries is loaded."
    )
    return "\n".join(
        [
            "## Memory of a training job\n",
            paragraph(
                "Resident memory of a process of its own that trains one run of the article's "
                "network on Fashion-MNIST: at most, and at its end the part that no other process "
                "shares through a file. Jobs on one machine are forks of a warm process and share "
                f"most of it. {build}"
            ),
            table(["MiB", "at most", "belonging to no file"], rows),
        ]
    )


if __name__ == "__main__":
    if sys.argv[1] != ONLY_TORCH:
        _train(sys.argv[1])
    print(json.dumps(_resident()))
