"""Which files a crate holds: path within the crate → file on disk."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from mlplab import activations, datasets, implementations
from mlplab.crate.finished import FinishedStudy
from mlplab.study.code import LIBRARY, closure

# The files and folders of the project that a study is run with.
PROJECT = (
    "Snakefile",
    "workflow",
    "profiles",
    "config/config.yaml",
    ".ci/environment.py",
    "Makefile",
    "pyproject.toml",
    "requirements.lock",
    "environment.yml",
    "apptainer.def",
    "Dockerfile",
    "README.md",
    "LICENSE",
    "CITATION.cff",
)
# What is source in those folders, whatever else lies about.
SOURCES = (".py", ".smk", ".rst", ".yaml", ".yml", ".json", ".j2", ".css", ".js", ".md", ".toml")
# What is large of a run's record and of the data; described, but held only where it is asked for.
HEAVY = ("parameters.safetensors", "predictions.parquet")

Contents = dict[str, Path]


def project_files(root: Path) -> Contents:
    """The files of the project: workflow, library, environment, licence."""
    return {file.relative_to(root).as_posix(): file for file in _sources(root)}


def _sources(root: Path) -> Iterator[Path]:
    for name in PROJECT:
        path = root / name
        if path.is_file():
            yield path
        for file in sorted(path.rglob("*")) if path.is_dir() else ():
            if file.is_file() and (file.suffix in SOURCES or file.name == "Snakefile"):
                yield file


def plug_in_files(study: FinishedStudy) -> Contents:
    """The files of the study's plug-ins from outside the library, with what they import there."""
    config = study.config
    chosen = {
        "implementations": (
            implementations.REGISTRY.sources(_folders(study, "implementations")),
            [*config["grid"]["implementation"], config["reference"]],
        ),
        "activations": (
            activations.REGISTRY.sources(_folders(study, "activations")),
            config["grid"]["activation"],
        ),
        "datasets": (
            datasets.REGISTRY.sources(_folders(study, "datasets")),
            [config["dataset"]],
        ),
    }
    return {
        f"plugins/{kind}/{path}": file
        for kind, (files, names) in chosen.items()
        for path, file in _outside(files[name] for name in names)
    }


def _folders(study: FinishedStudy, kind: str) -> list[Path]:
    return [study.root / folder for folder in study.config[kind]]


def _outside(files: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    """The files that are not the library's, and all that they import beside them."""
    for file in files:
        if not file.resolve().is_relative_to(LIBRARY):
            folder = file.resolve().parent
            for path in sorted(closure([file])):
                if path.is_relative_to(folder):
                    yield path.relative_to(folder).as_posix(), path


def study_files(study: FinishedStudy, heavy: bool, data: bool) -> Contents:
    """The files of the study, its runs and its data set.

    `heavy` adds parameters and predictions, `data` the data set's files. Data that nobody can
    download are always held.
    """
    decoded = f"{study.data}/data.safetensors"
    raw = [f"{study.data}/raw/{file['name']}" for file in study.manifest.files]
    left_out = set() if data else set(raw)
    # It is made of those again.
    left_out |= {decoded} if raw else set()
    files = [*study.own_files(), *study.data_files()]
    files += [file for file in study.run_files() if heavy or not file.endswith(HEAVY)]
    return {file: study.root / file for file in files if file not in left_out}
