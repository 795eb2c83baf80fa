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


def _git(*arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", *arguments], cwd=LIBRARY, capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def git_state() -> dict[str, Any]:
    """Commit of the code and whether the work tree differs from it; None outside a repository."""
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "dirty": bool(changes) if commit else None}


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def machine() -> dict[str, Any]:
    """The machine in words that say nothing of its owner: processor, cores, system."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def peak_memory() -> int:
    """Bytes of memory that this process has held at most, with what it shares with others."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # In kilobytes, except on a Mac.
    return peak if sys.platform == "darwin" else 1024 * peak


def versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Installed versions of the packages that results depend on; imports none of them."""
    return {package: version(package) for package in packages}
