"""What seeds and images say of pairs: the comparison tables in words, and as tables of the page."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from mlplab.report.tables import (
    ROWS_AT_MOST,
    Cell,
    Column,
    Table,
    figure,
    limited,
    point_cells,
    text,
)
from mlplab.report.wording import NOTHING, count, human, is_finite, listed, p_value, points, rounded


def _of_kind(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    return table[table["kind"] == kind]


def _told_apart(every: pd.DataFrame, kind: str) -> list[str]:
    """How many pairs the seeds tell apart, and where they cannot, how many seeds could."""
    rows = every[every["n"] > 0]
    unpaired = len(every) - len(rows)
    noun = "more pair" if len(rows) else "pair"
    lost = f"{count(unpaired, noun)} of {kind}s had no seed that both finished."
    if rows.empty:
        return [lost]
    sentence = _of_paired(rows, kind)
    return [f"{sentence} {lost}" if unpaired else sentence]


def _of_paired(rows: pd.DataFrame, kind: str) -> str:
    amounts = rows["verdict"].value_counts()
    told, untold, few = (
        int(amounts.get(verdict, 0))
        for verdict in ("told apart", "not told apart", "too few seeds")
    )
    pairs = f"{count(len(rows), 'pair')} of {kind}s"
    if few < len(rows):
        verdicts = (
            (told, f"tell {told} apart"),
            (untold, f"do not tell {untold} apart"),
            (few, f"are too few for {few}"),
        )
        parts = [words for amount, words in verdicts if amount]
        return f"Of {pairs}, the seeds {listed(parts)} (permutation test, Holm’s correction)."
    seeds = sorted(set(rows["n"].tolist()))
    said = f"{listed(seeds, 'or')} seed{'' if seeds == [1] else 's'}"
    differ = "differs" if len(rows) == 1 else "differ"
    needed = rows["seeds_needed"].iloc[0]
    hint = f" It takes at least {needed:.0f} seeds for so many." if is_finite(needed) else ""
    return f"{said} cannot show that any of {pairs} {differ}{_least(rows)}.{hint}"


def _least(rows: pd.DataFrame) -> str:
    """Under what no p-value can fall, before Holm's correction and, if that matters, after it."""
    least, corrected = rows["p_least"].min(), rows["p_least_holm"].min()
    if not is_finite(least):
        return ""
    said = f": no p-value can fall under {p_value(least)}"
    if least < rows["alpha"].iloc[0]:
        said += (
            f", or after Holm’s correction for {len(rows)} comparisons under {p_value(corrected)}"
        )
    return said


def activations(table: pd.DataFrame) -> list[str]:
    """What can be said about activations against each other; empty where there is one only."""
    rows = _of_kind(table, "activation")
    return _told_apart(rows, "activation") if len(rows) else []


def implementations(table: pd.DataFrame) -> list[str]:
    """What can be said about implementations against each other; empty where there is one only."""
    rows = _of_kind(table, "implementation")
    if rows.empty:
        return []
    tested = rows[rows["equivalent"].notna()]
    shown = tested[tested["equivalent"].astype(bool)]
    paired = rows[rows["n"] > 0]
    sentences = []
    if len(tested):
        margin = f"±{100 * float(rows['margin'].iloc[0]):.3g} percentage points"
        sentences.append(
            f"{len(shown)} of {count(len(paired), 'pair')} of implementations are shown to be "
            f"equivalent within {margin} of mean accuracy{_inspected(shown)}."
        )
    if len(shown) < len(tested):
        sentences.append(
            "Of the others it is not shown, which is not to say that they differ: that takes more "
            "seeds, or a smaller spread."
        )
    if len(shown) == len(rows) and not rows["verdict"].eq("told apart").any():
        return sentences
    return [*sentences, *_told_apart(rows, "implementation")]


def _inspected(shown: pd.DataFrame) -> str:
    """Of equivalent pairs, those of which all differences are equal, so that no test is needed."""
    constant = int(shown["p_equivalence"].isna().sum())
    if not constant:
        return ""
    which = "all of them" if constant == len(shown) else f"{constant} of them"
    return f", {which} by inspection and not by a test, since every seed has the same difference"


def told_apart(table: pd.DataFrame) -> list[str]:
    """The conclusion of each pair that the seeds tell apart, the clearest first."""
    rows = table[table["verdict"] == "told apart"].sort_values("p_permutation_holm", kind="stable")
    return [
        f"{_pair(row)}: {row['conclusion'].partition(';')[0]}." for row in rows.to_dict("records")
    ]


