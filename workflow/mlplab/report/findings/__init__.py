"""What a study found: all findings, in the order of the report."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from mlplab.report.findings._finding import Finding
from mlplab.report.findings.accuracies import best_activation, certainty
from mlplab.report.findings.bounds import sanity
from mlplab.report.findings.failures import divergence, failures
from mlplab.report.findings.inside import vanishing
from mlplab.report.findings.pairs import compared
from mlplab.report.findings.parity import agreement, matrix
from mlplab.report.findings.selected import selected
from mlplab.report.findings.time import speed
from mlplab.report.findings.wrong import wrong
from mlplab.report.wording import listed
from mlplab.study import grid
from mlplab.study.record import RunRecord


def biases(config: Mapping[str, Any]) -> Finding:
    """The article's claim about the biases of nn.Linear (C2), set right."""
    chosen = config["grid"].get("bias_init", [config["network"]["bias_init"]])
    return Finding(
        "biases",
        "The biases of nn.Linear",
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
        article="C2",
    )


def all_findings(
    config: Mapping[str, Any],
    records: Mapping[str, RunRecord],
    tables: Mapping[str, pd.DataFrame],
    selection: Mapping[str, Any] | None,
) -> list[Finding]:
    """All findings of a study, in the order of the report."""
    split = grid.scored_split(config)
    winner = selected(selection)
    best = best_activation(config, tables["groups"], split)
    agreed = tables["agreement"]
    found = [
        wrong(agreed, matrix(tables["parity"])),
        winner,
        failures(records),
        # The answer has one winner only.
        replace(best, headline="") if winner else best,
        sanity(records, set(agreed.loc[agreed["verdict"] != "agrees", "implementation"])),
        agreement(records, tables["parity"], agreed),
        divergence(records, config["reference"], tables["parity"]),
        certainty(config, tables["intervals"]),
        vanishing(tables["networks"]),
        biases(config),
        *compared(config, tables["comparisons"], tables["mcnemar"]),
        speed(tables["speed"], records),
    ]
    return [finding for finding in found if finding is not None]


def findings_table(found: Sequence[Finding]) -> pd.DataFrame:
    """A row per sentence, with key, title and section of its finding."""
    rows = [
        (finding.key, finding.section, finding.title, sentence)
        for finding in found
        for sentence in (*finding.sentences, *finding.items)
    ]
    return pd.DataFrame(rows, columns=["finding", "section", "title", "sentence"], dtype=str)
