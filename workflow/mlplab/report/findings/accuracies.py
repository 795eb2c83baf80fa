"""Which combination is the most accurate, and how sure that is."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from mlplab.report.findings._finding import Finding, name_of
from mlplab.report.wording import count, is_finite, listed, number, p_value, rounded
from mlplab.study import grid
from mlplab.study.metrics import LATE_EPOCHS

Row = Mapping[Hashable, Any]


def best_activation(config: Mapping[str, Any], groups: pd.DataFrame, split: str) -> Finding:
    """Which group is the most accurate, and what seeds and images can say of it."""
    every = grid.runs(config)
    axes = next(iter(every.values())).axes
    names = {path: name_of(runs[0]) for path, runs in grid.by_group(every).items()}
    title = f"Which {'combination' if axes else 'activation'} is best"
    known = groups.dropna(subset=["mean"]).sort_values("group")
    if known.empty:
        text = "No group of runs finished, so there is nothing to compare."
        if not groups["implementation"].any():
            text = "No implementation that agrees with the reference has finished runs, so nothing "
            text += "is said of activations."
        return Finding("best", title, [text], text)
    ranked = [
        {**row, "name": names[row["group"]]}
        for row in known.sort_values("mean", ascending=False, kind="stable").to_dict("records")
    ]
    leader = next(row for row in ranked if row["verdict"] == "best")
    others = [row for row in ranked if row is not leader]
    what = f"{split} accuracy over the last {LATE_EPOCHS} epochs"
    if not others:
        text = f"Only {leader['name']} was run to its end: mean {what} {_mean(leader)}."
        return Finding("best", title, [text], text)
    first = f"At these settings the mean {what} is highest for {leader['name']}, {_mean(leader)}."
    second = _against(leader, others[0], "Second is")
    sentences = [first, second]
    if len(others) > 1:
        sentences += [_against(leader, others[-1], "Last is", chances=False)]
    if len(others) > 2:
        sentences.append(_not_told_apart(leader, others))
    return Finding("best", title, sentences, " ".join(sentences))


def _mean(row: Row) -> str:
    """The mean of a group with its interval: 0.8437 (0.80 to 0.88 over 3 seeds and the images)."""
    seeds = count(int(row["seeds"]), "seed")
    if not is_finite(row["low"]):
        alike = row["seeds"] > 1 and number(row["lowest"]) == number(row["highest"])
        return f"{number(row['mean'])} ({'on each of' if alike else 'from'} {seeds})"
    interval = f"{number(row['low'])} to {number(row['high'])}"
    return f"{number(row['mean'])} (95 % interval {interval}, over {seeds} and the images)"


def _against(leader: Row, row: Row, place: str, chances: bool = True) -> str:
    """How far a group is behind the best, how sure that is, and what a further seed may bring."""
    if row["verdict"] == "identical":
        return f"{place} {row['name']}, identical on all {row['seeds']:.0f} seeds: a tie."
    if row["verdict"] == "same difference on every seed":
        apart = f"{_points(row['behind'])} behind on all {row['seeds']:.0f} seeds"
        return f"{place} {row['name']}, {apart}: no spread, so no test."
    behind = f"{_points(row['behind'])} behind"
    if row["behind"] * row["images"] < 1:
        behind = "level with it, less than one image behind"
    if row["verdict"] == "too few seeds":
        seeds = count(int(row["seeds"]), "seed")
        return f"{place} {row['name']}, {behind}; not tested, for which {seeds} are too few."
    low, high = rounded(100 * row["behind_low"]), rounded(100 * row["behind_high"])
    p = p_value(row["p_corrected"])
    said = (
        f"{place} {row['name']}, {behind} (95 % interval {low} to {high}) and "
        f"{row['verdict']} (corrected p {p if p.startswith('<') else f'= {p}'})"
    )
    if not chances:
        return f"{said}."
    ahead = f"{leader['name']} is ahead of it with a probability of {_share(row)}"
    return f"{said}; on a further seed {ahead}."


def _points(difference: float) -> str:
    return f"{rounded(100 * difference)} percentage points"


def _share(row: Row) -> str:
    ties = f", {count(int(row['ties']), 'tie')}" if row["ties"] else ""
    seeds = f"{row['ahead']:.0f} of {row['seeds']:.0f} seeds{ties}"
    interval = f"{number(row['ahead_low'], 2)} to {number(row['ahead_high'], 2)}"
    return f"{number(row['ahead_share'], 2)} ({seeds}; 95 % interval {interval})"


def _not_told_apart(leader: Row, others: Sequence[Row]) -> str:
    """How many groups may as well be the best."""
    open_ones = sum(row["verdict"] != "told apart" for row in others)
    if not open_ones:
        return f"All {len(others)} others are told apart from {leader['name']}."
    verb = "is" if open_ones == 1 else "are"
    return f"Of {len(others)} others, {open_ones} {verb} not told apart from {leader['name']}."


def certainty(config: Mapping[str, Any], intervals: pd.DataFrame) -> Finding:
    """How far the numbers can be trusted: the seeds, and the number of images scored."""
    seeds = len(config["grid"]["seed"])
    if seeds < 3:
        text = (
            f"From {count(seeds, 'seed')} no interval is given and nothing is tested: how much of "
            "a difference is the luck of the draw cannot be said. Add seeds to the grid."
        )
    elif seeds < 10:
        text = (
            f"n = {seeds} is little: a 95 % interval then rests on {seeds - 1} degrees of freedom, "
            "and an order that is not told apart may change with other seeds."
        )
    else:
        text = f"The spread and the 95 % intervals rest on {seeds} seeds."
    note = (
        "Intervals of differences and ranks are over seeds and images; those in the table of "
        "results are over seeds. None says what another training set, or other settings, would "
        "give."
    )
    error = sampling_error(intervals)
    return Finding("certainty", "How sure this is", [text, note, *([error] if error else [])])


def sampling_error(intervals: pd.DataFrame) -> str:
    """How far a run's accuracy is known, for the images it was scored on; "" if there is none.

    `intervals` is a wilson_table.
    """
    widths = 100 * intervals["wilson_width"].dropna()
    if widths.empty:
        return ""
    wide = listed(dict.fromkeys(f"{value:.2g}" for value in (widths.min(), widths.max())), "to")
    return (
        f"The 95 % Wilson intervals of single runs are {wide} percentage points wide. They hold "
        "for a run that was named beforehand, not for the best of many, which was chosen for its "
        "luck as well."
    )
