"""`mlplab reproduce`: run the study of a crate again, elsewhere, and say whether it is the same."""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from mlplab import activations, implementations, initializers
from mlplab.config.resolve import PLUG_INS, resolve
from mlplab.crate.compare import (
    TIMES_APART,
    Allowed,
    Difference,
    Verdict,
    apart,
    differences,
    summary,
    value_differences,
)
from mlplab.crate.finished import read_table
from mlplab.crate.received import ReceivedCrate, receive
from mlplab.errors import UserError
from mlplab.files import file_digest, read_json, write_text
from mlplab.study import grid, provenance
from mlplab.study.code import LIBRARY, training_digest
from mlplab.study.documents import read_run
from mlplab.study.record import RunFiles, RunRecord
from mlplab.study.rounding import LOSS

# This checkout, whose workflow and library run the study.
CHECKOUT = LIBRARY.parents[1]
EPILOG = """\
The study runs with this checkout's library, not with the crate's. Plug-ins that the crate brings
are a stranger's code: they run only with --trust, with all that you may do yourself. Unpack the
crate and read them first: they are in plugins/.
"""


def main(arguments: Sequence[str]) -> int:
    """Reproduce a crate; returns 1 where it is refused, or where the numbers are different."""
    parser = argparse.ArgumentParser(
        prog="mlplab reproduce",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("crate", type=Path, help="a crate: a .zip, or a folder")
    parser.add_argument("--folder", type=Path, help="where to run it, new (reproduced/CRATE)")
    parser.add_argument("--cores", default="all", help="how many cores to use (all)")
    parser.add_argument("--threads", type=int, help="threads of each run (as the workflow says: 1)")
    parser.add_argument("--trust", action="store_true", help="run the plug-ins of the crate")
    given = parser.parse_args(arguments)
    folder = given.folder or Path("reproduced") / given.crate.stem
    try:
        crate = prepare(given.crate, folder, given.trust)
        runs = len(grid.runs(crate.config))
        print(f"{crate.config['study']}: {runs} runs, with the library in {LIBRARY}")
        for line in other_circumstances(crate):
            print(line, flush=True)
        run(folder, given.cores, given.threads)
        verdict, lines = compared(crate, folder)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"interrupted; {folder} is unfinished", file=sys.stderr)
        return 130
    print(*lines, sep="\n")
    return int(verdict == Verdict.DIFFERENT)


def prepare(crate: Path, folder: Path, trust: bool) -> ReceivedCrate:
    """Unpack and check a crate, and write beside it the configuration that is run.

    The crate that is returned has that configuration: resolved, and with folders of here.
    Raises UserError, and leaves nothing behind, where the crate is not what it says, brings code
    that is not trusted, or the folder is there already.
    """
    if folder.exists():
        raise UserError(f"{folder} is there already; name a new one with --folder, or remove it")
    folder.mkdir(parents=True)
    try:
        received = receive(crate, folder / "crate")
        if received.plug_ins and not trust:
            raise UserError(
                f"{crate} brings code of its own: {', '.join(received.plug_ins)}. Unpack it and "
                "read that first; it runs with all that you may do yourself, and only with --trust"
            )
        config = resolve(_here(received))
        received.check_records(grid.runs(config))
        write_text(folder / "config/config.yaml", yaml.safe_dump(config, sort_keys=False))
    except UserError:
        shutil.rmtree(folder)
        raise
    return replace(received, config=config)


def _here(crate: ReceivedCrate) -> dict[str, Any]:
    """The crate's configuration without what points anywhere but into the crate.

    Runs are tracked in the folder; data come from the crate or from their publisher.
    """
    raw = crate.folder / f"results/data/{crate.config.get('dataset')}/raw"
    # Their notes of where they came from are always there.
    held = any(path.suffix != ".json" for path in raw.glob("*"))
    plug_ins = {kind: crate.folder / "plugins" / kind for kind in PLUG_INS}
    return {
        **{key: value for key, value in crate.config.items() if key != "tracking"},
        "mirrors": [str(raw.resolve())] if held else [],
        **{kind: [str(path.resolve())] * path.is_dir() for kind, path in plug_ins.items()},
    }


