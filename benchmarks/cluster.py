"""A study through Slurm beside the same study run locally: the demo and the article's.

Both nodes of the cluster are this machine, so that they share its cores with Slurm and with the
snakemake that submits: what is measured is what a job costs beside its training.
"""

import statistics
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.measure import paragraph, table
from benchmarks.study import prepare, snakemake
from mlplab.files import read_json
from tests.services import slurm

STUDIES = {"the demo": ("--configfile", "config/digits.yaml"), "the article's": ()}
ON_SLURM = ("--profile=profiles/slurm", *slurm.QUICK)
ONE_MACHINE = "cluster: {allow_sqlite: true}\n"


def job_seconds(cluster: slurm.Slurm) -> list[float]:
    """Seconds of each finished job, from its start on a node to its end; whole ones."""
    text = cluster.run("squeue", "--noheader", "--states=all", "--format=%S|%e")
    times = [map(datetime.fromisoformat, line.split("|")) for line in text.split()]
    return [(end - start).total_seconds() for start, end in times]


def measure(name: str) -> dict[str, Any]:
    """One study, first locally, then through Slurm with a store and results of its own."""
    found: dict[str, Any] = {"study": name}
    with tempfile.TemporaryDirectory() as temporary:
        for kind in ("local", "slurm"):
            folder = Path(temporary, kind)
            folder.mkdir()
            prepare(folder)
            (folder / "one_machine.yaml").write_text(ONE_MACHINE)
            files = [*(STUDIES[name] or ("--configfile",)), "one_machine.yaml"]
            if kind == "local":
                found[kind] = snakemake(folder, *files)
            else:
                with slurm.running(Path(temporary, "cluster")) as cluster:
                    found[kind] = snakemake(
                        folder, *files, where=ON_SLURM, variables=cluster.environment
                    )
                    found["jobs"] = job_seconds(cluster)
            records = [
                read_json(file) for file in sorted(folder.glob("results/*/runs/**/run.json"))
            ]
            found[f"{kind}_training"] = sum(record["training_seconds"] for record in records)
            found["runs"] = len(records)
    print(found, flush=True)
    return found


def main() -> list[dict[str, Any]]:
    """The demo and the article's study."""
    return [measure(name) for name in STUDIES]


def page(result: list[dict[str, Any]]) -> str:
    """Both studies as a section of Markdown."""
    rows = [
        [
            each["study"],
            str(each["runs"]),
            f"{each['local']:.0f}",
            f"{each['slurm']:.0f}",
            str(len(each["jobs"])),
            f"{statistics.median(each['jobs']):.0f}",
            f"{each['slurm_training'] / each['runs']:.1f}",
            f"{(each['slurm'] - each['local']) / each['runs']:.1f}",
        ]
        for each in result
    ]
    what = paragraph(
        """`profiles/slurm` on a real Slurm with two nodes of two cores, both of them this machine,
        beside `--cores all`. Jobs are bundles of five runs; two more compare the implementations.
        Seconds of a job are from its start on a node to its end, with up to four at once on the
        machine's cores; training is that of a run."""
    )
    heading = ["study", "runs", "local s", "Slurm s", "jobs", "s per job", "training s a run"]
    return "\n".join(
        ["## On a cluster\n", what, table([*heading, "more s per run than locally"], rows)]
    )
