"""How long an epoch takes with each implementation, and whether that compares."""

from collections.abc import Mapping

import pandas as pd

from mlplab.report.findings._finding import Finding
from mlplab.report.setup import places
from mlplab.report.wording import is_finite, listed, rounded
from mlplab.study.record import RunRecord


def speed(table: pd.DataFrame, records: Mapping[str, RunRecord]) -> Finding:
    """Median seconds per epoch of each implementation, their ratio, and whether they compare."""
    section = "Time"
    if table.empty:
        text = "No run was trained, so there is no time to compare."
        return Finding("time", section, [text], section=section)
    first, *others = table.to_dict("records")
    times = listed(
        f"{rounded(row['seconds_per_epoch'])} s ({row['implementation']})"
        for row in (first, *others)
    )
    sentences = [f"The median time of an epoch of training is {times}."]
    ratios = [
        f"{row['implementation']} needs {row['ratio']:.2f} times the time of "
        f"{first['implementation']}"
        for row in others
        if is_finite(row["ratio"])
    ]
    if ratios:
        sentences.append(f"Per epoch, {listed(ratios)}.")
    where = places(records)
    if len(where) > 1:
        sentences.append(f"Seconds do not compare where places differ: {listed(where)}.")
    return Finding("time", section, sentences, section=section)