def other_circumstances(crate: ReceivedCrate) -> list[str]:
    """What is not as it was when the crate's study ran: code, packages, processor."""
    first = next(iter(grid.runs(crate.config).values()))
    was = read_run(crate.run_files(first.path).run)
    digest = training_digest(
        implementations.source(first.implementation, crate.config["implementations"]),
        activations.source(first.activation, crate.config["activations"]),
        initializers.source(first.settings["bias_init"]),
    )
    versions, machine = provenance.versions(), provenance.machine()
    pairs = [
        *((name, was.versions.get(name), version) for name, version in versions.items()),
        ("processor", was.machine.processor, machine["processor"]),
        ("Python", was.machine.python, machine["python"]),
    ]
    told = [
        f"{of}: {there} in the crate, {here} here" for of, there, here in pairs if there != here
    ]
    if was.code_digest != digest:
        told.append("The code that trains is another one here than in the crate.")
    return told


def run(folder: Path, cores: str, threads: int | None) -> None:
    """Run the study in its folder. Raises UserError where it does not come to its end."""
    command = ["-m", "snakemake", "--snakefile", str(CHECKOUT / "Snakefile")]
    command += ["--directory", str(folder), "--cores", cores]
    if threads:
        command += ["--set-threads", f"train={threads}"]
    # A team's tracking server is not for a stranger's runs.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
    answer = subprocess.run([sys.executable, *command], env=environment, check=False)
    if answer.returncode:
        raise UserError(f"{folder}: the study did not come to its end (see above)")


def compared(crate: ReceivedCrate, folder: Path) -> tuple[Verdict, list[str]]:
    """Whether the study in the folder is the crate's: the verdict, and lines that say it."""
    runs: dict[str, list[Difference]] = {}
    files: dict[str, bool] = {}
    there = {path: crate.run_files(path) for path in grid.runs(crate.config)}
    here = {
        path: RunFiles.at(folder / each.run.parent.relative_to(crate.folder))
        for path, each in there.items()
    }
    records = {path: each.load() for path, each in here.items()}
    allowed = _allowed(crate, folder, records)
    for path in there:
        then, now = there[path], here[path]
        runs[path] = list(differences(path, then.load(), records[path], allowed[path]))
        pairs = ((then.parameters, now.parameters), (then.predictions, now.predictions))
        known = [(was, new) for old, new in pairs if (was := crate.digest(old))]
        if known:
            files[path] = all(was == file_digest(new) for was, new in known)
    most = max(allowed.values(), key=lambda each: each.loss)
    chosen = list(_selections(crate, folder, most)) if crate.config["selection"] else []
    return summary({**runs, "selection.json": chosen} if chosen else runs, files, most)


def _allowed(
    crate: ReceivedCrate, folder: Path, records: Mapping[str, RunRecord]
) -> dict[str, Allowed]:
    """How far each run may be off: more where implementations that agree are themselves apart.

    That is taken from what was trained here, since the crate's numbers are what is in question.
    """
    share = crate.config["comparisons"]["equivalence_margin"]
    rows = read_table(folder / crate.study.relative_to(crate.folder), "agreement")
    agree = {row["implementation"] for row in rows if row["verdict"] == "agrees"}
    cells: dict[str, dict[int, list[RunRecord]]] = {}
    cell_of = {}
    for path, run in grid.runs(crate.config).items():
        cell_of[path] = f"{run.activation}/{run.point}"
        seeds = cells.setdefault(cell_of[path], {})
        if run.implementation in agree:
            seeds.setdefault(run.seed, []).append(records[path])
    loss = {
        cell: max([LOSS, *(TIMES_APART * apart(twins) for twins in seeds.values())])
        for cell, seeds in cells.items()
    }
    return {path: Allowed(share, loss[cell]) for path, cell in cell_of.items()}


def _selections(crate: ReceivedCrate, folder: Path, allowed: Allowed) -> Iterator[Difference]:
    """What differs in which combination was chosen, and in what the test set says of it."""
    path = crate.study / "selection.json"
    old, new = read_json(path), read_json(folder / path.relative_to(crate.folder))
    # Their scores stand above them as means.
    old.pop("runs")
    yield from value_differences(path.name, old, new, allowed)
