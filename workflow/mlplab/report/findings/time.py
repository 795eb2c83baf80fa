"""How long an epoch takes with each implementation, and whether that compares."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from mlplab.report.findings._finding import Finding
from mlplab.report.setup import places
from mlplab.report.wording import count, is_finite, listed, rounded
from mlplab.study.record import RunRecord


def speed(table: pd.DataFrame, records: Mapping[str, RunRecord]) -> Finding:
    """Median seconds per epoch of each implementation, their ratio, and whether they compare."""
    section = "Time"
    if table.empty:
        text = "No run was trained, so there is no time to compare."
        return Finding("time", section, [text], section=section)
    first, *others = table.to_dict("records")
    times = listed(f"{_times(row)} ({row['implementation']})" for row in (first, *others))
    sentences = [f"The median time of an epoch of training is {times}."]
    sentences += [_compared(row, str(first["implementation"])) for row in others if row["pairs"]]
    where = places(records)
    if len(where) > 1:
        sentences.append(f"Seconds do not compare where places differ: {listed(where)}.")
    return Finding("time", section, sentences, section=section)


def _times(row: Mapping[Hashable, Any]) -> str:
    cpu = row["cpu_seconds_per_epoch"]
    known = f", {rounded(cpu)} s of the processor" if is_finite(cpu) else ""
    return f"{rounded(row['seconds_per_epoch'])} s{known}"


def _compared(row: Mapping[Hashable, Any], first: str) -> str:
    """A ratio of processor time, or of time where that is not known, if its range leaves out 1."""
    name = row["implementation"]
    by, of = ("cpu_ratio", "processor ") if is_finite(row["cpu_ratio"]) else ("ratio", "")
    low, high = row[f"{by}_low"], row[f"{by}_high"]
    if not (is_finite(low) and (low > 1 or high < 1)):
        return f"The {of}time of {name} is not told apart from that of {first}."
    return (
        f"Per epoch, {name} needs {row[by]:.2f} times the {of}time of {first} ({low:.2f} to "
        f"{high:.2f}, {count(int(row['pairs']), 'pair')} of runs)."
    )
