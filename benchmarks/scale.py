"""Seconds and memory of everything but training, for studies of 10 to 10,000 runs.

The runs are not trained (recorded.py); each stage (stages.py) is measured as a process of its own,
imports included.
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import paragraph, table
from benchmarks.recorded import CONFIG, EPOCHS, GRIDS, IMAGES, STUDY, config_of, grid_name
from benchmarks.stages import PREPARATIONS, ROOT, STAGES

# The jobs over all runs; the figures of cells are jobs of their own.
WHOLE = (
    *("collect_runs", "summarize", "tabulate_diagnostics", "collect_examples"),
    *("plot_overview", "plot_diagnostics", "render_report"),
)


def _environment() -> dict[str, str]:
    """The environment of a stage: it finds this package, and uses one thread."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    settings = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    return {**kept, **settings}


def _measured(folder: Path, *arguments: str) -> dict[str, float]:
    """Wall seconds and peak memory (MiB) of a Python process; RuntimeError where it fails."""
    with tempfile.TemporaryFile("w+") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env=_environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise RuntimeError(f"{' '.join(arguments)} failed:\n{output.read()[-3000:]}")
    print(f"  {arguments[-1]}: {seconds:.1f} s", flush=True)
    return {"seconds": seconds, "mebibytes": usage.ru_maxrss / 1024}


def measure(runs: int) -> dict[str, Any]:
    """Every stage of a study of so many runs, in a temporary folder."""
    print(f"{runs:,} runs", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / CONFIG).write_text(json.dumps(config_of(runs)))
        snakefile = ("--snakefile", str(ROOT / "Snakefile"), "--directory", ".")
        planned = ("--configfile", CONFIG.name, "--quiet", "--dry-run")
        stages = {"dry_run": _measured(folder, "-m", "snakemake", *snakefile, *planned)}
        stage = ("-m", "benchmarks.stages")
        for preparation in PREPARATIONS:
            _measured(folder, *stage, preparation.__name__)
        stages |= {each.__name__: _measured(folder, *stage, each.__name__) for each in STAGES}
        size = (folder / STUDY / "report.html").stat().st_size
        cells = len(json.loads((folder / STUDY / "params.json").read_text())["cells"])
    whole = [stages[name] for name in WHOLE]
    stages["whole"] = {
        "seconds": sum(each["seconds"] for each in whole),
        "mebibytes": max(each["mebibytes"] for each in whole),
    }
    grid = {"runs": runs, "grid": grid_name(runs), "cells": cells}
    return {**grid, "report_bytes": size, "stages": stages}


def main() -> dict[str, Any]:
    """Every size, one after the other."""
    return {"sizes": [measure(runs) for runs in GRIDS]}


NAMES = {
    "collect_runs": "reading back from MLflow",
    "summarize": "tables and comparisons",
    "tabulate_diagnostics": "tables of gradients and units",
    "collect_examples": "images and weights to look at",
    "plot_overview": "figures of accuracy and time",
    "plot_diagnostics": "figures of gradients and units",
    "render_report": "report",
    "whole": "**all of these**",
    "plot_cells": "figures of every cell",
    "dry_run": "Snakemake's dry run",
}


def _growth(sizes: Sequence[Mapping[str, Any]], stage: str) -> list[str]:
    """Seconds per run of a stage as multiples of those of the size before."""
    each = [size["stages"][stage]["seconds"] / size["runs"] for size in sizes]
    return [f"{after / before:.2f}" for before, after in itertools.pairwise(each)]


def page(result: Mapping[str, Any]) -> str:
    """Seconds, memory and growth as a section of Markdown."""
    sizes = result["sizes"]
    amounts = [f"{size['runs']:,} runs" for size in sizes]

    def values(key: str, decimals: int) -> list[list[str]]:
        return [
            [title, *(f"{size['stages'][name][key]:,.{decimals}f}" for size in sizes)]
            for name, title in NAMES.items()
        ]

    what = paragraph(
        f"""Everything but training, for studies of up to {sizes[-1]["runs"]:,} runs. Their records
        are written as training writes them, {EPOCHS} epochs with diagnostics, and predictions of
        {IMAGES:,} images, and stand in an MLflow store as if they had been sent to it. Every stage
        is a process of its own, its imports included. The figures of cells are many jobs, which
        share all cores; here one process draws them all. The dry run is of a study of which nothing
        has run."""
    )
    grids = [
        [
            size["grid"],
            f"{size['runs']:,}",
            f"{size['cells']:,}",
            f"{size['report_bytes'] / 1e6:.1f}",
        ]
        for size in sizes
    ]
    parts = [
        "## Many runs\n",
        what,
        table(["grid", "runs", "cells", "report, MB"], grids),
        table(["seconds", *amounts], values("seconds", 1)),
        table(["peak memory, MiB", *amounts], values("mebibytes", 0)),
    ]
    if len(sizes) > 1:
        parts += [
            "Seconds per run, as a multiple of those of the column before: 1 is in proportion.\n",
            table(
                ["growth", *amounts[1:]],
                [[title, *_growth(sizes, name)] for name, title in NAMES.items()],
            ),
        ]
    return "\n".join(parts)


if __name__ == "__main__":
    print(page({"sizes": [measure(int(runs)) for runs in sys.argv[1:]]}))
