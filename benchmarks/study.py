"""What a study costs beside its training: the article's study with 3 and with 30 seeds.

Each study is run by the real command line in a folder of its own, with the data in place. Its
overhead is wall time × cores less the sum of all training seconds; where it goes is read from
Snakemake's record of each job (start and end) and from the runs' own records.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from benchmarks.measure import DATA, data_file, paragraph, table
from mlplab.figures.catalogue import catalogue
from mlplab.files import read_json
from mlplab.study.tables import TABLES

ROOT = Path(__file__).parents[1]
PARTS = ("Snakefile", "workflow", "config", "profiles", "environment.yml")
# Number of seeds → how often the study is measured: the speed of a machine changes from minute to
# minute. The article's study has six cells: 18 and 180 runs.
PASSES = {3: 3, 30: 1}

TRAINING, OTHERS = "training jobs: process, data, record", "other jobs"
# What draws figures and makes tables follows from the catalogue and the list of tables.
KINDS = {
    **dict.fromkeys(("download", "decode", "train", "select_best"), TRAINING),
    "evaluate": "evaluation jobs",
    "start_study": "tracking",
    "track": "tracking",
    "compare_implementation": "parity of implementations",
    **{table.rule: "tables" for table in TABLES},
    **{figure.rule: "figures" for figure in catalogue()},
    "save_config": "report",
    "render_report": "report",
    "publish_study": "report",
}


class Job(NamedTuple):
    """A job that ran: its rule, and when it started and ended, in seconds after the command."""

    rule: str
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start


def copy_project(folder: Path) -> None:
    """A copy of what a study needs of the project."""
    for part in PARTS:
        source = ROOT / part
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, folder / part)


def prepare(folder: Path) -> None:
    """A copy of the project, with its data downloaded from this one's and decoded."""
    copy_project(folder)
    snakemake(folder, f"{DATA}/data.safetensors")


def snakemake(
    folder: Path,
    *arguments: str,
    where: Sequence[str] = ("--cores", "all"),
    variables: Mapping[str, str] = MappingProxyType({}),
) -> float:
    """As `command`, with the data set's files from this project."""
    mirror = str(data_file("data.safetensors").absolute().parent / "raw")
    return command(
        folder, *arguments, where=where, variables={**variables, "MLPLAB_MIRRORS": mirror}
    )


