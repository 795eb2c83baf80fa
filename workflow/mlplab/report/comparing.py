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

ALPHA = 0.05
# Beyond this number of seeds, sign flips are drawn and p is not bound to powers of 2.
SEEDS_AT_MOST = 20


def _of_kind(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    return table[table["kind"] == kind]


def _ahead(table: pd.DataFrame) -> pd.Series:
    """Which rows tell their pair apart, as their conclusion says."""
    return table["p_permutation_holm"] < ALPHA


def _undecided(table: pd.DataFrame) -> pd.Series:
    """Which rows could have told their pair apart and do not."""
    return table["conclusion"].str.startswith("not told apart")


def _seeds_needed(pairs: int) -> int | None:
    """The least number of seeds with which one of so many pairs can be told apart."""
    enough = (n for n in range(2, SEEDS_AT_MOST + 1) if pairs * 2.0 ** (1 - n) < ALPHA)
    return next(enough, None)


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
    ahead, undecided = int(_ahead(rows).sum()), int(_undecided(rows).sum())
    unable = rows[~_ahead(rows) & ~_undecided(rows)]
    pairs = f"{count(len(rows), 'pair')} of {kind}s"
    if len(unable) < len(rows):
        verdicts = (
            (ahead, f"tell {ahead} apart"),
            (undecided, f"do not tell {undecided} apart"),
            (len(unable), f"are too few for {len(unable)}"),
        )
        parts = [words for amount, words in verdicts if amount]
        return f"Of {pairs}, the seeds {listed(parts)} (permutation test, Holm’s correction)."
    seeds = sorted(set(unable["n"].tolist()))
    few = f"{listed(seeds, 'or')} seed{'' if seeds == [1] else 's'}"
    least = unable["p_least"].min()
    bound = f": no p-value can fall under {p_value(least)}" if is_finite(least) else ""
    if is_finite(least) and least < ALPHA:
        corrected = p_value(min(1, len(rows) * least))
        bound += f", or after Holm’s correction for {len(rows)} comparisons under {corrected}"
    needed = _seeds_needed(len(rows))
    hint = f" It takes at least {needed} seeds for so many." if needed else ""
    differ = "differs" if len(rows) == 1 else "differ"
    return f"{few} cannot show that any of {pairs} {differ}{bound}.{hint}"


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
    if len(shown) == len(rows) and not _ahead(rows).any():
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
    rows = table[_ahead(table)].sort_values("p_permutation_holm", kind="stable")
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


def sampling(table: pd.DataFrame, axes: Sequence[str]) -> Table:
    """A row per pair: McNemar's test over the images, seed by seed."""
    keys = ["kind", "within", *axes, "first", "second"]
    columns = [
        Column("within"),
        *(Column(human(axis)) for axis in axes),
        Column("first"),
        Column("second"),
        Column("seeds with p < 0.05", numeric=True),
        Column("images only the first gets right", numeric=True),
        Column("images only the second gets right", numeric=True),
    ]
    rows = []
    for identity, seeds in table.groupby(keys, sort=False):
        row: dict[Hashable, Any] = dict(zip(keys, identity, strict=True))
        significant = int((seeds["p_mcnemar"] < ALPHA).sum())
        rows.append(
            [
                text(row["within"]),
                *point_cells(row, axes),
                text(row["first"]),
                text(row["second"]),
                figure(significant, f"{significant} of {len(seeds)}"),
                *(
                    figure(float(seeds[name].median()), f"{seeds[name].median():g}")
                    for name in ("only_first", "only_second")
                ),
            ]
        )
    return limited(Table(columns, rows))


def mcnemar(table: pd.DataFrame) -> list[str]:
    """On how many seeds the images tell a pair apart, by kind."""
    sentences = []
    for kind, rows in table.groupby("kind", sort=False):
        significant = int((rows["p_mcnemar"] < ALPHA).sum())
        first, second = (f"{rows[name].median():g}" for name in ("only_first", "only_second"))
        sentences.append(
            f"Of {count(len(rows), 'pair')} of runs of one seed that differ in their {kind}, "
            f"McNemar’s test tells {significant} apart at p < {ALPHA} (not corrected); the median "
            f"numbers of images that only the first and only the second gets right are {first} "
            f"and {second}."
        )
    return sentences
