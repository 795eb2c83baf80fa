"""What went wrong: runs whose code is broken, and runs whose loss did not stay finite."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from mlplab.report.findings._finding import Finding, first_of, run_named
from mlplab.report.wording import count, listed
from mlplab.study.record import RunRecord


def failures(records: Mapping[str, RunRecord]) -> Finding | None:
    """Which runs failed since their implementation or activation is broken, and how."""
    by_message: dict[str, list[RunRecord]] = {}
    for record in records.values():
        if record.run.status == "failed":
            by_message.setdefault(record.run.error or "no message", []).append(record)
    if not by_message:
        return None
    failed = sum(map(len, by_message.values()))
    everything = [record for members in by_message.values() for record in members]
    headline = (
        f"{failed} of {count(len(records), 'run')} failed, since "
        f"{_suspects(everything, records.values())} broke down."
    )
    return Finding(
        "failures",
        "Failures",
        [
            headline,
            "They have no accuracy, and their combinations are left out wherever means are "
            "compared. Each message once:",
        ],
        headline,
        [
            f"{_names(members, 'implementation')} with {_names(members, 'activation')} "
            f"({count(len(members), 'run')}): {message}"
            for message, members in by_message.items()
        ],
    )


def _names(records: Iterable[RunRecord], kind: str) -> str:
    return listed(dict.fromkeys(getattr(record.run, kind) for record in records))


def _suspects(failed: Sequence[RunRecord], records: Iterable[RunRecord]) -> str:
    """What failed throughout: implementations, else activations, else one with the other."""
    others = [record.run for record in records if record.run.status != "failed"]
    rest, suspects = list(failed), []
    for kind in ("implementation", "activation"):
        sound = {getattr(run, kind) for run in others}
        names = [getattr(record.run, kind) for record in rest]
        suspects += [name for name in names if name not in sound]
        rest = [record for record, name in zip(rest, names, strict=True) if name in sound]
    suspects += [f"{record.run.implementation} with {record.run.activation}" for record in rest]
    return first_of(list(dict.fromkeys(suspects)))


def divergence(records: Mapping[str, RunRecord], reference: str, parity: pd.DataFrame) -> Finding:
    """Which runs ended early because their loss was not finite, and where the reference did not."""
    epochs = {
        path: len(record.history)
        for path, record in records.items()
        if record.run.status == "diverged"
    }
    trained = sum(bool(record.history) for record in records.values())
    if not epochs:
        text = f"None of the {count(trained, 'run')} diverged: every loss stayed finite."
        return Finding("divergence", "Divergence", [text if trained else "No run was trained."])
    headline = (
        f"{len(epochs)} of {count(len(records), 'run')} diverged, which is to say that a loss was "
        "no longer finite."
    )
    named = first_of(
        [f"{run_named(records[path].run)} in epoch {epoch}" for path, epoch in epochs.items()]
    )
    details = (
        f"Diverged: {named}. They ended there; where a run diverged, its combination is "
        "left out of the comparison of accuracies."
    )
    blamed = _not_the_reference(epochs, records, reference, parity)
    return Finding("divergence", "Divergence", [headline, details, *blamed], headline)


def _not_the_reference(
    diverged: Iterable[str],
    records: Mapping[str, RunRecord],
    reference: str,
    parity: pd.DataFrame,
) -> list[str]:
    """Who diverged though the reference, with the same settings, did not; a sentence for each."""
    alone: dict[str, list[str]] = {}
    for path in diverged:
        name = records[path].run.implementation
        other = records.get(path.replace(name, reference, 1))
        if name != reference and other and other.run.status == "finished":
            alone.setdefault(name, []).append(run_named(records[path].run))
    return [
        f"{name} diverged where {reference}, the reference, from the same start and on the same "
        f"batches, did not: {first_of(named)}.{_great_scores(name, parity)}"
        for name, named in alone.items()
    ]


def _great_scores(name: str, parity: pd.DataFrame) -> str:
    """What the comparison step by step says of an implementation where scores are great."""
    rows = parity[(parity["implementation"] == name) & (parity["verdict"] != "agrees")]
    great = rows["quantity"].str.contains("with scores of").any()
    return f" Step by step, {name} differs where scores are great." if great else ""