def command(
    folder: Path,
    *arguments: str,
    where: Sequence[str] = ("--cores", "all"),
    variables: Mapping[str, str] = MappingProxyType({}),
) -> float:
    """Wall seconds of one snakemake, on all cores; raises RuntimeError where it fails.

    `where` says it otherwise, with further environment `variables`.
    """
    paths = [str(Path(sys.executable).parent), variables.get("PATH", ""), os.environ["PATH"]]
    path = os.pathsep.join(filter(None, paths))
    # As a user's shell has it: nothing of this benchmark's own settings.
    unwanted = ("PYTHONPATH", "OPENBLAS_NUM_THREADS", "MLFLOW_TRACKING_URI", "MLPLAB_WARM")
    environment = {name: value for name, value in os.environ.items() if name not in unwanted}
    start = time.perf_counter()
    answer = subprocess.run(
        [sys.executable, "-m", "snakemake", *where, *arguments],
        cwd=folder,
        env={**environment, **variables, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    seconds = time.perf_counter() - start
    if answer.returncode:
        raise RuntimeError(f"{' '.join(answer.args)} failed:\n{answer.stdout[-3000:]}")
    return seconds


def jobs(folder: Path, since: float) -> list[Job]:
    """Every job that started after `since` (seconds of the epoch), in order."""
    found = {}
    for file in (folder / ".snakemake/metadata").iterdir():
        record = json.loads(file.read_text())
        # Every output file has a record; the log names the job.
        if record["starttime"] and record["starttime"] >= since:
            job = Job(record["rule"], record["starttime"] - since, record["endtime"] - since)
            found[tuple(record["log"])] = job
    return sorted(found.values(), key=lambda job: job.start)


def measure(seeds: int) -> dict[str, Any]:
    """One study with so many seeds, from nothing but the data to its report; then once more."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prepare(folder)
        (folder / "study.yaml").write_text(f"grid: {{seed: {list(range(seeds))}}}")
        since = time.time()
        wall = snakemake(folder, "--configfile", "study.yaml")
        ran = jobs(folder, since)
        nothing = snakemake(folder, "--configfile", "study.yaml")
        records = [read_json(file) for file in sorted(folder.glob("results/*/runs/**/run.json"))]
    return summarise(ran, records, wall, nothing, len(os.sched_getaffinity(0)))


def summarise(
    ran: Sequence[Job],
    records: Sequence[Mapping[str, Any]],
    wall: float,
    nothing_to_do: float,
    cores: int,
) -> dict[str, Any]:
    """Core-seconds of a study by what they were spent on.

    `ran` are its jobs, `records` its runs' run.json, `wall` and `nothing_to_do` the seconds of the
    study and of the same command once more.
    """
    training, passes, probing = (
        sum(record[name] for record in records)
        for name in ("training_seconds", "evaluation_seconds", "diagnostics_seconds")
    )
    spent: dict[str, float] = defaultdict(float)
    spent["training"] = training
    spent["test pass of every epoch"] = passes
    spent["diagnostics of every epoch"] = probing
    spent[TRAINING] = -training - passes - probing
    for job in ran:
        spent[KINDS.get(job.rule, OTHERS)] += job.seconds
    first, last = min(job.start for job in ran), max(job.end for job in ran)
    spent["before the first job"] = first * cores
    spent["after the last job"] = (wall - last) * cores
    spent["between jobs, and idle cores"] = wall * cores - sum(spent.values())
    return {
        "runs": len(records),
        "cores": cores,
        "jobs": len(ran),
        "wall": wall,
        "nothing_to_do": nothing_to_do,
        "training": training,
        "overhead_per_run": (wall * cores - training) / len(records),
        "peak_memory": max(record["peak_memory"] for record in records) / 1e6,
        "core_seconds": dict(spent),
        "timeline": [tuple(job) for job in ran],
    }


def main() -> dict[str, Any]:
    """Every study, one after the other; of several passes the one whose overhead is the median."""
    return {
        "studies": [
            median([measure(seeds) for _ in range(passes)]) for seeds, passes in PASSES.items()
        ]
    }


def median(measured: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The pass whose overhead is the median, with those of all as `overheads_per_run`."""
    in_order = sorted(measured, key=lambda study: study["overhead_per_run"])
    overheads = [study["overhead_per_run"] for study in in_order]
    return in_order[len(in_order) // 2] | {"overheads_per_run": overheads}


def page(result: Mapping[str, Any]) -> str:
    """The section on studies."""
    studies = result["studies"]
    heading = ["seconds, MB", *(f"{study['runs']} runs" for study in studies)]
    totals = {
        "wall": "wall time",
        "training": "training, all runs",
        "overhead_per_run": "overhead per run",
        "nothing_to_do": "the same command once more",
    }
    rows = [[text, *(f"{study[name]:.1f}" for study in studies)] for name, text in totals.items()]
    passes = [", ".join(f"{each:.2f}" for each in study["overheads_per_run"]) for study in studies]
    rows.append(["overhead per run in each pass", *passes])
    memory = [f"{study['peak_memory']:.0f}" for study in studies]
    rows.append(["memory of a training job, at most, MB", *memory])
    kinds = dict.fromkeys(kind for study in studies for kind in study["core_seconds"])
    spent = [
        [kind, *(f"{study['core_seconds'].get(kind, 0) / study['runs']:.2f}" for study in studies)]
        for kind in kinds
    ]
    return "\n".join(
        [
            "## A study\n",
            paragraph(
                "The article's study on Fashion-MNIST with 3 and with 30 seeds, `snakemake --cores "
                f"all` on {studies[0]['cores']} cores with the data in place. The overhead is wall "
                "time × cores less the seconds of all training passes; of several passes the "
                "median one is shown."
            ),
            table(heading, rows),
            "Where the core-seconds go, per run:\n",
            table(["core-seconds per run", *heading[1:]], spent),
        ]
    )


if __name__ == "__main__":
    found = [measure(int(seeds)) for seeds in sys.argv[1:]]
    print(page({"studies": found}))
    for job in found[0]["timeline"]:
        print(job)