def _pair(row: Mapping[Hashable, Any]) -> str:
    return f"{row['first']} and {row['second']} ({row['within']})"


def _interval(low: Any, high: Any) -> str:
    return f"{points(low)} to {points(high)}" if is_finite(low) else ""


def _p(value: Any, note: str = "") -> Cell:
    return figure(value, p_value(value), note)


def table(comparisons: pd.DataFrame, axes: Sequence[str], kind: str) -> Table:
    """A row per pair of activations, or of implementations, which have equivalence besides.

    Where the page cannot hold all, those with the least p.
    """
    equivalence = kind == "implementation"
    pairs = _of_kind(comparisons, kind)
    if len(pairs) > ROWS_AT_MOST:
        pairs = pairs.sort_values("p_permutation_holm", kind="stable")
    columns = [
        Column("within"),
        *(Column(human(axis)) for axis in axes),
        Column("first"),
        Column("second"),
        Column("conclusion", wordy=True),
        Column("n", numeric=True),
        Column("difference, points", numeric=True),
        *([Column("equivalence, points", numeric=True)] if equivalence else []),
        *([Column("p, equivalence", numeric=True)] if equivalence else []),
        Column("p, permutation, Holm", numeric=True),
        Column("least p", numeric=True),
        Column("p, t-test, Holm", numeric=True),
        Column("effect size", numeric=True),
    ]
    rows = [
        [
            text(row["within"]),
            *point_cells(row, axes),
            text(row["first"]),
            text(row["second"]),
            text(row["conclusion"]),
            figure(row["n"], str(row["n"])),
            figure(
                row["difference"], points(row["difference"]), _interval(row["low"], row["high"])
            ),
            *(_equivalence(row) if equivalence else []),
            _p(row["p_permutation_holm"], f"alone {p_value(row['p_permutation'])}"),
            _p(row["p_least"]),
            _p(row["p_t_holm"], f"alone {p_value(row['p_t'])}" if is_finite(row["p_t"]) else ""),
            figure(row["effect_size"], rounded(row["effect_size"])),
        ]
        for row in pairs.to_dict("records")
    ]
    return limited(Table(columns, rows))


def _equivalence(row: Mapping[Hashable, Any]) -> list[Cell]:
    """The 90 % interval of the two one-sided tests with its margin, and their p."""
    interval = _interval(row["equivalence_low"], row["equivalence_high"])
    margin = f"margin ±{rounded(100 * row['margin'])}" if is_finite(row["margin"]) else ""
    low = f"{row['equivalence_low']:.7g}" if interval else None
    return [Cell(interval or NOTHING, margin, low), _p(row["p_equivalence"])]


def sampling(mcnemar: pd.DataFrame, axes: Sequence[str]) -> Table:
    """A row per pair: McNemar's test over the images, seed by seed."""
    pairs = mcnemar[mcnemar["first"] != ""]
    level = f"{pairs['alpha'].iloc[0]:g}" if len(pairs) else ""
    columns = [
        Column("within"),
        *(Column(human(axis)) for axis in axes),
        Column("first"),
        Column("second"),
        Column(f"seeds with p < {level}", numeric=True),
        Column("images only the first gets right", numeric=True),
        Column("images only the second gets right", numeric=True),
    ]
    rows = [
        [
            text(row["within"]),
            *point_cells(row, axes),
            text(row["first"]),
            text(row["second"]),
            figure(row["told_apart"], f"{row['told_apart']} of {row['seeds']}"),
            *(
                figure(row[name], f"{row[name]:g}")
                for name in ("only_first_median", "only_second_median")
            ),
        ]
        for row in pairs.to_dict("records")
    ]
    return limited(Table(columns, rows))


def mcnemar(table: pd.DataFrame) -> list[str]:
    """On how many seeds the images tell a pair apart, by kind."""
    return [
        f"Of {count(row['seeds'], 'pair')} of runs of one seed that differ in their {row['kind']}, "
        f"McNemar’s test tells {row['told_apart']} apart at p < {row['alpha']:g} (not corrected); "
        f"the median numbers of images that only the first and only the second gets right are "
        f"{row['only_first_median']:g} and {row['only_second_median']:g}."
        for row in table[table["first"] == ""].to_dict("records")
    ]
