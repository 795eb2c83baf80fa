"""What a study found, in sentences computed from its runs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mlplab.record import RunRecord
from mlplab.report.words import count, human, is_finite, listed, number, rounded, setting, spread

NAMED_AT_MOST = 5


@dataclass(frozen=True)
class Finding:
    """One finding: its heading, its sentences, and the one of them that goes into the answer."""

    title: str
    sentences: list[str]
    headline: str = ""


def group_name(activation: str, point: Mapping[str, Any]) -> str:
    """What several implementations and seeds share, in words: relu at learning rate 0.5."""
    settings = [f"{human(axis)} {setting(value)}" for axis, value in point.items()]
    return f"{activation} at {listed(settings)}" if settings else activation


def accuracies(runs: pd.DataFrame, records: Mapping[str, RunRecord]) -> pd.DataFrame:
    """Test accuracy of finished runs: a row per seed, a column per group.

    A value is the mean over implementations. The best group comes first; groups with a diverged
    run are left out.
    """
    groups = runs["run"].map(lambda path: _group(records[path].run))
    sound = runs["status"].eq("finished").groupby(groups).transform("all")
    table = (
        runs.assign(group=groups)[sound]
        .groupby(["seed", "group"])["test_accuracy"]
        .mean()
        .unstack("group")
    )
    return table[table.mean().sort_values(ascending=False, kind="stable").index]


def _group(run: Mapping[str, Any]) -> str:
    return group_name(run["activation"], {axis: run["settings"][axis] for axis in run["axes"]})


def _score(values: pd.Series) -> str:
    if len(values) == 1:
        return f"{number(values.mean())} from one seed"
    mean, around = number(values.mean()), spread(values.tolist())
    if mean == around:
        return f"{mean} from each of {len(values)} seeds"
    return f"{mean}, {around} over {len(values)} seeds"


def best_activation(runs: pd.DataFrame, records: Mapping[str, RunRecord]) -> Finding:
    """Which group is the most accurate, which the least, and whether the seeds agree on it."""
    table = accuracies(runs, records)
    axes = any(record.run["axes"] for record in records.values())
    title = f"Which {'combination' if axes else 'activation'} is best"
    if table.empty:
        text = "No group of runs finished, so there is nothing to compare."
        return Finding(title, [text], text)
    best, *others = table.columns
    if not others:
        text = f"Only {best} was run to its end: mean test accuracy {_score(table[best])}."
        return Finding(title, [text], text)
    runner_up, worst = others[0], others[-1]
    gaps = table[best] - table[worst]
    headline = (
        f"The mean test accuracy is highest for {best} ({_score(table[best])}) and lowest for "
        f"{worst} ({_score(table[worst])}), {number(gaps.mean())} apart."
    )
    sentences = [headline]
    if len(table) > 1:
        sentences.append(_comparison(best, worst, gaps))
    if runner_up != worst:
        sentences.append(_comparison(best, runner_up, table[best] - table[runner_up]))
    return Finding(title, sentences, headline)


def _comparison(best: str, other: str, gaps: pd.Series) -> str:
    """Paired by seed: equal seeds start from equal parameters and see equal batches."""
    if len(gaps) == 1:
        return f"On the only seed, {best} is ahead of {other} by {number(gaps.iloc[0])}."
    if gaps.min() > 0:
        return (
            f"Seed by seed, {best} is ahead of {other} every time, "
            f"by {spread(gaps.tolist())} (mean {number(gaps.mean())})."
        )
    ahead = int((gaps > 0).sum())
    return (
        f"Against {other}, {best} is ahead on {ahead} of {count(len(gaps), 'seed')}, by "
        f"{number(gaps.mean())} in the mean: these runs do not tell the two apart."
    )


def agreement(records: Mapping[str, RunRecord]) -> Finding | None:
    """The greatest difference of training loss between implementations, run by run."""
    by_implementation: dict[str, dict[str, RunRecord]] = {}
    for path, record in records.items():
        name = record.run["implementation"]
        by_implementation.setdefault(name, {})[path.removeprefix(f"{name}/")] = record
    reference, *others = by_implementation
    if not others:
        return None
    compared = [_agreement(reference, other, by_implementation) for other in others]
    return Finding(
        f"Do {listed([reference, *others])} agree",
        ["Runs of one seed start from the same parameters and see the same batches."]
        + [sentence for sentences in compared for sentence in sentences],
        " ".join(sentences[0] for sentences in compared),
    )


def _agreement(
    reference: str, other: str, by_implementation: Mapping[str, Mapping[str, RunRecord]]
) -> list[str]:
    ours, theirs = by_implementation[reference], by_implementation[other]
    pairs = [point for point in ours if point in theirs]
    differences = [
        (abs(a["training_loss"] - b["training_loss"]), point, int(a["epoch"]))
        for point in pairs
        for a, b in zip(ours[point].history, theirs[point].history, strict=False)
    ]
    finite = [difference for difference in differences if math.isfinite(difference[0])]
    if not finite:
        return [f"No loss of {reference} and {other} is finite, so they cannot be compared."]
    greatest, point, epoch = max(finite)
    left_out = len(differences) - len(finite)
    note = f", leaving out {count(left_out, 'epoch')} without a finite loss" if left_out else ""
    if greatest == 0:
        return [f"The training losses of {reference} and {other} are equal in every epoch{note}."]
    return [
        f"The training losses of {reference} and {other} differ by at most {rounded(greatest)}.",
        f"That is the greatest difference in any epoch of {count(len(pairs), 'pair')} of "
        f"runs{note}; it is that of {point} in epoch {epoch}.",
    ]


def bound(metric: str, check: Mapping[str, Any]) -> str:
    """A bound of B11 as a formula: 0.7 < test accuracy ≤ 1."""
    if check["above"] is None:
        return f"{human(metric)} < {check['below']:g}"
    return f"{check['above']:g} < {human(metric)} ≤ {check['below']:g}"


def _miss(check: Mapping[str, Any]) -> float:
    """By how much a bound is missed; NaN where the value is not finite."""
    value = check["value"]
    if value is None:
        return math.nan
    return float(value - check["below"] if check["above"] is None else check["above"] - value)


def sanity(records: Mapping[str, RunRecord]) -> Finding:
    """Which activation misses which of the article's bounds (B11), and by how much."""
    by_activation: dict[str, list[dict[str, Any]]] = {}
    for record in records.values():
        by_activation.setdefault(record.run["activation"], []).append(record.run["sanity"])
    bounds = listed(bound(*item) for item in next(iter(by_activation.values()))[0].items())
    title = "The article’s own bounds (B11)"
    misses = [
        sentence
        for activation, checks in by_activation.items()
        for sentence in _misses(activation, checks)
    ]
    if not misses:
        text = f"All {count(len(records), 'run')} meet the article’s bounds (B11)"
        return Finding(title, [f"{text}: {bounds}."], f"{text}.")
    met = [
        activation
        for activation, checks in by_activation.items()
        if all(check["met"] for run in checks for check in run.values())
    ]
    rest = f"Every run of {listed(met)} meets all bounds." if met else ""
    introduction = f"The article expects, after the last epoch: {bounds}."
    note = "A missed bound is a finding: the textbook states them for ReLU and its own settings."
    sentences = [introduction, *misses, rest, note]
    return Finding(title, [text for text in sentences if text], " ".join(misses))


