"""`mlplab crate`: a finished study as a Workflow Run RO-Crate, for a reviewer or an archive."""

import argparse
import csv
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlplab import datasets
from mlplab.crate.archive import write_archive, write_folder
from mlplab.crate.checklist import checklist
from mlplab.crate.contents import plug_in_files, project_files, study_files
from mlplab.crate.croissant import croissant
from mlplab.crate.finished import FinishedStudy, finished_study
from mlplab.crate.jobs import jobs_of
from mlplab.crate.preview import preview
from mlplab.crate.provenance import METADATA, Crate, provenance
from mlplab.crate.sbom import sbom
from mlplab.errors import UserError
from mlplab.files import file_digest
from mlplab.study.citation import Author, read_citation

ORCID = re.compile(r"(.*?)\s*<(https://orcid\.org/\d{4}-\d{4}-\d{4}-\d{3}[\dX])>")


def main(arguments: Sequence[str]) -> int:
    """Write the crate of a study; returns 1, and says why, where it is refused."""
    parser = argparse.ArgumentParser(prog="mlplab crate", description=__doc__)
    parser.add_argument("study", help="name of a finished study: the folder in results/")
    parser.add_argument(
        "out", nargs="?", type=Path, help="a .zip or a new folder (results/STUDY/crate.zip)"
    )
    parser.add_argument("--runs", action="store_true", help="with parameters and predictions too")
    parser.add_argument("--data", action="store_true", help="with the files of the data set too")
    parser.add_argument("--ran-by", metavar="NAME", help="who ran it: NAME, or 'NAME <ORCID>'")
    given = parser.parse_args(arguments)
    out = given.out or Path("results") / given.study / "crate.zip"
    try:
        ran_by = _person(given.ran_by) if given.ran_by else None
        study = finished_study(Path(), given.study)
        refuse_what_is_to_be_done(study)
        held = write_crate(study, out, given.runs, given.data, ran_by)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    if places := places_of_this_machine(study):
        print(f"The crate names places of this machine: {', '.join(places)}")
    digest = f", SHA-256 {file_digest(out)}" if out.is_file() else ""
    print(f"{out}: {held} files{digest}")
    return 0


def _person(text: str) -> Author:
    found = ORCID.fullmatch(text)
    if not found and "<" in text:
        raise UserError(
            f"--ran-by: found {text!r}, expected a name, or 'Ada Lovelace <https://orcid.org/…>'"
        )
    return Author("Person", *(found.groups() if found else (text,)))


def places_of_this_machine(study: FinishedStudy) -> list[str]:
    """Local places that the configuration and the origins of the data name: some are private."""
    kinds = ("implementations", "activations", "datasets")
    folders = [folder for kind in kinds for folder in study.config[kind]]
    urls = [file.get("url", "") for file in study.manifest.files]
    absolute = [folder for folder in folders if Path(folder).is_absolute()]
    return absolute + [url for url in urls if url.startswith("file:")]


def refuse_what_is_to_be_done(study: FinishedStudy) -> None:
    """Raise UserError where Snakemake finds that code, config or files changed since it ran."""
    config = f"{study.folder}/config.yaml"
    answer = subprocess.run(
        [sys.executable, "-m", "snakemake", "--configfile", config, "--summary"],
        cwd=study.root,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        raise UserError(f"{study.folder}: snakemake refuses this study: {answer.stderr.strip()}")
    rows = csv.DictReader(answer.stdout.splitlines(), delimiter="\t")
    to_do = [row for row in rows if row["plan"] != "no update"]
    if to_do:
        first = next((row for row in to_do if row["status"] != "ok"), to_do[0])
        raise UserError(
            f"{study.folder} is not what its code and config give: {first['output_file']}"
            f"{f' and {len(to_do) - 1} more' if to_do[1:] else ''}, {first['status']}; bring it up "
            f"to date: snakemake --cores all --configfile {config}"
        )


def write_crate(
    study: FinishedStudy, out: Path, heavy: bool, data: bool, ran_by: Author | None
) -> int:
    """Write a study to `out`, a ZIP where it ends so, else a new folder; returns how many files."""
    crate = Crate(
        study=study,
        jobs=jobs_of(study.root, study.made_files()),
        contents={
            **project_files(study.root),
            **plug_in_files(study),
            **study_files(study, heavy, data),
        },
        citation=read_citation(study.root / "CITATION.cff"),
        sentences=headlines(study),
        ran_by=ran_by,
    )
    texts = documents(crate)
    described = {
        path: (hashlib.sha256(text.encode()).hexdigest(), what)
        for path, (text, what) in texts.items()
    }
    written = {path: text for path, (text, _) in texts.items()}
    written[METADATA] = _json(provenance(crate, described))
    if out.suffix == ".zip":
        write_archive(out, crate.contents, written, crate.published)
    else:
        write_folder(out, crate.contents, written)
    return len(crate.contents) + len(written)


def documents(crate: Crate) -> dict[str, tuple[str, str]]:
    """The documents that are made for a crate: path → text, and what it is."""
    study = crate.study
    folders = [study.root / folder for folder in study.config["datasets"]]
    described = datasets.info(datasets.source(study.config["dataset"], folders))
    data = croissant(study.manifest, described, study.root / study.data, crate.contents)
    lock = (study.root / "requirements.lock").read_text(encoding="utf-8")
    return {
        "ro-crate-preview.html": (preview(crate), "What a person who opens the crate sees first."),
        "checklist.md": (checklist(crate), "What a reviewer asks, answered by the study."),
        "croissant.json": (_json(data), "The data set, in Croissant 1.1."),
        "sbom.cdx.json": (
            _json(sbom(lock, crate.citation, crate.published)),
            "The locked packages with their hashes and licences, in CycloneDX 1.6.",
        ),
    }


def print_checklist(arguments: Sequence[str]) -> int:
    """`mlplab checklist`: print the checklist of a study; returns 1 where it is refused."""
    parser = argparse.ArgumentParser(
        prog="mlplab checklist",
        description="What a reviewer asks, answered by a finished study, in Markdown.",
    )
    parser.add_argument("study", help="name of a finished study: the folder in results/")
    try:
        study = finished_study(Path(), parser.parse_args(arguments).study)
        jobs = jobs_of(study.root, study.made_files())
        citation = read_citation(study.root / "CITATION.cff")
        crate = Crate(study, jobs, {}, citation, headlines(study), ran_by=None)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(checklist(crate), end="")
    return 0


def headlines(study: FinishedStudy) -> list[str]:
    """The first sentence of each finding."""
    first: dict[str, str] = {}
    for row in study.table("findings"):
        first.setdefault(row["finding"], row["sentence"])
    return list(first.values())


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
