"""Every sentence that a study can print, read and held against the tables.

A kind of sentence is a pattern with a reader, which asks for its numbers, direction, n and caveat
from the tables by means of its own. A sentence that no pattern knows fails: add its reader here.
"""

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from test_report import (
    MESSAGE,
    Study,
    accuracy_of,
    differing,
    failing,
    parity_row,
    rising,
    sloppy,
    wavy,
)

from mlplab.report import answer, parity, wording
from mlplab.study import grid
from mlplab.study.record import RunRecord
from mlplab.study.words import SAID

# All sentences of many studies: they take ten seconds together.
pytestmark = pytest.mark.slow

Tables = dict[str, pd.DataFrame]
Reader = Callable[[re.Match[str], Study, Tables], None]
READERS: list[tuple[re.Pattern[str], Reader]] = []

NUMBER = r"[−+]?\d[\d,.]*(?: × 10⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)?"
SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def says(pattern: str) -> Callable[[Reader], Reader]:
    """A reader of sentences; `#` in the pattern stands for a number that is kept."""

    def register(reader: Reader) -> Reader:
        READERS.append((re.compile(pattern.replace("#", f"({NUMBER})") + r"\Z"), reader))
        return reader

    return register


def value(text: str) -> float:
    """The number that a text is."""
    mantissa, _, power = text.replace(",", "").replace("−", "-").partition(" × 10")
    return float(mantissa.rstrip(".")) * 10.0 ** int(power.translate(SUPERSCRIPTS) or 0)


def near(text: str, expected: float) -> bool:
    """Whether a printed number is this one, to the digits that it has."""
    mantissa, _, power = text.partition(" × 10")
    digits = mantissa.rstrip(".").lstrip("−+").replace(",", "")
    decimals = len(digits.partition(".")[2])
    if power:
        decimals -= int(power.translate(SUPERSCRIPTS))
    elif "." not in digits and len(digits) > 2:
        # Two significant digits, which printing may fill up: 12 of 12.3.
        decimals = 0
    return abs(value(text) - expected) <= 0.5001 * 10.0**-decimals + 1e-12


def where(table: pd.DataFrame, **values: Any) -> pd.DataFrame:
    """The rows of a table that have these values."""
    for column, wanted in values.items():
        table = table[table[column] == wanted]
    return table


def deepest(data: Tables) -> tuple[int, pd.DataFrame]:
    """The greatest depth of the networks, and their rows by activation."""
    depth = int(data["networks"]["hidden_layers"].max())
    return depth, where(data["networks"], hidden_layers=depth).set_index("activation")


def group_named(study: Study, name: str) -> str:
    """The group that a sentence calls so."""
    (found,) = {
        run.group
        for run in study.runs.values()
        if (name == run.activation and not study.axes) or points_in(name, run)
    }
    return found


def run_called(name: str, study: Study) -> RunRecord:
    """The run that a sentence calls so."""
    whom, seed = re.fullmatch(r"(.+) \(seed (\d+)\)", name).groups()  # type: ignore[union-attr]
    implementation, _, group = whom.partition(" with ")
    (found,) = (
        record
        for path, record in study.records.items()
        if (record.run.implementation, record.run.seed) == (implementation, int(seed))
        and study.runs[path].group == group_named(study, group)
    )
    return found


def points_in(name: str, run: grid.Run) -> bool:
    """Whether a name has the settings of a run."""
    sizes = run.settings["hidden_sizes"]
    same = f"{len(sizes)} layer{'s' * (len(sizes) > 1)} of {sizes[0]}"
    layers = same if len(set(sizes)) == 1 else f"layers of {wording.listed(sizes)}"
    others = [axis for axis in run.axes if axis != "hidden_sizes"]
    at = wording.listed(f"{wording.human(axis)} {run.settings[axis]}" for axis in others)
    expected = f"{run.activation}{f' with {layers}' * ('hidden_sizes' in run.axes)}"
    return name == f"{expected}{f' at {at}' * bool(others)}"


def ranked(data: Tables) -> pd.DataFrame:
    known = data["groups"].dropna(subset=["mean"]).sort_values("group").set_index("group")
    return known.sort_values("mean", ascending=False, kind="stable")


def leader(data: Tables) -> Any:
    (row,) = ranked(data).query("verdict == 'best'").to_dict("records")
    return row


def place_of(place: str, name: str, study: Study, data: Tables) -> Any:
    """The row of the group that is said to be second or last; it is so."""
    rows = ranked(data)
    others = rows[rows["verdict"] != "best"]
    expected = others.index[0 if place == "Second" else -1]
    assert group_named(study, name) == expected
    return others.loc[expected]


MEAN = (
    r"#(?: \(95 % interval # to #, over (\d+) seeds? and the images\)| \((on each of|from) "
    r"(\d+) seeds?\))"
)


def read_mean(found: tuple[str | None, ...], row: Any) -> None:
    mean, low, high, seeds, alike, alone = found
    assert near(str(mean), row["mean"])
    assert int(seeds or alone or 0) == row["seeds"]
    if low is None:
        assert math.isnan(row["low"])
        assert (alike == "on each of") == (row["lowest"] == row["highest"] and row["seeds"] > 1)
    else:
        assert near(low, row["low"]) and near(str(high), row["high"])
        assert row["low"] <= row["mean"] <= row["high"]


def name_of(words: str) -> str:
    """The setting that is told in words."""
    return {said: name for name, said in SAID.items()}.get(words, words.replace(" ", "_"))