def _misses(activation: str, runs: Sequence[Mapping[str, Any]]) -> list[str]:
    sentences = []
    for metric in runs[0]:
        missed = [run[metric] for run in runs if not run[metric]["met"]]
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


def divergence(records: Mapping[str, RunRecord]) -> Finding:
    """Which runs ended early because their loss was not finite."""
    epochs = {
        path: len(record.history)
        for path, record in records.items()
        if record.run["status"] == "diverged"
    }
    if not epochs:
        text = f"None of the {count(len(records), 'run')} diverged: every loss stayed finite."
        return Finding("Divergence", [text])
    named = [f"{path} in epoch {epoch}" for path, epoch in list(epochs.items())[:NAMED_AT_MOST]]
    if len(epochs) > NAMED_AT_MOST:
        named.append(f"{len(epochs) - NAMED_AT_MOST} more")
    headline = (
        f"{len(epochs)} of {count(len(records), 'run')} diverged, which is to say that a loss was "
        "no longer finite."
    )
    details = (
        f"Diverged: {listed(named)}. They ended there; where a run diverged, its combination is "
        "left out of the comparison of accuracies."
    )
    return Finding("Divergence", [headline, details], headline)


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


def certainty(config: Mapping[str, Any], runs: pd.DataFrame, test_images: int) -> Finding:
    """How far the numbers can be trusted: the seeds, and the size of the test set."""
    seeds = len(config["grid"]["seed"])
    if seeds == 1:
        first = (
            "With one seed there is no spread and no interval: how much of a difference is the "
            "luck of the draw cannot be said. Add seeds to the grid."
        )
    elif seeds < 10:
        first = (
            f"n = {seeds} is little: a 95 % interval then rests on {seeds - 1} "
            f"{'degree' if seeds == 2 else 'degrees'} of freedom, and an order of activations may "
            "change with other seeds."
        )
    else:
        first = f"The spread and the 95 % intervals rest on {seeds} seeds."
    sentences = [first]
    accuracy = runs.loc[runs["status"] == "finished", "test_accuracy"].max()
    if is_finite(accuracy) and test_images:
        error = math.sqrt(accuracy * (1 - accuracy) / test_images)
        sentences.append(
            "The spread over seeds leaves out that all runs share one test set. Of "
            f"{test_images:,} images, an accuracy of {number(accuracy)} has a standard error of "
            f"{rounded(error)}."
        )
    return Finding("How sure this is", sentences)


def speed(runs: pd.DataFrame) -> Finding:
    """Median seconds per epoch of each implementation, and their ratio."""
    medians = runs.groupby("implementation", sort=False)["seconds_per_epoch"].median()
    (reference, first), *others = medians.items()
    times = listed(f"{rounded(value)} s ({name})" for name, value in medians.items())
    sentence = f"The median time of an epoch of training is {times}."
    ratios = [
        f"{name} needs {value / first:.2f} times the time of {reference}"
        for name, value in others
        if first
    ]
    note = f"Per epoch, {listed(ratios)}." if ratios else ""
    return Finding("Time", [text for text in (sentence, note) if text])


def all_findings(
    config: Mapping[str, Any],
    records: Mapping[str, RunRecord],
    runs: pd.DataFrame,
    test_images: int,
) -> list[Finding]:
    """All findings of a study but its speed, in the order of the report."""
    found = [
        best_activation(runs, records),
        sanity(records),
        agreement(records),
        divergence(records),
        certainty(config, runs, test_images),
        biases(config),
    ]
    return [finding for finding in found if finding is not None]
