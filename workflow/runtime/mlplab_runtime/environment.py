"""Whether this Python has what a study needs: one message at the start, not one from each job."""

import sys
from importlib.util import find_spec

OLDEST = (3, 11)
# What reads the configuration, plans the jobs and shows them; what they need where they run here.
PLANNING = ("yaml", "jsonschema", "rich")
JOBS = (
    "numpy",
    "torch",
    "torchvision",
    "safetensors",
    "pandas",
    "pyarrow",
    "scipy",
    "sklearn",
    "matplotlib",
    "jinja2",
    "mlflow",
)
MEND = (
    "Run the snakemake of the project's environment, .venv/bin/snakemake, which `make setup` "
    "makes; where it is that one, make it anew: rm -rf .venv && make setup"
)


def check_environment(jobs_elsewhere: bool) -> None:
    """Exit with one message where Python is too old or lacks a package.

    With `jobs_elsewhere`, in containers or environments of their own, those of the jobs may be
    missing here.
    """
    if sys.version_info < OLDEST:
        version = ".".join(map(str, OLDEST))
        found = sys.version.split()[0]
        sys.exit(f"Python {version} or newer is needed, found {found} ({sys.executable}). {MEND}")
    wanted = PLANNING if jobs_elsewhere else PLANNING + JOBS
    missing = [name for name in wanted if not _is_there(name)]
    if missing:
        sys.exit(f"{sys.executable} has no {', '.join(missing)}. {MEND}")


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False