@says(
    r"At these settings the mean (\w+) accuracy over the last 3 epochs is highest for (.+), "
    rf"{MEAN}\."
)
def highest(match: re.Match[str], study: Study, data: Tables) -> None:
    split, name, *mean = match.groups()
    best = leader(data)
    assert split == study.split and data["groups"]["metric"][0] == f"late_{split}_accuracy"
    assert ranked(data).loc[group_named(study, name), "verdict"] == "best"
    assert best["mean"] == data["groups"]["mean"].max()
    read_mean(tuple(mean), best)


@says(rf"Only (.+) was run to its end: mean \w+ accuracy over the last 3 epochs {MEAN}\.")
def only(match: re.Match[str], study: Study, data: Tables) -> None:
    name, *mean = match.groups()
    assert len(ranked(data)) == 1
    read_mean(tuple(mean), ranked(data).loc[group_named(study, name)])


BEHIND = r"(?:# percentage points behind|level with it, less than one image behind)"


def read_behind(text: str | None, row: Any) -> None:
    if text is None:
        assert 0 <= row["behind"] * row["images"] < 1
    else:
        assert near(text, 100 * row["behind"]) and row["behind"] > 0


@says(
    rf"(Second|Last) is (.+?), {BEHIND} \(95 % interval # to #\) and (told apart|not told apart) "
    r"\(corrected p (=|<) #\)(?:; on a further seed (.+) is ahead of it with a probability of # "
    r"\((\d+) of (\d+) seeds(?:, (\d+) ties?)?; 95 % interval # to #\))?\."
)
def against_the_best(match: re.Match[str], study: Study, data: Tables) -> None:
    (place, name, behind, low, high, verdict, sign, p, best, share, wins, seeds, ties,
     least, most) = match.groups()  # fmt: skip
    row = place_of(place, name, study, data)
    read_behind(behind, row)
    assert near(low, 100 * row["behind_low"]) and near(high, 100 * row["behind_high"])
    assert verdict == row["verdict"] == ("told apart" if row["p_corrected"] < 0.05 else verdict)
    assert row["seeds"] >= 3
    assert row["p_corrected"] < 1e-4 if sign == "<" else near(p, row["p_corrected"])
    if best:
        assert ranked(data).loc[group_named(study, best), "verdict"] == "best"
        assert near(share, row["ahead_share"]) and (int(wins), int(seeds)) == (
            row["ahead"],
            row["seeds"],
        )
        assert int(ties or 0) == row["ties"]
        assert near(least, row["ahead_low"]) and near(most, row["ahead_high"])


@says(rf"(Second|Last) is (.+?), {BEHIND}; not tested, for which (\d+) seeds? are too few\.")
def too_few(match: re.Match[str], study: Study, data: Tables) -> None:
    place, name, behind, seeds = match.groups()
    row = place_of(place, name, study, data)
    read_behind(behind, row)
    assert int(seeds) == row["seeds"] < 3 and math.isnan(row["p"])


@says(r"(Second|Last) is (.+), identical on all (\d+) seeds: a tie\.")
def tie(match: re.Match[str], study: Study, data: Tables) -> None:
    row = place_of(match[1], match[2], study, data)
    assert row["behind"] == 0 and int(match[3]) == row["seeds"] == row["ties"]


@says(
    r"(Second|Last) is (.+), # percentage points behind on all (\d+) seeds: no spread, so no test\."
)
def without_spread(match: re.Match[str], study: Study, data: Tables) -> None:
    row = place_of(match[1], match[2], study, data)
    assert near(match[3], 100 * row["behind"]) and int(match[4]) == row["seeds"] == row["ahead"]
    assert math.isnan(row["p"]) and math.isnan(row["behind_low"])


@says(
    r"(?:All (\d+) others are told apart|Of (\d+) others, (\d+) (?:is|are) not told apart) "
    r"from (.+)\."
)
def others(match: re.Match[str], study: Study, data: Tables) -> None:
    every, some, untold, name = match.groups()
    verdicts = ranked(data)["verdict"]
    assert ranked(data).loc[group_named(study, name), "verdict"] == "best"
    assert int(every or some) == len(verdicts) - 1
    assert int(untold or 0) == (~verdicts.isin(("best", "told apart"))).sum()


@says(
    r"(?:No group of runs finished, so there is nothing to compare|No implementation that agrees "
    r"with the reference has finished runs, so nothing is said of activations)\."
)
def nothing(match: re.Match[str], study: Study, data: Tables) -> None:
    assert data["groups"]["mean"].isna().all()
    assert ("agrees" in match[0]) == (not data["groups"]["implementation"].any())


@says(r"Step by step, (\w+) (?:differs from (\w+), the reference, with (.+?), first in (.+?))?"
      r"(?:, and )?(?:breaks down with (.+?))?\.")  # fmt: skip
def wrong(match: re.Match[str], study: Study, data: Tables) -> None:
    name, reference, differs, first, fails = match.groups()
    own = where(data["parity"], implementation=name)
    own = own[own["verdict"] != "agrees"]
    assert set(own["activation"]) == set(re.findall(r"\w+", f"{differs or ''} {fails or ''}")) - {
        "and"
    }
    assert not reference or set(own["reference"]) == {reference}
    # With its cause.
    assert not first or own["detail"].iloc[0] in first


