"""What is seen first: the finding as a title, three tiles, and accuracy over epochs as a chart."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mlplab.report.findings._finding import Finding, name_of
from mlplab.report.findings.parity import Matrix
from mlplab.report.findings.selected import point_of
from mlplab.report.wording import count, is_finite, listed, number, rounded
from mlplab.study import colors, grid
from mlplab.study.lines import Line, Lines, lines
from mlplab.study.metrics import LATE_EPOCHS

Row = Mapping[Hashable, Any]


@dataclass(frozen=True)
class Tile:
    """One answer: what it is of, the word or number in large, what belongs to it, where it is told.

    `tone` is "good" or "bad", or "" where it is neither.
    """

    key: str
    label: str
    value: str
    notes: list[str]
    href: str
    tone: str = ""


@dataclass(frozen=True)
class Answer:
    """The title, what is wrong or failed, the finding below a title that says so, the tiles."""

    title: str
    troubles: list[str]
    finding: str
    tiles: list[Tile]
    lines: Lines
    about: str
    sentence: str
    rest: str


def answer(
    config: Mapping[str, Any],
    data: Mapping[str, pd.DataFrame],
    axes: Sequence[str],
    found: Sequence[Finding],
    shown: Matrix,
    selection: Mapping[str, Any] | None,
    run: str,
) -> Answer:
    """The first screen; `run` says what was run, `shown` is the matrix of parity."""
    split = grid.scored_split(config)
    names = {path: name_of(runs[0]) for path, runs in grid.by_group(grid.runs(config)).items()}
    ranked = ranking(data["groups"], names)
    by_key = {finding.key: finding for finding in found}
    troubles = [
        by_key[key].headline for key in ("wrong", "failures", "divergence") if key in by_key
    ]
    finding = selected(selection) if selection else title(ranked)
    first = trouble(data["agreement"], data["runs"])
    winner = by_key.get("selection") or by_key["best"]
    sentence = winner.sentences[0]
    said = [other.headline for other in found if other.headline and other.key not in TROUBLES]
    rest = " ".join([run, *said]).replace(sentence, "").replace("  ", " ").strip()
    tiles = [
        tested(selection) if selection else best(ranked, split),
        right(data["agreement"], data["parity"], shown),
        cost(config, data["summary"], ranked, axes),
    ]
    drawn = lines(data["curves"], data["groups"], axes, f"{split}_accuracy")
    return Answer(
        first or finding,
        [text for text in troubles if text],
        finding if first else "",
        tiles,
        drawn,
        about(drawn),
        sentence,
        rest,
    )


TROUBLES = ("wrong", "failures", "divergence")


def ranking(groups: pd.DataFrame, names: Mapping[str, str]) -> list[dict[Hashable, Any]]:
    """The groups that have a mean, the leader first, each with its name."""
    known = groups.dropna(subset=["mean"]).sort_values("group")
    known = known.sort_values("mean", ascending=False, kind="stable")
    rows = [{**row, "name": names[row["group"]]} for row in known.to_dict("records")]
    return sorted(rows, key=lambda row: row["verdict"] != "best")


def title(ranked: Sequence[Row]) -> str:
    """The finding on activations and settings, no surer than its test."""
    if not ranked:
        return "There is no accuracy to compare"
    leader, *others = ranked
    if not others:
        return f"{leader['name']}: a mean accuracy of {number(leader['mean'])}"
    lead = f"At these settings {leader['name']} has the highest accuracy"
    if any(row["activation"] != row["name"] for row in ranked):
        lead = f"Of these {len(ranked)} combinations {leader['name']} has the highest accuracy"
    unsettled = [row for row in others if row["verdict"] != "told apart"]
    if not unsettled:
        return lead
    if all(row["verdict"] == "too few seeds" for row in unsettled):
        return f"{lead}, which is not tested"
    whom = (
        unsettled[0]["name"]
        if len(unsettled) == 1
        else f"any of the other {len(others)}"
        if len(unsettled) == len(others)
        else f"{len(unsettled)} of the other {len(others)}"
    )
    return f"{lead}, not told apart from {whom}"


def trouble(agreement: pd.DataFrame, runs: pd.DataFrame) -> str:
    """What is wrong, as a title; "" where nothing is."""
    wrong = agreement[agreement["verdict"] != "agrees"]["implementation"].unique()
    if len(wrong):
        return f"{listed(wrong)} {'is' if len(wrong) == 1 else 'are'} wrong"
    failed = int((runs["status"] == "failed").sum())
    return f"{failed} of {count(len(runs), 'run')} failed" if failed else ""


def selected(selection: Mapping[str, Any]) -> str:
    """What was selected, as a title."""
    return f"{_winner(selection)} was selected among {selection['combinations']:,} combinations"


def _winner(selection: Mapping[str, Any]) -> str:
    return f"{selection['implementation']} with {point_of(selection)}"


def _interval(low: Any, high: Any, seeds: int, images: str) -> str:
    of = f"{count(seeds, 'seed')}{images}"
    if not is_finite(low):
        return f"No interval, from {of}"
    return f"95 % interval {number(low)} to {number(high)}, n = {of}"


def tested(selection: Mapping[str, Any]) -> Tile:
    """The accuracy of what was selected, on the test set."""
    low, high = selection["test_accuracy_low"], selection["test_accuracy_high"]
    notes = [
        f"Test accuracy of {_winner(selection)}",
        _interval(low, high, len(selection["runs"]), ""),
        f"Selected on validation images among {selection['combinations']:,}, not tested against "
        "the others",
    ]
    return Tile("best", "Selected", number(selection["test_accuracy_mean"]), notes, "#findings")


def best(ranked: Sequence[Row], split: str) -> Tile:
    """The highest accuracy with its interval, and whether the order is settled."""
    if not ranked:
        return Tile("best", "Best", "—", ["Nothing to compare"], "#findings", "bad")
    leader, *others = ranked
    images = f" and {leader['images']:,.0f} images" if is_finite(leader["images"]) else ""
    notes = [
        f"{leader['name']}: mean {split} accuracy of the last {LATE_EPOCHS} epochs",
        _interval(leader["low"], leader["high"], int(leader["seeds"]), images),
    ]
    if others:
        notes.append(_settled(others))
    settled = all(row["verdict"] == "told apart" for row in others)
    label = "Best at these settings" if settled else "Highest, not settled"
    return Tile("best", label, number(leader["mean"]), notes, "#results")


def _settled(others: Sequence[Row]) -> str:
    """Whether the leader is told apart from the others, and how near the first that it is not."""
    unsettled = [row for row in others if row["verdict"] != "told apart"]
    if not unsettled:
        all_of = f"all {len(others)} others" if len(others) > 1 else others[0]["name"]
        return f"Told apart from {all_of}"
    near = unsettled[0]
    behind = f"{rounded(100 * near['behind'])} points behind"
    if near["behind"] * near["images"] < 1:
        behind = "level with it"
    more = f" and {len(unsettled) - 1} more" if len(unsettled) > 1 else ""
    tests = "Not tested against" if near["verdict"] == "too few seeds" else "Not told apart from"
    return f"{tests} {near['name']} ({behind}){more}"


def right(agreement: pd.DataFrame, parity: pd.DataFrame, shown: Matrix) -> Tile:
    """Whether the implementations agree with the reference; where not, what differs first."""
    wrong = agreement[agreement["verdict"] != "agrees"].to_dict("records")
    if wrong:
        row = wrong[0]
        name, activation = row["implementation"], row["activations"].split()[0]
        cell = shown.rows[name][shown.activations.index(activation)]
        cause = (cell.first or cell.lines[0]) if cell else ""
        notes = [f"{name}, with {activation}, differs first in {cause}"]
        if cell and cell.verdict == "fails":
            notes = [f"{name} breaks down with {activation}: {cause}"]
        if len(wrong) > 1:
            notes.append(f"Wrong too: {listed(other['implementation'] for other in wrong[1:])}")
        return Tile(
            "right",
            "Right or wrong",
            "Wrong",
            notes,
            parity_cell(name, activation),
            "bad",
        )
    others = [name for name in agreement["implementation"] if name != shown.reference]
    rows = parity[(parity["dtype"] == "float64") & (parity["verdict"] == "agrees")]
    rows = rows[rows["implementation"].isin(others)]
    if rows.empty:
        notes = [f"{shown.reference} is the reference; there is nothing else to hold against it"]
        return Tile("right", "Right or wrong", "—", notes, "#parity")
    greatest = rows["difference"].max()
    apart = "bit for bit" if not greatest else f"to within {rounded(greatest)} in float64"
    verb = "agrees" if len(others) == 1 else "agree"
    notes = [
        f"{listed(others)} {verb} with {shown.reference}, the reference, {apart}",
        f"{count(len(rows), 'value')} compared step by step",
    ]
    return Tile("right", "Right or wrong", "Right", notes, "#parity", "good")


def parity_cell(implementation: str, activation: str) -> str:
    """Where the page says how an implementation compares with an activation."""
    return f"#parity-{implementation}-{activation}"


def cost(
    config: Mapping[str, Any], summary: pd.DataFrame, ranked: Sequence[Row], axes: Sequence[str]
) -> Tile:
    """What an epoch of the best takes of the processor, and how many parameters it has."""
    rows = summary
    if ranked:
        for column in ("implementation", "activation", *axes):
            rows = rows[rows[column] == ranked[0][column]]
    known = [
        (row, f"{kind}seconds_per_epoch_median")
        for row in rows.to_dict("records")
        for kind in ("cpu_", "")
        if is_finite(row.get(f"{kind}seconds_per_epoch_median", math.nan))
    ]
    if not known:
        return Tile("cost", "Cost", "—", ["No run was timed"], "#time")
    row, column = known[0]
    unit = "CPU seconds" if column.startswith("cpu") else "Seconds"
    epochs = row.get("epochs", config["training"]["epochs"])
    notes = [
        f"{unit} per epoch of {row['implementation']} with {row['activation']}, median of "
        f"{count(int(row['n']), 'run')} of {count(int(epochs), 'epoch')}"
    ]
    if is_finite(row["parameter_count_mean"]):
        notes.append(f"{row['parameter_count_mean']:,.0f} parameters")
    return Tile("cost", "Cost", f"{rounded(row[column], 3)} s", notes, "#time")


def about(found: Lines) -> str:
    """What the lines of the chart are of, with their n; "" where there is none."""
    if not found.drawn:
        return ""
    amounts = sorted({line.runs for line in found.drawn})
    seeds = f"{listed(amounts, 'or')} {'seed' if amounts == [1] else 'seeds'}"
    names = {line.name for line in found.drawn}
    of_activations = len({line.group.partition("/")[0] for line in found.drawn}) > 1
    which = ""
    if of_activations and names != {line.group for line in found.drawn}:
        which = ", each activation at the settings with which it is the most accurate"
    elif len(found.drawn) < found.groups:
        which = f", the {len(found.drawn)} most accurate of {found.groups} combinations"
    return f"Trained by {found.implementation}, n = {seeds} a line{which}."


def chart(found: Lines, split: str) -> dict[str, Any]:
    """The chart's numbers, as the table of curves has them, for scripts/answer.js."""
    return {"measure": f"{split} accuracy", "lines": [_series(line) for line in found.drawn]}


def _series(line: Line) -> dict[str, Any]:
    points = {
        name: [float(value) if is_finite(value) else None for value in line.points[name].tolist()]
        for name in ("mean", "lowest", "highest")
    }
    return {
        "name": line.name,
        "color": line.color,
        "dark": colors.on_dark(line.color),
        "runs": line.runs,
        "epochs": [int(epoch) for epoch in line.points["epoch"]],
        **points,
    }
