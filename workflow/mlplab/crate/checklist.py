"""What a reviewer asks, answered by the study itself: a checklist in Markdown.

The questions are those of the NeurIPS paper checklist that an experiment can answer; what only its
authors know is left to them.
"""

from collections.abc import Iterable, Iterator, Sequence
from statistics import median
from typing import Any

from mlplab.crate.finished import FinishedStudy
from mlplab.crate.provenance import Crate
from mlplab.study import grid
from mlplab.study.documents import RunInfo
from mlplab.study.settings import SECTIONS

LEFT_OPEN = (
    "code of ethics, broader impacts, safeguards",
    "people who took part, and what they were paid or told",
    "how language models were used",
    "computing that this study does not show, such as earlier tries",
)


def checklist(crate: Crate) -> str:
    """The checklist of a study, in Markdown."""
    study = crate.study
    runs = [study.record(run).run for run in study.runs]
    summary = study.table("summary")
    sections = {
        "Claims": _claims(crate),
        "Limitations": _limitations(study, summary, runs),
        "Can it be reproduced?": _reproducing(study, runs),
        "Data and code": _sources(crate, runs),
        "Settings": _settings(study),
        "Error bars": _error_bars(study, summary),
        "Compute": _compute(crate, runs),
        "Licences": _licences(crate),
        "Left to the authors": [f"- {what}" for what in LEFT_OPEN],
    }
    head = (
        f"# Reproducibility checklist: {study.name}\n\nWritten by `mlplab checklist` from the "
        "study's own files. The questions are those of the NeurIPS checklist."
    )
    parts = [f"## {title}\n\n" + "\n".join(lines) for title, lines in sections.items()]
    return "\n\n".join([head, *parts]) + "\n"


def _claims(crate: Crate) -> Iterator[str]:
    yield from (f"- {sentence}" for sentence in crate.sentences)
    yield ""
    yield (
        f"Each is worked out in `{crate.study.folder}/report.html`; all sentences are in "
        "`tables/findings.csv`, the numbers behind them in the tables beside it."
    )


def _limitations(
    study: FinishedStudy, summary: Sequence[dict[str, str]], runs: Sequence[RunInfo]
) -> Iterator[str]:
    seeds = len(study.config["grid"]["seed"])
    split = grid.scored_split(study.config)
    widths = [float(row["wilson_width"]) for row in study.table("intervals") if row["wilson_width"]]
    failed, diverged = (
        sum(run.status == status for run in runs) for status in ("failed", "diverged")
    )
    yield f"- One data set, {study.manifest.title}; one kind of network, the multilayer perceptron."
    yield f"- {_count(seeds, 'seed')} of each of {_count(len(summary), 'combination')}."
    if widths:
        yield (
            f"- The number of {split} images alone leaves an accuracy open by ±"
            f"{median(widths) / 2:.4f} (half of a 95 % Wilson interval, median over runs)."
        )
    yield f"- Runs that diverged: {diverged}; that failed: {failed}. All of them are reported."


def _reproducing(study: FinishedStudy, runs: Sequence[RunInfo]) -> Iterator[str]:
    resumed = sum(bool(run.resumed_after) for run in runs)
    yield f"- With the crate: `mlplab reproduce {study.name}.zip` runs it again and compares it."
    yield (
        "- A seed decides the initial parameters and the order of examples; on the same processor "
        "with the same packages and threads every loss is the same to the last bit."
    )
    yield "- The environment is locked, each package with its hashes: `requirements.lock`."
    yield f"- Interrupted and gone on from a checkpoint: {_count(resumed, 'run')} of {len(runs)}."


def _sources(crate: Crate, runs: Sequence[RunInfo]) -> Iterator[str]:
    manifest = crate.study.manifest
    yield f"- Data: {manifest.title}, {manifest.homepage}. {manifest.citation}"
    for file in manifest.files:
        yield f"  - `{file['name']}`, MD5 `{file['md5']}`"
    yield f"  - decoded: SHA-256 `{manifest.sha256}`"
    yield f"- Code: {crate.citation.title} {crate.citation.version}, with the whole workflow."
    for commit in _each(_commit(run) for run in runs):
        yield f"  - {commit}"