@says(r"(.+) (?:is|are) left out of all that is said of activations, settings and networks\.")
def left_out(match: re.Match[str], study: Study, data: Tables) -> None:
    names = set(re.split(r", | and ", match[1]))
    agreed = data["agreement"].set_index("implementation")["verdict"]
    assert names == set(agreed[agreed != "agrees"].index)
    assert names.isdisjoint(data["groups"]["implementation"])
    of_activations = data["comparisons"].query("kind != 'implementation'")["within"]
    assert names.isdisjoint(of_activations.str.split(", ").str[0])


@says(r"Step by step, (.+) agrees? with (\w+), the reference: in float64 (?:it differs|they "
      r"differ) by at most #, relative to the greatest value\.")  # fmt: skip
def agrees(match: re.Match[str], study: Study, data: Tables) -> None:
    names = re.split(r", | and ", match[1])
    rows = where(data["parity"], dtype="float64")
    rows = rows[rows["implementation"].isin(names)]
    assert set(rows["verdict"]) == {"agrees"} and set(rows["reference"]) == {match[2]}
    assert near(match[3], rows["difference"].max())


@says(r"(\d+) of (\d+) runs? failed, since .+ broke down\.")
def failed(match: re.Match[str], study: Study, data: Tables) -> None:
    assert int(match[1]) == (data["runs"]["status"] == "failed").sum()
    assert int(match[2]) == len(data["runs"])


@says(r"(.+) with (.+) \((\d+) runs?\): (.+)")
def message(match: re.Match[str], study: Study, data: Tables) -> None:
    runs = [record.run for record in study.records.values() if record.run.error == match[4]]
    assert len(runs) == int(match[3])


@says(r"(?:None of the (\d+) runs? diverged: every loss stayed finite|"
      r"(\d+) of (\d+) runs? diverged, which is to say that a loss was no longer finite|"
      r"No run was trained)\.")  # fmt: skip
def diverged(match: re.Match[str], study: Study, data: Tables) -> None:
    amount = (data["runs"]["status"] == "diverged").sum()
    assert int(match[2] or 0) == amount
    if match[3]:
        assert int(match[3]) == len(data["runs"])


@says(r"Diverged: (.+)\. They ended there; where a run diverged, its combination is left out of "
      r"the comparison of accuracies\.")  # fmt: skip
def where_diverged(match: re.Match[str], study: Study, data: Tables) -> None:
    named = re.findall(r"(\w+ with (?:(?! with ).)+? \(seed \d+\)) in epoch (\d+)", match[1])
    assert named
    for run, epoch in named:
        record = run_called(run, study)
        assert record.run.status == "diverged" and len(record.history) == int(epoch)


def checked_runs(study: Study, data: Tables) -> list[Any]:
    agreed = data["agreement"].set_index("implementation")["verdict"]
    return [
        record.run
        for record in study.records.values()
        if record.run.sanity and agreed[record.run.implementation] == "agrees"
    ]


@says(r"All (\d+) runs?(?: that did not fail)? meet the article’s bounds(?:: .+)?\.")
def bounds_met(match: re.Match[str], study: Study, data: Tables) -> None:
    runs = checked_runs(study, data)
    assert len(runs) == int(match[1])
    assert all(bound.met for run in runs for bound in run.sanity.values())


@says(r"With (\w+), (\d+) of (\d+) runs? miss the article’s (?:# < )?(\w+ \w+) .+\.")
def bounds_missed(match: re.Match[str], study: Study, data: Tables) -> None:
    runs = [run for run in checked_runs(study, data) if run.activation == match[1]]
    assert len(runs) == int(match[3])
    metric = match[5].replace(" ", "_")
    assert sum(not run.sanity[metric].met for run in runs) == int(match[2])


@says(r"Some runs of (.+) miss the article’s bounds\.")
def bounds_missed_by(match: re.Match[str], study: Study, data: Tables) -> None:
    names = set(re.split(r", | and ", match[1]))
    runs = checked_runs(study, data)
    missing = [run for run in runs if not all(bound.met for bound in run.sanity.values())]
    assert {run.activation for run in missing} == names


@says(r"Every run of (.+) meets all bounds\.")
def bounds_met_by(match: re.Match[str], study: Study, data: Tables) -> None:
    names = re.split(r", | and ", match[1])
    runs = [run for run in checked_runs(study, data) if run.activation in names]
    assert runs and all(bound.met for run in runs for bound in run.sanity.values())


@says(r"Over whole runs, from the same parameters and on the same batches, their training losses "
      r"differ from those of (\w+) by at most #: (\w+) with (.+? \(seed \d+\)), epoch (\d+) "
      r"\((\d+) pairs? of runs compared.*\)\.")  # fmt: skip
def losses(match: re.Match[str], study: Study, data: Tables) -> None:
    first, difference, other, point, epoch, _ = match.groups()
    ours, theirs = (run_called(f"{name} with {point}", study).history for name in (first, other))
    at = int(epoch) - 1
    assert near(difference, abs(ours[at]["training_loss"] - theirs[at]["training_loss"]))


@says(r"Over whole runs, their training losses equal those of (\w+) in every epoch.*\.")
def equal_losses(match: re.Match[str], study: Study, data: Tables) -> None:
    by_point: dict[str, set[float]] = {}
    for path, record in study.records.items():
        point = path.partition("/")[2]
        finite = [row["training_loss"] for row in record.history]
        by_point.setdefault(point, set()).update(v for v in finite if math.isfinite(v))
    assert all(len(values) <= 2 for values in by_point.values())


