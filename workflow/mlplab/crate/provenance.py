"""ro-crate-metadata.json: how a study was made, as a Workflow Run RO-Crate.

Specification: Provenance Run Crate 0.5, https://w3id.org/ro/wfrun/provenance/0.5, on RO-Crate 1.1.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mlplab.crate.contents import Contents
from mlplab.crate.files import Files
from mlplab.crate.finished import FinishedStudy
from mlplab.crate.graph import Graph, Reference, references
from mlplab.crate.jobs import Job, timestamp
from mlplab.study.citation import Author, Citation
from mlplab.study.grid import IDENTITY, slug
from mlplab.study.tables import TABLES

METADATA = "ro-crate-metadata.json"
CONTEXT = [
    "https://w3id.org/ro/crate/1.1/context",
    "https://w3id.org/ro/terms/workflow-run/context",
]
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/provenance/0.5": ("Provenance Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
SNAKEMAKE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"
ENGINE = "https://snakemake.github.io"
MAIN = "Snakefile"
# What the workflow is given and what it makes, as it names them: what each is.
INPUTS = {
    "configuration": ("File", "What the study asks: its grid, its settings."),
    "data": ("Collection", "The data set, as its publisher gives it out."),
}
OUTPUTS = {
    "page": ("File", "The study on one page."),
    "tables": ("Collection", "Every number of the page."),
    "figures": ("Collection", "Every figure of the page."),
    "runs": ("Collection", "The record of each run."),
}


@dataclass(frozen=True)
class Crate:
    """What goes into a crate: a study, the jobs that made it, the files it holds, who ran it."""

    study: FinishedStudy
    jobs: list[Job]
    contents: Contents
    citation: Citation
    sentences: list[str]
    ran_by: Author | None

    @property
    def published(self) -> str:
        """When the study was finished."""
        return timestamp(max(job.ended for job in self.jobs))


def provenance(crate: Crate, documents: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """The metadata of a crate, as JSON-LD.

    `documents` are the files that are made for the crate: their SHA-256 and what they are.
    """
    return _Provenance(crate).document(documents)


class _Provenance:
    """The graph of one crate, as it is put together."""

    def __init__(self, crate: Crate) -> None:
        self.crate = crate
        self.study = crate.study
        self.graph = Graph()
        self.files = Files(self.graph, crate.study.root, crate.contents)
        self.mentions: list[str] = []
        # Rule → its script, in the order in which rules began.
        self.tools = {job.rule: f"workflow/scripts/{job.rule}.py" for job in crate.jobs}
        self.scripts = set(self.tools.values())

    def document(self, documents: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
        licence = self._licence()
        ran_by = self._author(self.crate.ran_by) if self.crate.ran_by else None
        for path, source in self.crate.contents.items():
            if path != MAIN:
                self._file(path, source)
        for path, (digest, what) in documents.items():
            self.files.add(path, "File", sha256=digest, description=what, name=path)
        self._workflow(licence)
        self._jobs(self._run(ran_by), ran_by)
        self._root(licence, ran_by, documents)
        return self.graph.document(CONTEXT)

    def _root(
        self, licence: Reference, ran_by: Reference | None, documents: Mapping[str, Any]
    ) -> None:
        profiles = [
            self.graph.add(url, "CreativeWork", name=name, version=version)
            for url, (name, version) in PROFILES.items()
        ]
        self.graph.add(
            "./",
            "Dataset",
            name=f"{self.study.name}: a study with {self.crate.citation.title}",
            description=" ".join(self.crate.sentences) or self.crate.citation.abstract,
            datePublished=self.crate.published,
            license=licence,
            author=ran_by,
            keywords=list(self.crate.citation.keywords),
            conformsTo=profiles,
            mainEntity={"@id": MAIN},
            hasPart=references(self.files.parts),
            mentions=references(self.mentions),
        )
        self.graph.add(
            METADATA,
            "CreativeWork",
            about={"@id": "./"},
            conformsTo=references(
                [
                    "https://w3id.org/ro/crate/1.1",
                    "https://w3id.org/workflowhub/workflow-ro-crate/1.0",
                ]
            ),
        )

    def _licence(self) -> Reference:
        name = self.crate.citation.licence
        url = f"https://spdx.org/licenses/{name}"
        return self.graph.add(url, "CreativeWork", name=name, url=url)

    def _author(self, author: Author) -> Reference:
        identifier = author.identifier or f"#{quote(author.name)}"
        return self.graph.add(identifier, author.kind, name=author.name)

    def _file(self, path: str, source: Path) -> None:
        """A file that the crate holds; a rule's script is a tool of the workflow as well."""
        is_tool = path in self.scripts
        self.files.hold(
            path,
            source,
            ["File", "SoftwareSourceCode"] if is_tool else "File",
            description=self._described(path),
            version=self.crate.citation.version if is_tool else None,
            about={"@id": "./"} if path == "README.md" else None,
            exampleOfWork=self._parameter_of(path),
        )

    def _described(self, path: str) -> str | None:
        captions = {f"{self.study.folder}/tables/{each.name}": each.caption for each in TABLES}
        return captions.get(path.rpartition(".")[0])

    def _parameter_of(self, path: str) -> Reference | None:
        single = {
            f"{self.study.folder}/config.yaml": "configuration",
            f"{self.study.folder}/report.html": "page",
        }
        return {"@id": f"#{single[path]}"} if path in single else None

    def _workflow(self, licence: Reference) -> None:
        """The workflow: what it takes and makes, and its rules as steps, done by scripts."""
        self.graph.add(
            SNAKEMAKE,
            "ComputerLanguage",
            name="Snakemake",
            identifier={"@id": ENGINE},
            url={"@id": ENGINE},
        )
        for name, (kind, what) in {**INPUTS, **OUTPUTS}.items():
            self.graph.add(
                f"#{name}",
                "FormalParameter",
                name=name,
                description=what,
                additionalType=kind,
                conformsTo={"@id": "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"},
            )
        for position, (rule, script) in enumerate(self.tools.items(), start=1):
            self.graph.add(
                f"#step/{rule}",
                "HowToStep",
                name=rule,
                position=position,
                workExample={"@id": script},
            )
        self.files.hold(
            MAIN,
            self.crate.contents[MAIN],
            ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
            name=self.crate.citation.title,
            description=self.crate.citation.abstract,
            version=self.crate.citation.version,
            encodingFormat="text/x-snakemake",
            programmingLanguage={"@id": SNAKEMAKE},
            license=licence,
            author=[self._author(author) for author in self.crate.citation.authors],
            input=references(f"#{name}" for name in INPUTS),
            output=references(f"#{name}" for name in OUTPUTS),
            hasPart=references(self.tools.values()),
            step=references(f"#step/{rule}" for rule in self.tools),
            softwareRequirements=references(["requirements.lock"]),
        )

    def _data(self) -> list[str]:
        """What the study's data are: the files of the publisher, where there are any."""
        raw = [f"{self.study.data}/raw/{file['name']}" for file in self.study.manifest.files]
        return [self.files.refer(file) for file in raw or [f"{self.study.data}/data.safetensors"]]

    def _run(self, ran_by: Reference | None) -> Reference:
        """The run of the whole workflow."""
        folder, published = self.study.folder, self.study.published
        runs = [file for file in self.study.run_files() if file.endswith("/run.json")]
        collections = {
            "data": self._data(),
            "tables": map(
                self.files.refer, (f for f in published if f.startswith(f"{folder}/tables"))
            ),
            "figures": map(
                self.files.refer, (f for f in published if f.startswith(f"{folder}/figures"))
            ),
            "runs": map(self.files.refer, runs),
        }
        for name, files in collections.items():
            self.graph.add(
                f"#collection/{name}",
                "Collection",
                name=f"{name} of {self.study.name}",
                hasPart=references(files),
                exampleOfWork={"@id": f"#{name}"},
            )
            self.mentions.append(f"#collection/{name}")
        self.mentions.append("#run")
        made = [f"{folder}/report.html", *(f"#collection/{name}" for name in list(OUTPUTS)[1:])]
        return self.graph.add(
            "#run",
            "CreateAction",
            name=f"The study {self.study.name}",
            description=f"{len(self.crate.jobs)} jobs of {MAIN} with {folder}/config.yaml",
            instrument={"@id": MAIN},
            object=references([f"{folder}/config.yaml", "#collection/data"]),
            result=references(made),
            startTime=timestamp(min(job.started for job in self.crate.jobs)),
            endTime=self.crate.published,
            actionStatus="http://schema.org/CompletedActionStatus",
            agent=ran_by,
        )

    def _jobs(self, run: Reference, ran_by: Reference | None) -> None:
        """Every job, and Snakemake, which ordered them."""
        controls = [self._job(job, ran_by) for job in self.crate.jobs]
        first = next(iter(self.study.runs))
        self.graph.add(
            ENGINE,
            "SoftwareApplication",
            name="Snakemake",
            url=ENGINE,
            softwareVersion=self.study.record(first).run.versions["snakemake"],
        )
        self.graph.add(
            "#organize",
            "OrganizeAction",
            name="Snakemake orders the jobs",
            instrument={"@id": ENGINE},
            object=controls,
            result=run,
            agent=ran_by,
        )

    def _settings(self, job: Job) -> Iterator[str]:
        """The @id of what a job was given besides files: of a training, the run's settings."""
        runs = f"{self.study.folder}/runs/"
        for output in job.outputs if job.rule == "train" else ():
            if output.endswith("/run.json"):
                run = self.study.runs[output.removeprefix(runs).removesuffix("/run.json")]
                identity = {name: getattr(run, name) for name in IDENTITY}
                for name, value in {**identity, **run.settings}.items():
                    identifier = f"#setting/{name}={quote(slug(value))}"
                    self.graph.add(identifier, "PropertyValue", name=name, value=slug(value))
                    yield identifier

    def _job(self, job: Job, ran_by: Reference | None) -> Reference:
        path = f"#job/{quote(job.name)}"
        self.mentions.append(path)
        action = self.graph.add(
            path,
            "CreateAction",
            name=job.name,
            description=f"A job of the rule {job.rule}; its log is {job.log}.",
            instrument={"@id": self.tools[job.rule]},
            object=references([*map(self.files.refer, job.inputs), *self._settings(job)]),
            result=references(map(self.files.refer, job.outputs)),
            startTime=timestamp(job.started),
            endTime=timestamp(job.ended),
            actionStatus="http://schema.org/CompletedActionStatus",
            agent=ran_by,
        )
        return self.graph.add(
            f"#control/{quote(job.name)}",
            "ControlAction",
            name=f"Snakemake starts {job.name}",
            instrument={"@id": f"#step/{job.rule}"},
            object=action,
        )
