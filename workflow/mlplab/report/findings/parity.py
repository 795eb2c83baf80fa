"""Do the implementations agree: the parity table as a matrix, and in sentences."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mlplab.report.findings._finding import Finding, first_of, run_named
from mlplab.report.wording import count, is_finite, listed, rounded
from mlplab.study.record import RunRecord

SMALLER = " of a smaller batch"
# What a mistake looks like, for quantities that do not say so themselves.
MEANINGS = {
    "start": "the parameters it starts from",
    "images unchanged": "the images, which it must leave as they are",
    "parameters given unchanged": "the parameters it is given, which it must leave as they are",
    "start of a second seed": "the parameters that a second network starts from",
    "apart from a second seed": "the parameters, which another network must leave as they are",
    "labels unchanged": "the labels, which it must leave as they are",
    "logits of a second seed": "the logits of a second network",
    "parameters": "the parameters",
    "parameters after an epoch": "the parameters after an epoch",
}


@dataclass(frozen=True)
class Compared:
    """One implementation with one activation against the reference; `first` says what differs."""

    verdict: str
    greatest: str
    lines: list[str]
    first: str = ""


@dataclass(frozen=True)
class Matrix:
    """Implementations × activations; None where a pair was not compared."""

    reference: str
    activations: list[str]
    rows: dict[str, list[Compared | None]]

    @property
    def wrong(self) -> bool:
        """Whether anything does not agree."""
        cells = [cell for row in self.rows.values() for cell in row if cell]
        return any(cell.verdict != "agrees" for cell in cells)


def quantity(row: Mapping[Hashable, Any]) -> str:
    """What was compared, in words: gradient of W1 on a smaller batch; the parameters W2."""
    name = row["quantity"]
    smaller = " on a smaller batch" if name.endswith(SMALLER) else ""
    name = name.removesuffix(SMALLER)
    words = MEANINGS.get(name, f"the {name}")
    if not row["of"]:
        return f"{words}{smaller}"
    joined = f"{words} ({row['of']})" if name in MEANINGS else f"{words} of {row['of']}"
    return f"{joined}{smaller}"


def _greatest(rows: pd.DataFrame, dtype: str) -> str:
    """The greatest difference in a dtype, and which quantity has it."""
    differences = rows.loc[rows["dtype"] == dtype, "difference"]
    if differences.isna().any():
        return "not finite"
    if differences.empty:
        return ""
    return "0, bit for bit" if not differences.max() else rounded(differences.max())


def _where(rows: pd.DataFrame, dtype: str) -> str:
    """The greatest difference in a dtype as a sentence; "" where nothing was compared in it."""
    of_dtype = rows[rows["dtype"] == dtype]
    if of_dtype.empty:
        return ""
    greatest = _greatest(rows, dtype)
    if greatest == "not finite" or not of_dtype["difference"].max():
        return f"Greatest difference in {dtype}: {greatest}."
    row = of_dtype.iloc[of_dtype["difference"].argmax()].to_dict()
    return (
        f"Greatest difference in {dtype}: {greatest}, in {quantity(row)}{_step(row)} "
        f"(allowed there: {rounded(row['tolerance'], 1)})."
    )


def _step(row: Mapping[Hashable, Any]) -> str:
    told = "epoch" in row["quantity"]
    return f" after {int(row['step'])} steps" if row["step"] > 1 and not told else ""


def _wrong(row: Mapping[Hashable, Any]) -> str:
    """What a row that does not agree says, without a full stop."""
    if row["verdict"] == "fails":
        return str(row["detail"])
    found = rounded(row["difference"]) if is_finite(row["difference"]) else "not finite"
    detail = f": {row['detail']}" if row["detail"] and row["detail"] != found else ""
    return (
        f"{quantity(row)}{_step(row)}, network {row['network']}, {row['dtype']}{detail} "
        f"(relative difference {found}, allowed {rounded(row['tolerance'], 1)})"
    )


def _compared(rows: pd.DataFrame) -> Compared:
    wrong = rows[rows["verdict"] != "agrees"]
    networks = listed(dict.fromkeys(rows.loc[rows["network"] != "", "network"]))
    compared = f"{count(len(rows), 'value')} compared, network {networks}."
    greatest = [text for text in (_where(rows, "float64"), _where(rows, "float32")) if text]
    if wrong.empty:
        return Compared("agrees", _greatest(rows, "float64"), [*greatest, compared])
    first = wrong.iloc[0].to_dict()
    if first["verdict"] == "fails":
        before = len(rows) - 1
        lines = [_wrong(first)]
        if before:
            lines.append(f"What was compared before agrees: {count(before, 'value')}.")
        return Compared("fails", "", lines)
    lines = [f"First to differ: {_wrong(first)}."]
    others = list(dict.fromkeys(quantity(row) for row in wrong.iloc[1:].to_dict("records")))
    others = [name for name in others if name != quantity(first)]
    if others:
        lines.append(f"Then also: {first_of(others)}.")
    lines.append(f"{len(wrong)} of {len(rows)} values differ, network {networks}.")
    failed = wrong[wrong["verdict"] == "fails"]
    lines += [f"Then it fails: {row['detail']}" for row in failed.to_dict("records")]
    verdict = "differs" if failed.empty else "fails"
    why = f"{quantity(first)}: {first['detail']}" if first["detail"] else quantity(first)
    return Compared(verdict, _greatest(rows, "float64"), lines, why)


def matrix(table: pd.DataFrame) -> Matrix:
    """The parity table as a matrix, in the order of the study."""
    found = {
        key: _compared(rows)
        for key, rows in table.groupby(["implementation", "activation"], sort=False)
    }
    names, activations = (list(table[kind].unique()) for kind in ("implementation", "activation"))
    rows = {name: [found.get((name, a)) for a in activations] for name in names}
    return Matrix(_reference(table), activations, rows)


def _reference(table: pd.DataFrame) -> str:
    return str(table["reference"].iloc[0]) if len(table) else ""


def _agreeing(reference: str, table: pd.DataFrame, agreement: pd.DataFrame) -> list[str]:
    """A sentence on the implementations that agree with the reference, if there are such."""
    right = agreement[agreement["verdict"] == "agrees"]["implementation"]
    names = [name for name in right if name != reference]
    rows = table[table["implementation"].isin(names) & (table["dtype"] == "float64")]
    rows = rows[rows["verdict"] == "agrees"]
    if rows.empty:
        return []
    verb, also = ("agrees", "it differs") if len(names) == 1 else ("agree", "they differ")
    return [
        f"Step by step, {listed(names)} {verb} with {reference}, the reference: in "
        f"float64 {also} by at most {rounded(rows['difference'].max())}, relative to the "
        "greatest value."
    ]


def agreement(
    records: Mapping[str, RunRecord], table: pd.DataFrame, agreed: pd.DataFrame
) -> Finding | None:
    """Which implementations agree, step by step and over whole runs; None for the reference.

    `table` is that of parity, `agreed` that of agreement.
    """
    reference = _reference(table)
    verdicts = _agreeing(reference, table, agreed)
    losses = _losses(records)
    names = list(dict.fromkeys([*table["implementation"], *([reference] if reference else [])]))
    if not verdicts and not losses:
        return None
    return Finding("parity", f"Do {listed(names)} agree", [*verdicts, *losses], " ".join(verdicts))


def _losses(records: Mapping[str, RunRecord]) -> list[str]:
    """The greatest difference of training loss between implementations, run by run."""
    by_implementation: dict[str, dict[str, RunRecord]] = {}
    for path, record in records.items():
        name = record.run.implementation
        if record.history:
            by_implementation.setdefault(name, {})[path.removeprefix(f"{name}/")] = record
    if len(by_implementation) < 2:
        return []
    reference, *others = by_implementation
    pairs = [_differences(by_implementation[reference], by_implementation[o], o) for o in others]
    differences = [difference for found in pairs for difference in found]
    finite = [difference for difference in differences if is_finite(difference[0])]
    if not finite:
        return ["No two runs have finite losses to compare."]
    left_out = len(differences) - len(finite)
    note = f", leaving out {count(left_out, 'epoch')} without a finite loss" if left_out else ""
    pairs_compared = count(len({(point, other) for _, point, _, other in differences}), "pair")
    greatest, point, epoch, other = max(finite)
    if not greatest:
        return [
            f"Over whole runs, their training losses equal those of {reference} in every "
            f"epoch{note}."
        ]
    return [
        f"Over whole runs, from the same parameters and on the same batches, their training losses "
        f"differ from those of {reference} by at most {rounded(greatest)}: "
        f"{run_named(by_implementation[other][point].run)}, epoch {epoch} ({pairs_compared} of "
        f"runs compared{note})."
    ]


def _differences(
    ours: Mapping[str, RunRecord], theirs: Mapping[str, RunRecord], other: str
) -> Sequence[tuple[float, str, int, str]]:
    return [
        (abs(a["training_loss"] - b["training_loss"]), point, int(a["epoch"]), other)
        for point in ours
        if point in theirs
        for a, b in zip(ours[point].history, theirs[point].history, strict=False)
    ]