@says(r"From (\d+) seeds? no interval is given and nothing is tested: .+\. Add seeds to the grid\.|"
      r"n = (\d+) is little: a 95 % interval then rests on (\d+) degrees of freedom, and .+\.|"
      r"The spread and the 95 % intervals rest on (\d+) seeds\.")  # fmt: skip
def certainty(match: re.Match[str], study: Study, data: Tables) -> None:
    none, few, freedom, enough = match.groups()
    seeds = len(study.config["grid"]["seed"])
    assert seeds == int(none or few or enough)
    assert (none is not None) == (seeds < 3) and (enough is not None) == (seeds >= 10)
    assert few is None or int(freedom) == seeds - 1
    assert none is None or data["groups"]["behind_low"].isna().all()


@says(r"The 95 % Wilson intervals of single runs are #(?: to #)? percentage points wide\. They "
      r"hold for a run that was named beforehand, not for the best of many, .+\.")  # fmt: skip
def wilson(match: re.Match[str], study: Study, data: Tables) -> None:
    widths = 100 * data["intervals"]["wilson_width"].dropna()
    assert near(match[1], widths.min()) and near(match[2] or match[1], widths.max())


@says(r"Before training, with (\d+) hidden layers, the norm of .+ is this multiple of the last "
      r"layer’s: (.+)\. Far below 1, .+\.")  # fmt: skip
def vanishing(match: re.Match[str], study: Study, data: Tables) -> None:
    depth, deep = deepest(data)
    assert depth == int(match[1]) > 1
    named = re.findall(rf"({NUMBER}) \((\w+)\)", match[2])
    assert named and all(
        near(number, deep.loc[name, "gradient_ratio_before"]) for number, name in named
    )


@says(r"Dead at the end, without a slope on any image of the training set: (.+)\.")
def dead(match: re.Match[str], study: Study, data: Tables) -> None:
    deep = deepest(data)[1]["dead_at_end"]
    named = re.findall(rf"({NUMBER}) % of hidden units with (\w+)", match[1])
    assert {name for _, name in named} == set(deep[deep > 0].index)
    assert all(near(number, 100 * deep[name]) for number, name in named)


@says(r"At the end no hidden unit is dead: each has a slope on some image of the training set\.")
def none_dead(match: re.Match[str], study: Study, data: Tables) -> None:
    assert (deepest(data)[1]["dead_at_end"].dropna() == 0).all()


@says(r"Saturated at the end, with a slope below 5 % of the greatest: (.+)\.")
def saturated(match: re.Match[str], study: Study, data: Tables) -> None:
    deep = deepest(data)[1]
    for number, name in re.findall(rf"({NUMBER}) % of values with (\w+)", match[1]):
        assert near(number, 100 * deep.loc[name, "saturated_at_end"])


@says(r"Of (\d+) pairs? that (?:differs in its|differ in their) (.+) alone, (.+?)"
      r"(?: \(paired over (.+) seeds?, Holm’s correction for (\d+) tests?\))?\.")  # fmt: skip
def compared(match: re.Match[str], study: Study, data: Tables) -> None:
    amount, kind, clauses, seeds, tests = match.groups()
    rows = data["comparisons"][data["comparisons"]["kind"] == name_of(kind)]
    assert len(rows) == int(amount)
    words = {
        r"(?<!not )told apart": "told apart",
        "not told apart": "not told apart",
        "identical": "identical",
        "same difference": "same difference on every seed",
        "did not finish": "runs missing",
        "too few": "too few seeds",
        "no seed that both": "no pair",
    }
    counted = {
        verdict: int(number)
        for number, text in re.findall(r"(\d+) ([^\d]+(?:\d\)[^\d]*)?)", clauses)
        for word, verdict in words.items()
        if re.search(word, text)
    }
    assert counted == rows["verdict"].value_counts().to_dict()
    assert int(tests or 0) == rows["p_holm"].notna().sum()
    if seeds:
        used = {str(n) for n in rows.loc[rows["p_holm"].notna(), "n"]}
        assert set(re.findall(r"\d+", seeds)) == used and min(map(int, used)) >= 3


@says(r"By the same test, on the same seeds, (?:it is (not )?shown|(\d+) of (\d+) are shown) to be "
      r"equivalent within ±# percentage points of mean accuracy\.")  # fmt: skip
def equivalent(match: re.Match[str], study: Study, data: Tables) -> None:
    rows = data["comparisons"].dropna(subset=["p_equivalence_holm"])
    shown = int((rows["p_equivalence_holm"] < rows["alpha"]).sum())
    assert shown == int(match[2]) if match[2] else shown == (match[1] is None)
    assert near(match[4], 100 * rows["margin"].iloc[0])
    # The same rows are tested for a difference.
    assert rows["p_holm"].notna().all()


VALUE = r"(\d+ layers? of \d+|layers of [\d, and]*\d|\S+)"
PAIR = rf"{VALUE} and {VALUE} \(([\w,. ]+)\)"


def called(row: Any, which: str) -> str:
    """What a table's value is called: sizes of layers are words."""
    if "hidden_sizes" not in (row["kind"], which):
        return str(row[which])
    sizes = str(row[which]).split()
    if len(set(sizes)) > 1:
        return f"layers of {', '.join(sizes[:-1])} and {sizes[-1]}"
    return f"{len(sizes)} layer{'s' * (len(sizes) > 1)} of {sizes[0]}"


