"""Where results come from: code, machine and versions."""

import os
import platform
import resource
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

LIBRARY = Path(__file__).parents[1]

PACKAGES = ("torch", "torchvision", "numpy", "pandas", "matplotlib", "mlflow", "snakemake")


# What keeps oneDNN, PyTorch, MKL, OpenBLAS and numpy from instructions that a processor has.
INSTRUCTIONS = (
    *("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ONEDNN_DEFAULT_FPMATH_MODE"),
    *("ATEN_CPU_CAPABILITY", "MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR", "OPENBLAS_CORETYPE"),
    "NPY_DISABLE_CPU_FEATURES",
)


def _git(*arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", *arguments], cwd=LIBRARY, capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def git_state() -> dict[str, Any]:
    """Commit of the code and whether the work tree differs from it, new files of code included.

    None outside a repository, and in one that does not know this code: that somebody has put it
    into a folder of a repository of his own says nothing of it.
    """
    commit = _git("rev-parse", "HEAD")
    if not commit or not _git("ls-files", "--", "."):
        return {"commit": None, "dirty": None}
    changes = _git("status", "--porcelain", "--untracked-files=no")
    new = _git("ls-files", "--others", "--exclude-standard", "--", ".", ":/*.py")
    return {"commit": commit, "dirty": bool(changes or new)}


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def machine() -> dict[str, Any]:
    """The machine in words that say nothing of its owner: processor, cores, system.

    `limits` are the variables by which libraries are kept from some of the processor's
    instructions, as far as they are set: another choice of them rounds otherwise.
    """
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "limits": {name: os.environ[name] for name in INSTRUCTIONS if name in os.environ},
    }


def peak_memory() -> int:
    """Bytes of memory that this process has held at most, with what it shares with others."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # In kilobytes, except on a Mac.
    return peak if sys.platform == "darwin" else 1024 * peak


def versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Installed versions of the packages that results depend on; imports none of them."""
    return {package: version(package) for package in packages}
