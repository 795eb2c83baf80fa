"""What was run: settings, data, machine and code, as pairs of a label and its text."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from mlplab.report.findings._finding import first_of
from mlplab.report.wording import count, human, listed, rounded, setting
from mlplab.study.documents import Manifest, RunInfo
from mlplab.study.grid import IDENTITY
from mlplab.study.record import RunRecord

Pairs = list[tuple[str, str]]


def settings(config: Mapping[str, Any]) -> Pairs:
    """All settings of the runs; those on an axis of the grid with all their values."""
    grid = config["grid"]
    fixed = {**config["network"], **config["training"]}
    varied = {axis: listed(map(setting, grid[axis])) for axis in grid}
    pairs = [(human(axis), varied[axis]) for axis in IDENTITY]
    return [*pairs, *((human(name), varied.get(name, setting(fixed[name]))) for name in fixed)]


def dataset(manifest: Manifest, held_out: int) -> Pairs:
    """Counts, classes, checksums and origin of the data set; `held_out` of it for validation."""
    counts = manifest.counts
    pairs = [
        (
            f"{split} set",
            f"{count(counts[split].images, 'image')} of {_pixels(counts[split].shape)} "
            f"pixels, {_range(counts[split].per_class)} of each class",
        )
        for split in ("training", "test")
    ]
    if held_out:
        text = f"the last {count(held_out, 'image')} of the training set, held out"
        pairs.insert(1, ("validation set", text))
    pairs.append(("classes", listed(manifest.class_names)))
    pairs += [(file["name"], f"MD5 {file['md5']}") for file in manifest.files]
    pairs += [
        ("decoded file", f"SHA-256 {manifest.sha256}"),
        ("licence", manifest.license),
        ("to cite", manifest.citation),
    ]
    return pairs


def _pixels(shape: Iterable[int]) -> str:
    return " × ".join(map(str, shape))


def _range(counts: list[int]) -> str:
    """The range of some counts: 33 to 37, or 6,000 where they agree."""
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _distinct(records: Mapping[str, RunRecord], describe: Callable[[RunInfo], str]) -> str:
    """What describes the runs, once each; with the number of runs where they differ."""
    amounts: dict[str, int] = {}
    for record in records.values():
        described = describe(record.run)
        amounts[described] = amounts.get(described, 0) + 1
    if len(amounts) == 1:
        return next(iter(amounts))
    return "; ".join(f"{described} ({count(n, 'run')})" for described, n in amounts.items())


def _commit(run: RunInfo) -> str:
    git = run.git
    if not git.commit:
        return "none: no git repository with a commit knows the code"
    if git.dirty:
        return f"{git.commit}, with changes or new files of code that are not committed"
    return f"{git.commit}, no changes"


def _code(records: Mapping[str, RunRecord]) -> str:
    """Digests of all the code that runs were trained with, each once."""
    users: dict[str, list[str]] = {}
    for record in records.values():
        of = f"{record.run.implementation} with {record.run.activation}"
        named = users.setdefault(record.run.code_digest[:12], [])
        if of not in named:
            named.append(of)
    return "; ".join(f"{digest} ({first_of(names)})" for digest, names in users.items())


def _machine(run: RunInfo) -> str:
    machine = run.machine
    limits = "".join(f", {name}={value}" for name, value in machine.limits.items())
    return f"{machine.processor}, {count(machine.cores, 'core')}, {machine.system}{limits}"


def places(records: Mapping[str, RunRecord]) -> list[str]:
    """Where the trained runs computed, each place once: device, threads and processor."""
    runs = [record.run for record in records.values() if record.history]
    described = (
        f"{run.device} with {count(run.threads, 'thread')} on {run.machine.processor}"
        for run in runs
    )
    return list(dict.fromkeys(described))


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def provenance(records: Mapping[str, RunRecord], speed: pd.DataFrame) -> Pairs:
    """When, on what and with which code the runs were trained; `speed` is the table so named."""
    trained = listed(
        f"{rounded(row['training_seconds'], 3)} s of training ({row['implementation']})"
        for row in speed.to_dict("records")
    )
    runs = [record.run for record in records.values()]
    first, last = min(run.started for run in runs), max(run.ended for run in runs)
    resumed = sum(bool(run.resumed_after) for run in runs)
    return [
        ("trained", f"{_time(first)} to {_time(last)} UTC, {trained}"),
        (
            "interrupted",
            f"{count(resumed, 'run')}, gone on with from checkpoints" if resumed else "no run",
        ),
        ("machine", _distinct(records, _machine)),
        (
            "each run",
            _distinct(
                records,
                lambda run: (
                    f"{run.device}, {count(run.threads, 'thread')}, "
                    f"float32 products {run.matmul_precision}"
                ),
            ),
        ),
        ("git commit", _distinct(records, _commit)),
        ("digests of the code of training, plug-ins included", _code(records)),
        ("Python", _distinct(records, lambda run: str(run.machine.python))),
        (
            "packages",
            _distinct(
                records,
                lambda run: ", ".join(f"{name} {text}" for name, text in run.versions.items()),
            ),
        ),
    ]
