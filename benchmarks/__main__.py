"""`python -m benchmarks [part …]`: measure and keep the results as JSON; write the page of all."""

import argparse
import importlib
import os
import subprocess
import sys
from collections.abc import Sequence

from benchmarks import page
from benchmarks.measure import FOLDER, facts
from mlplab.files import write_json

# NumPy's BLAS reads its number of threads when it is imported; torch's is set for each case.
ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}


def measure(part: str) -> None:
    """Measure a part in this process, print its section and keep what it found."""
    module = importlib.import_module(f"benchmarks.{part}")
    document = {"part": part, **facts(), "result": module.main()}
    write_json(FOLDER / f"{part}.json", document)
    print(f"\n{page.section(document)}")


def measure_each(parts: Sequence[str]) -> list[str]:
    """Measure each part in a process of its own; returns those that failed."""
    failed = []
    for part in parts:
        print(f"benchmark {part}", flush=True)
        command = [sys.executable, "-m", "benchmarks", "--here", part]
        if subprocess.run(command, env={**os.environ, **ENVIRONMENT}).returncode:
            failed.append(part)
    return failed


def part(name: str) -> str:
    """A part's name, if there is such a part."""
    if name not in page.PARTS:
        raise argparse.ArgumentTypeError(
            f"there is no part {name!r}; there are {', '.join(page.PARTS)}"
        )
    return name


def main() -> None:
    """Measure the named parts, all without a name; or only write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", type=part, metavar="part", help=f"of {', '.join(page.PARTS)}"
    )
    parser.add_argument("--page", action="store_true", help="only write the page from the results")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        measure(*arguments.parts)
        return
    failed = [] if arguments.page else measure_each(arguments.parts or list(page.PARTS))
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")
    page.write()


if __name__ == "__main__":
    main()
