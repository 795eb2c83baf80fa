"""What a study found: all findings, in the order of the report."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from mlplab.report.findings._finding import Finding
from mlplab.report.findings.accuracies import best_activation, certainty
from mlplab.report.findings.bounds import sanity
from mlplab.report.findings.failures import divergence, failures
from mlplab.report.findings.inside import Inside, vanishing
from mlplab.report.findings.parity import agreement
from mlplab.report.findings.selected import selected
from mlplab.report.setup import places
from mlplab.report.wording import listed, rounded
from mlplab.study import grid
from mlplab.study.record import RunRecord


def biases(config: Mapping[str, Any]) -> Finding:
    """The article's claim about the biases of nn.Linear (C2), set right."""
    chosen = config["grid"].get("bias_init", [config["network"]["bias_init"]])
    return Finding(
        "The biases of nn.Linear (C2)",
        [
            "The article says that the framework leaves biases “usually zero”. It does not: "
            "nn.Linear draws them from U(−1/√fan_in, 1/√fan_in), where fan_in is the number of "
            "inputs of the layer.",
            "Here all implementations start from the same parameters, with bias_init = "
            f"{listed(chosen)}.",
            "The table of results shows the effect."
            if len(chosen) > 1
            else "To see the effect, give the grid the axis bias_init: [zeros, framework].",
        ],
    )


def speed(runs: pd.DataFrame, records: Mapping[str, RunRecord]) -> Finding:
    """Median seconds per epoch of each implementation, their ratio, and whether they compare."""
    timed = runs.dropna(subset=["seconds_per_epoch"])
    if timed.empty:
        return Finding("Time", ["No run was trained, so there is no time to compare."])
    medians = timed.groupby("implementation", sort=False)["seconds_per_epoch"].median()
    (reference, first), *others = medians.items()
    times = listed(f"{rounded(value)} s ({name})" for name, value in medians.items())
    sentence = f"The median time of an epoch of training is {times}."
    ratios = [
        f"{name} needs {value / first:.2f} times the time of {reference}"
        for name, value in others
        if first
    ]
    note = f"Per epoch, {listed(ratios)}." if ratios else ""
    where = places(records)
    warning = f"Seconds do not compare where places differ: {listed(where)}."
    return Finding("Time", [sentence, *filter(None, [note, warning if len(where) > 1 else ""])])


def all_findings(
    config: Mapping[str, Any],
    records: Mapping[str, RunRecord],
    tables: Mapping[str, pd.DataFrame],
    inside: Sequence[Inside],
    selection: Mapping[str, Any] | None,
) -> list[Finding]:
    """All findings of a study but its speed, in the order of the report."""
    split = grid.scored_split(config)
    winner = selected(selection)
    best = best_activation(tables["runs"], records, tables["comparisons"], split)
    found = [
        winner,
        failures(records),
        # The answer has one winner only.
        replace(best, headline="") if winner else best,
        sanity(records),
        agreement(records, tables["parity"]),
        divergence(records),
        certainty(config, tables["intervals"], split),
        vanishing(inside),
        biases(config),
    ]
    return [finding for finding in found if finding is not None]
