"""What the warm processes save: a study of the digits with them and without, alternating.

Both give the same results; `MLPLAB_WARM=off` has every job run by itself.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.measure import paragraph, ratio, spread, table
from benchmarks.study import command, copy_project

PASSES = 2
CASES = {"with warm processes": {}, "every job by itself": {"MLPLAB_WARM": "off"}}


def seconds_of_a_study(variables: Mapping[str, str]) -> float:
    """Wall seconds of `snakemake` on all cores, from nothing to the report."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        copy_project(folder)
        return command(folder, "--configfile", "config/digits.yaml", variables=variables)


def main() -> dict[str, Any]:
    """Each case in every pass."""
    found: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(PASSES):
        for name, variables in CASES.items():
            found[name].append(seconds_of_a_study(variables))
            print(f"  {name}: {found[name][-1]:.1f} s", flush=True)
    return {name: spread(seconds) for name, seconds in found.items()}


def page(result: Mapping[str, Any]) -> str:
    """The section on warm processes."""
    warm, alone = (result[name]["values"] for name in CASES)
    rows = [
        [name, str(each["n"]), *(f"{each[key]:.1f}" for key in ("median", "min", "max"))]
        for name, each in result.items()
    ]
    return "\n".join(
        [
            "## Warm processes\n",
            paragraph(
                "A study of the digits, `config/digits.yaml`, from nothing to the report on all "
                "cores: with jobs as forks of warm processes (workflow/runtime), and with every "
                f"job by itself, alternating. The latter takes {ratio(alone, warm):.1f} times as "
                "long (median of the ratios pass by pass)."
            ),
            table(["seconds", "n", "median", "least", "greatest"], rows),
        ]
    )