def _commit(run: RunInfo) -> str:
    if not run.git.commit:
        return "not from a git repository"
    return f"git commit `{run.git.commit}`{', with changes of its own' if run.git.dirty else ''}"


def _settings(study: FinishedStudy) -> Iterator[str]:
    config = study.config
    axes = config["grid"]
    yield "| setting | value |"
    yield "| --- | --- |"
    fixed = {
        name: value
        for section in SECTIONS
        for name, value in config[section].items()
        if name not in axes
    }
    for name, value in {**axes, **fixed}.items():
        yield f"| {name.replace('_', ' ')} | {_value(value)} |"
    for split, counts in study.manifest.counts.items():
        yield f"| {split} images | {counts.images:,} |"
    yield ""
    if config["selection"]:
        yield (
            "The best combination was chosen by its mean accuracy on validation images, held out "
            "of the training set; then the test set was read for it. `test_readings.jsonl` has "
            "every such reading of the study."
        )
    else:
        yield "No setting was tuned: every combination of the grid is reported."


def _error_bars(study: FinishedStudy, summary: Sequence[dict[str, str]]) -> Iterator[str]:
    metric = f"{grid.scored_split(study.config)}_accuracy"
    keys = [name for name in summary[0] if name in study.config["grid"]]
    yield f"| {' | '.join(keys)} | n | {metric.replace('_', ' ')} | std | 95 % interval |"
    yield "| --- " * (len(keys) + 4) + "|"
    for row in summary:
        of = [row[key] for key in keys]
        mean, deviation = (_number(row[f"{metric}_{part}"]) for part in ("mean", "std"))
        low, high = (_number(row[f"{metric}_{part}"]) for part in ("low", "high"))
        # Two seeds say nothing of the next one.
        known = row[f"{metric}_low"] not in ("", "nan")
        interval = f"{low} to {high}" if known else "–"
        yield f"| {' | '.join([*of, row['n'], mean, deviation])} | {interval} |"
    yield ""
    yield (
        "Over seeds: sample standard deviation, and an interval of the mean whose coverage "
        "docs/coverage.md of the workflow shows. Pairs are compared over the same seeds and "
        "images, with Holm's correction: `tables/comparisons.csv`. What the number of images alone "
        "leaves open: `tables/intervals.csv`, `tables/mcnemar.csv`."
    )


def _compute(crate: Crate, runs: Sequence[RunInfo]) -> Iterator[str]:
    places = _each(
        f"{run.machine.processor}, {_count(run.machine.cores, 'core')}, {run.machine.system}; "
        f"a run on {run.device} with {_count(run.threads, 'thread')}"
        for run in runs
    )
    yield from (f"- {place}" for place in places)
    training = sum(run.training_seconds or 0 for run in runs)
    wall = sum(job.ended - job.started for job in crate.jobs)
    memory = max(run.peak_memory for run in runs) / 2**20
    yield (
        f"- {_count(len(runs), 'run')}: {training:.0f} s of training, at most {memory:.0f} MiB of "
        "memory each."
    )
    yield f"- {_count(len(crate.jobs), 'job')} of the workflow, these among them: {wall:.0f} s."
    versions = _each(", ".join(f"{n} {v}" for n, v in run.versions.items()) for run in runs)
    yield from (f"- Python {runs[0].machine.python}; {packages}" for packages in versions)


def _licences(crate: Crate) -> list[str]:
    return [
        f"- Code: {crate.citation.licence} (`LICENSE`); to cite: `CITATION.cff`.",
        f"- Data: {crate.study.manifest.license}.",
        "- Packages: each with its licence, as far as it says one, in `sbom.cdx.json`.",
    ]


def _each(texts: Iterable[str]) -> list[str]:
    """Some texts, each once."""
    return list(dict.fromkeys(texts))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _number(text: str) -> str:
    return f"{float(text):.4f}" if text else "–"


def _value(value: Any) -> str:
    items = value if isinstance(value, list) else [value]
    if items and all(isinstance(item, list) for item in items):
        return ", ".join("×".join(map(str, item)) for item in items)
    return ", ".join(map(str, items))