def named(rows: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """The rows of pairs that are called so."""
    both = zip(
        *([called(row, which) for row in rows.to_dict("records")] for which in ("first", "second")),
        strict=True,
    )
    return rows.loc[[each == (first, second) for each in both]]


def placed(rows: pd.DataFrame, place: str) -> pd.DataFrame:
    """The rows of pairs that stand there: within what, and with which further settings."""
    axes = list(rows.columns)
    axes = axes[axes.index("within") + 1 : axes.index("first")]

    def said(row: Any) -> str:
        own = [axis for axis in axes if axis != row["kind"]]
        sizes = [called(row, axis) for axis in own if axis == "hidden_sizes"]
        others = {SAID.get(axis, axis.replace("_", " ")): row[axis] for axis in own}
        others.pop("hidden sizes", None)
        return ", ".join([row["within"], *sizes, *(f"{k} {v}" for k, v in others.items())])

    # An overview of a kind stands nowhere.
    rows = rows[rows["first"] != ""]
    return rows.loc[[said(row) == place for row in rows.to_dict("records")]]


def pairs_named(match: re.Match[str], data: Tables) -> pd.DataFrame:
    first, second, place = match.groups()[:3]
    found = named(placed(data["comparisons"], place), first, second)
    assert len(found) == 1
    return found


@says(rf"{PAIR}: {VALUE} is ahead by # percentage points \(95 % interval # to #; p = "
      r"(\S+) after Holm's correction\), on (\d+) of (\d+) seeds(?:; (not shown to be )?equivalent "
      r"within ±# percentage points \(p = \S+ after Holm's correction\))?\.")  # fmt: skip
def ahead(match: re.Match[str], study: Study, data: Tables) -> None:
    name, points, low, high, p, wins, n = match.groups()[3:10]
    fitting = []
    for row in pairs_named(match, data).to_dict("records"):
        sign = 1 if name == called(row, "first") else -1
        ends = sorted((100 * sign * row["low"], 100 * sign * row["high"]))
        fitting.append(
            row["verdict"] == "told apart"
            and not row["left_out"]
            and sign * row["difference"] > 0
            and math.isclose(float(points), 100 * abs(row["difference"]), rel_tol=0.06)
            and all(
                math.isclose(value(text), end, rel_tol=0.06, abs_tol=1e-9)
                for text, end in zip((low, high), ends, strict=True)
            )
            and math.isclose(float(p), row["p_holm"], rel_tol=0.06)
            and int(n) == row["n"] >= 3
            and int(wins) == (row["ahead"] if sign > 0 else row["n"] - row["ahead"] - row["ties"])
        )
    assert any(fitting)


@says(rf"{PAIR}: (\d+) of (\d+) seeds left out, on which a run did not finish: the others are "
      r"survivors, and nothing is concluded from them\.")  # fmt: skip
def survivors(match: re.Match[str], study: Study, data: Tables) -> None:
    rows = pairs_named(match, data)
    counts = list(zip(rows["left_out"], rows["left_out"] + rows["n"], strict=True))
    assert (int(match[4]), int(match[5])) in counts
    assert rows["p"].isna().any()


@says(r"How results differ by (.+) is not tested: .+\.")
def untested(match: re.Match[str], study: Study, data: Tables) -> None:
    kind = name_of(match[1])
    assert kind in study.config["grid"] and kind not in set(data["comparisons"]["kind"])


@says(r"Of (\d+) pairs? of networks from one seed that differ in their (.+) alone, McNemar’s test "
      r"tells (\d+) apart on these images at p < 0.05 \(not corrected\)\.")  # fmt: skip
def images(match: re.Match[str], study: Study, data: Tables) -> None:
    rows = data["sampling"][data["sampling"]["kind"] == name_of(match[2])]
    assert (len(rows), (rows["p_mcnemar"] < 0.05).sum()) == (int(match[1]), int(match[3]))


@says(r"Which network is better turns with the seed for (.+)\.")
def turns(match: re.Match[str], study: Study, data: Tables) -> None:
    pattern = rf"{PAIR}: the first on (\d+), the second on (\d+), neither on (\d+) of (\d+)"
    found = re.findall(pattern, match[1])
    assert found
    for first, second, place, *counts in found:
        rows = named(placed(data["sampling"], place), first, second)
        told = rows[rows["p_mcnemar"] < 0.05]
        better = (told["only_first"] > told["only_second"]).sum()
        expected = [better, len(told) - better, len(rows) - len(told), len(rows)]
        assert list(map(int, counts)) == expected


@says(r"The median time of an epoch of training is (.+)\.")
def times(match: re.Match[str], study: Study, data: Tables) -> None:
    speed = data["speed"].set_index("implementation")
    for seconds, cpu, name in re.findall(
        rf"({NUMBER}) s, ({NUMBER}) s of the processor \((\w+)\)", match[1]
    ):
        assert near(seconds, speed.loc[name, "seconds_per_epoch"])
        assert near(cpu, speed.loc[name, "cpu_seconds_per_epoch"])


@says(
    r"Per epoch, (\w+) needs # times the processor time of (\w+) \(# to #, (\d+) pairs? of "
    r"runs\)\."
)
def ratio(match: re.Match[str], study: Study, data: Tables) -> None:
    name, times_as_long, _, low, high, pairs = match.groups()
    row = data["speed"].set_index("implementation").loc[name]
    assert near(times_as_long, row["cpu_ratio"]) and int(pairs) == row["pairs"]
    assert near(low, row["cpu_ratio_low"]) and near(high, row["cpu_ratio_high"])
    assert row["cpu_ratio_low"] > 1 or row["cpu_ratio_high"] < 1


@says(r"The (?:processor )?time of (\w+) is not told apart from that of (\w+)\.")
def no_ratio(match: re.Match[str], study: Study, data: Tables) -> None:
    row = data["speed"].set_index("implementation").loc[match[1]]
    assert not (row["cpu_ratio_low"] > 1 or row["cpu_ratio_high"] < 1)


@says(
    r"(?:No run was trained, so there is no time to compare\.|"
    r"Seconds do not compare where places differ: .+\.|No two runs have finite losses to compare\.|"
    r"They have no accuracy, and their combinations are left out .+ Each message once:|"
    r"The article expects, after the last epoch: .+\.|A missed bound is a finding: .+\.|"
    r"Intervals of differences and ranks are over seeds and images; .+\.|"
    r"The article says that the framework leaves biases .+\.|Here all implementations start .+\.|"
    r"To see the effect, give the grid .+\.|The table of results shows the effect\.|"
    r"Not to be told apart is not to be equal: more seeds may tell\.|"
    r"That is said of two trained networks each time, not of what they differ in\.)"
)
def constant(match: re.Match[str], study: Study, data: Tables) -> None:
    """What holds of every study."""


# What the first screen says: its title, its tiles, what its chart is of.


@says(r"There is no accuracy to compare|Nothing to compare")
def no_accuracy(match: re.Match[str], study: Study, data: Tables) -> None:
    assert data["groups"]["mean"].isna().all()


@says(r"(.+): a mean accuracy of #")
def one_accuracy(match: re.Match[str], study: Study, data: Tables) -> None:
    assert len(ranked(data)) == 1
    assert near(match[2], ranked(data).loc[group_named(study, match[1]), "mean"])


@says(r"(?:At these settings|Of these (\d+) combinations) (.+?) has the highest accuracy"
      r"(, which is not tested|, not told apart from (?:any of the other (\d+)|(\d+) of the other "
      r"(\d+)|(.+)))?")  # fmt: skip
def the_highest(match: re.Match[str], study: Study, data: Tables) -> None:
    amount, name, caveat, every, some, of, whom = match.groups()
    rows = ranked(data)
    assert leader(data)["mean"] == rows["mean"].max()
    assert rows.loc[group_named(study, name), "verdict"] == "best"
    assert (amount is None) == (not study.axes) and int(amount or len(rows)) == len(rows)
    untold = rows[~rows["verdict"].isin(("best", "told apart"))]
    assert bool(caveat) == bool(len(untold))
    if every or some:
        assert int(every or of) == len(rows) - 1 and int(every or some) == len(untold)
    elif whom:
        assert list(untold.index) == [group_named(study, whom)]
    elif caveat:
        assert set(untold["verdict"]) == {"too few seeds"} and (untold["seeds"] < 3).all()


@says(r"(.+) (?:is|are) wrong")
def wrong_ones(match: re.Match[str], study: Study, data: Tables) -> None:
    agreed = data["agreement"].set_index("implementation")["verdict"]
    assert set(re.split(r", | and ", match[1])) == set(agreed[agreed != "agrees"].index)


@says(r"(\d+) of (\d+) runs? failed")
def failed_ones(match: re.Match[str], study: Study, data: Tables) -> None:
    counted = (data["runs"]["status"] == "failed").sum(), len(data["runs"])
    assert (int(match[1]), int(match[2])) == counted


@says(r"# of (.+): mean (\w+) accuracy of the last 3 epochs")
def in_large(match: re.Match[str], study: Study, data: Tables) -> None:
    row = ranked(data).loc[group_named(study, match[2])]
    assert near(match[1], row["mean"]) and match[3] == study.split
    assert row["verdict"] == "best"


@says(r"(?:95 % interval # to #, n =|No interval, from) (\d+) seeds? and # images")
def sure(match: re.Match[str], study: Study, data: Tables) -> None:
    low, high, seeds, images = match.groups()
    best = leader(data)
    assert int(seeds) == best["seeds"] and value(images) == best["images"]
    assert math.isnan(best["low"]) if low is None else near(low, best["low"])
    assert high is None or near(high, best["high"])


@says(r"(?:Told apart from (?:all (\d+) others|(.+?))|(Not tested against|Not told apart from) "
      r"(.+?) \((?:# points behind|level with it)\)(?: and (\d+) more)?)")  # fmt: skip
def settled(match: re.Match[str], study: Study, data: Tables) -> None:
    others, other, how, name, points, more = match.groups()
    rows = ranked(data).query("verdict != 'best'")
    untold = rows[rows["verdict"] != "told apart"]
    if how is None:
        assert untold.empty and len(rows) == int(others or 1)
        assert other is None or rows.index[0] == group_named(study, other)
        return
    near_one = untold.iloc[0]
    assert untold.index[0] == group_named(study, name) and len(untold) == 1 + int(more or 0)
    assert (how == "Not tested against") == (near_one["verdict"] == "too few seeds")
    if points is None:
        assert near_one["behind"] * near_one["images"] < 1
    else:
        assert near(points, 100 * near_one["behind"])


@says(r"(.+) agrees? with (\w+), the reference, (?:to within # in float64|bit for bit)")
def right_ones(match: re.Match[str], study: Study, data: Tables) -> None:
    assert (data["agreement"]["verdict"] == "agrees").all()
    rows = where(data["parity"], dtype="float64", reference=match[2], verdict="agrees")
    rows = rows[rows["implementation"].isin(re.split(r", | and ", match[1]))]
    assert near(match[3] or "0", rows["difference"].max())


@says(r"(\d+) values? compared step by step")
def values_compared(match: re.Match[str], study: Study, data: Tables) -> None:
    rows = where(data["parity"], dtype="float64")
    assert int(match[1]) == (rows["implementation"] != rows["reference"]).sum()


@says(r"(\w+) is the reference; there is nothing else to hold against it")
def alone(match: re.Match[str], study: Study, data: Tables) -> None:
    assert set(data["parity"]["implementation"]) <= {match[1]}


@says(r"(\w+), with (\w+), differs first in (.+)|(\w+) breaks down with (\w+): (.+)")
def cause(match: re.Match[str], study: Study, data: Tables) -> None:
    name, activation, why = match.groups()[:3] if match[1] else match.groups()[3:]
    rows = where(data["parity"], implementation=name, activation=activation)
    first = rows[rows["verdict"] != "agrees"].iloc[0]
    assert first["detail"] in why and first["verdict"] == ("differs" if match[1] else "fails")


@says(r"Wrong too: (.+)")
def wrong_too(match: re.Match[str], study: Study, data: Tables) -> None:
    agreed = data["agreement"].set_index("implementation")["verdict"]
    assert re.split(r", | and ", match[1]) == list(agreed[agreed != "agrees"].index)[1:]


@says(r"# s: CPU seconds per epoch of (\w+) with (\w+), median of (\d+) runs? of (\d+) epochs?")
def costs(match: re.Match[str], study: Study, data: Tables) -> None:
    seconds, implementation, activation, runs, epochs = match.groups()
    rows = where(data["summary"], implementation=implementation, activation=activation)
    best: Any = leader(data) if len(ranked(data)) else rows.iloc[0].to_dict()
    assert (implementation, activation) == (best["implementation"], best["activation"])
    (row,) = where(rows, **{axis: best[axis] for axis in study.axes}).to_dict("records")
    assert near(seconds, row["cpu_seconds_per_epoch_median"]) and int(runs) == row["n"]
    assert int(epochs) == study.config["training"]["epochs"]


@says(r"# parameters")
def parameters(match: re.Match[str], study: Study, data: Tables) -> None:
    assert value(match[1]) in data["summary"]["parameter_count_mean"].tolist()


@says(r"No run was timed")
def untimed(match: re.Match[str], study: Study, data: Tables) -> None:
    assert data["speed"].empty


@says(r"Trained by (\w+), n = (.+) seeds? a line(?:, each activation at the settings with which it "
      r"is the most accurate|, the (\d+) most accurate of (\d+) combinations)?\.")  # fmt: skip
def lines_of(match: re.Match[str], study: Study, data: Tables) -> None:
    own = where(data["curves"], implementation=match[1], metric=f"{study.split}_accuracy")
    assert set(re.findall(r"\d+", match[2])) <= {str(runs) for runs in own["runs"]}
    if match[4]:
        assert int(match[4]) == len(data["groups"])


def by_rate(run: grid.Run) -> float:
    """More with a greater rate, by a noise of its own for each seed."""
    rate = run.settings["learning_rate"]
    noise = np.random.default_rng([run.seed, round(1000 * rate)]).normal(0, 0.004)
    return round(0.7 + 0.1 * rate + noise, 4)


def by_size(run: grid.Run) -> float:
    noise = np.random.default_rng([run.seed, *run.settings["hidden_sizes"]]).normal(0, 0.01)
    return round(0.8 + 0.0001 * sum(run.settings["hidden_sizes"]) + noise, 4)


def turning(run: grid.Run) -> float:
    ahead_now = (run.activation == "relu") == (run.seed < 2)
    return 0.9 if ahead_now else 0.8


def near_tie(run: grid.Run) -> float:
    third = run.activation == "relu" and run.seed == 2
    return 0.9 + 0.001 * run.seed + (0.001 if third else 0)


def unlike(run: grid.Run) -> float:
    odd = 0.0007 * (run.seed % 3 - 1) if run.implementation == "concise" else 0
    return round(wavy(run) + odd, 4)


def broken(study: Study, *names: str) -> None:
    """Make implementations differ with two activations, and break down with the third."""
    study.parity = [row for row in study.parity if row["implementation"] not in names] + [
        row
        for name in names
        for row in (*differing(name, "relu"), failing(name, "tanh"), *differing(name, "sigmoid"))
    ]


STUDIES: dict[str, dict[str, Any]] = {
    "the article's": {"accuracy": wavy, "images": 10_000},
    "equal seeds": {"accuracy": accuracy_of},
    "twenty seeds": {"accuracy": unlike, "images": 10_000, "seed": list(range(20))},
    "one seed": {"accuracy": wavy, "images": 10_000, "seed": [4]},
    "two seeds": {"accuracy": wavy, "images": 10_000, "seed": [4, 5]},
    "a tie": {"accuracy": lambda run: 0.8 if run.activation == "sigmoid" else 0.9},
    "a third of an image": {"accuracy": near_tie, "images": 1000, "activation": ["relu", "tanh"]},
    "turning with the seed": {"accuracy": turning, "activation": ["relu", "tanh"]},
    "one activation": {"accuracy": wavy, "images": 10_000, "activation": ["relu"]},
    "the reference alone": {"accuracy": accuracy_of, "implementation": ["concise"], "seed": [0]},
    "survivors": {
        "accuracy": rising, "activation": ["relu", "tanh"], "seed": list(range(10)),
        "loss": lambda run: math.nan if run.activation == "tanh" and run.seed < 6 else 0.4,
    },
    "all diverged": {"loss": lambda run: math.inf},
    "a broken implementation": {"error": sloppy},
    "all failed": {"error": lambda run: MESSAGE},
    "missed bounds": {
        "loss": lambda run: 0.502 + 0.001 * run.seed if run.activation == "sigmoid" else 0.4
    },
    "many missed bounds": {"accuracy": lambda run: 0.5, "loss": lambda run: 0.6},
    "flat at both ends": {"accuracy": accuracy_of, "activation": ["sigmoid", "tanh"]},
    "other losses": {"loss": lambda run: 0.4 + (3e-5 if run.implementation == "concise" else 0)},
    "rates": {
        "accuracy": by_rate, "images": 10_000, "implementation": ["scratch"],
        "activation": ["relu"], "learning_rate": [0.01, 0.1, 0.5, 1.0], "seed": list(range(6)),
    },
    "too many rates": {
        "accuracy": by_rate, "images": 10_000, "implementation": ["scratch"],
        "activation": ["relu"], "learning_rate": [n / 100 for n in range(1, 50)], "seed": [0],
    },
    "widths": {
        "accuracy": by_size, "images": 10_000, "hidden_sizes": [[8], [64], [256]],
    },
    "depths": {
        "accuracy": by_size, "images": 10_000, "hidden_sizes": [[8], [8, 8], [8, 8, 8]],
        "weight_std": [0.01, 0.1], "seed": [0, 1, 2],
    },
}  # fmt: skip


def sentences(study: Study) -> list[str]:
    """All that the page says of what was found, and what its first paragraph says differently."""
    said = []
    for found in study.findings():
        said += [*found.sentences, *found.items]
        rest = found.headline
        for sentence in found.sentences:
            rest = rest.replace(sentence, "")
        said += [rest.strip()] if rest.strip() else []
    return said


def first_screen(study: Study, data: Tables) -> list[str]:
    """What is seen first, numbers in large with what they are of."""
    compared = parity.matrix(data["parity"])
    seen = answer.answer(study.config, data, study.axes, study.findings(), compared, None, "")
    joined = {"best": " of ", "cost": ": "}
    said = [seen.title, seen.finding, seen.about]
    for tile in seen.tiles:
        first, *rest = tile.notes
        large = tile.key in joined and tile.value != wording.NOTHING
        said += [f"{tile.value}{joined[tile.key]}{first}" if large else first, *rest]
    return [text for text in said if text]


def read(study: Study) -> set[str]:
    """Hold every sentence of a study against its tables; returns the readers that were needed."""
    data = study.data()
    needed = set()
    for sentence in [*sentences(study), *first_screen(study, data)]:
        found = [(r, m) for pattern, r in READERS if (m := pattern.match(sentence))]
        assert found, f"no reader knows: {sentence}"
        for reader, match in found:
            reader(match, study, data)
            needed.add(reader.__name__)
    return needed


@pytest.fixture(scope="module")
def needed() -> set[str]:
    """The readers that any of the studies needed."""
    return set()


@pytest.mark.parametrize("name", STUDIES)
def test_every_sentence_is_so(name: str, tmp_path: Path, needed: set[str]) -> None:
    needed |= read(Study(tmp_path, **STUDIES[name]))


@pytest.mark.parametrize("names", [("scratch",), ("concise_", "scratch")])
def test_every_sentence_on_wrong_networks_is_so(
    names: tuple[str, ...], tmp_path: Path, needed: set[str]
) -> None:
    study = Study(tmp_path, wavy, images=10_000)
    if len(names) > 1:
        # The reference is another one, and neither agrees with it.
        for row in study.parity:
            row["reference"] = "manual"
        names = ("scratch", "concise")
    broken(study, *names)
    if names == ("scratch", "concise"):
        for row in study.parity:
            row["reference"] = "manual"
        study.parity.append(parity_row("manual", "relu", reference="manual"))
    needed |= read(study)
    assert study.findings()[0].key == "wrong"


def test_a_time_that_wavers_makes_no_ratio(tmp_path: Path, needed: set[str]) -> None:
    study = Study(tmp_path, wavy, images=10_000)
    for path, run in study.runs.items():
        study.alter(path, cpu_seconds_per_epoch=1 + (0.1 * run.seed if "scratch" in path else 0.1))
    found = read(study)
    assert "no_ratio" in found and "ratio" not in found
    needed |= found


def test_every_kind_of_sentence_was_read(needed: set[str]) -> None:
    known = {reader.__name__ for _, reader in READERS}
    if len(needed) > 20:
        assert needed == known


def test_a_sentence_that_is_not_so_is_noticed(tmp_path: Path) -> None:
    study = Study(tmp_path, wavy, images=10_000)
    data = study.data()
    data["groups"]["mean"] += 0.01
    said = next(text for text in sentences(study) if text.startswith("At these settings"))
    (pattern, reader) = next(each for each in READERS if each[0].match(said))
    match = pattern.match(said)
    assert match
    with pytest.raises(AssertionError):
        reader(match, study, data)
