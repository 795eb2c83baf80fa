"""The article's own sanity bounds (B11): which activation misses which, and by how much."""

import math
from collections.abc import Container, Mapping, Sequence

from mlplab.report.findings._finding import Finding
from mlplab.report.wording import count, human, listed, rounded
from mlplab.study.documents import Bound
from mlplab.study.record import RunRecord

HEADLINES_AT_MOST = 3


def bound(metric: str, check: Bound) -> str:
    """A bound of B11 as a formula: 0.7 < test accuracy ≤ 1."""
    if check.above is None:
        return f"{human(metric)} < {check.below:g}"
    return f"{check.above:g} < {human(metric)} ≤ {check.below:g}"


def _miss(check: Bound) -> float:
    """By how much a bound is missed; NaN where the value is not finite."""
    value = check.value
    if value is None:
        return math.nan
    return float(value - check.below if check.above is None else check.above - value)


def sanity(records: Mapping[str, RunRecord], wrong: Container[str] = ()) -> Finding | None:
    """Which activation misses which of the article's bounds, and by how much.

    Failed runs have nothing to check, and those of a `wrong` implementation say nothing of an
    activation; where there is no other, there is no finding.
    """
    by_activation: dict[str, list[dict[str, Bound]]] = {}
    for record in records.values():
        if record.run.sanity and record.run.implementation not in wrong:
            by_activation.setdefault(record.run.activation, []).append(record.run.sanity)
    if not by_activation:
        return None
    checked = sum(map(len, by_activation.values()))
    bounds = listed(bound(*item) for item in next(iter(by_activation.values()))[0].items())
    title = "The article’s own bounds"
    misses = [
        sentence
        for activation, checks in by_activation.items()
        for sentence in _misses(activation, checks)
    ]
    if not misses:
        others = [r for r in records.values() if r.run.implementation not in wrong]
        trained = "" if checked == len(others) else " that did not fail"
        text = f"All {count(checked, 'run')}{trained} meet the article’s bounds"
        return Finding("bounds", title, [f"{text}: {bounds}."], f"{text}.", article="B11")
    met = [
        activation
        for activation, checks in by_activation.items()
        if all(check.met for run in checks for check in run.values())
    ]
    rest = f"Every run of {listed(met)} meets all bounds." if met else ""
    introduction = f"The article expects, after the last epoch: {bounds}."
    note = "A missed bound is a finding: the textbook states them for ReLU and its own settings."
    missing = [activation for activation in by_activation if activation not in met]
    headline = (
        f"Some runs of {listed(missing)} miss the article’s bounds."
        if len(misses) > HEADLINES_AT_MOST
        else " ".join(misses)
    )
    said = [text for text in (introduction, *misses, rest, note) if text]
    return Finding("bounds", title, said, headline, article="B11")


def _misses(activation: str, runs: Sequence[Mapping[str, Bound]]) -> list[str]:
    sentences = []
    for metric in runs[0]:
        missed = [run[metric] for run in runs if not run[metric].met]
        if not missed:
            continue
        amounts = [amount for amount in map(_miss, missed) if math.isfinite(amount)]
        low, high = (rounded(amounts and pick(amounts)) for pick in (min, max))
        by = f", by {low}" if low == high else f", by {low} to {high}"
        if not amounts:
            by = " with a value that is not finite"
        elif len(amounts) < len(missed):
            by += ", or with a value that is not finite"
        sentences.append(
            f"With {activation}, {len(missed)} of {count(len(runs), 'run')} miss the article’s "
            f"{bound(metric, missed[0])}{by}."
        )
    return sentences
