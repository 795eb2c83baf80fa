"""What seeds and images say of pairs: the comparison tables in words, and as tables of the page."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from mlplab.report.findings._finding import first_of
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
from mlplab.report.wording import (
    NOTHING,
    count,
    human,
    is_finite,
    listed,
    number,
    p_value,
    points,
    rounded,
)
from mlplab.study import words

# Of fewer, analysis tests nothing.
LEAST_SEEDS = 3


def of_kind(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    """The rows of a table of pairs that are of a kind."""
    return table[table["kind"] == kind]


# Verdict → what is said of one pair, and of several.
VERDICTS = {
    "told apart": ("is told apart", "are told apart"),
    "not told apart": ("is not told apart", "are not told apart"),
    "identical": ("is identical on every seed", "are identical on every seed"),
    "same difference on every seed": (
        "has the same difference on every seed, so that there is no test",
        "have the same difference on every seed, so that there is no test",
    ),
    "runs missing": (
        "has runs that did not finish, so that nothing is concluded",
        "have runs that did not finish, so that nothing is concluded",
    ),
    "too few seeds": (
        f"has too few seeds (a test takes {LEAST_SEEDS})",
        f"have too few seeds (a test takes {LEAST_SEEDS})",
    ),
    "no pair": ("had no seed that both finished", "had no seed that both finished"),
}


def differing(kind: str, amount: int) -> str:
    """Pairs of a kind: 3 pairs that differ in their learning rate alone."""
    verb = "differs in its" if amount == 1 else "differ in their"
    return f"{count(amount, 'pair')} that {verb} {human(kind)} alone"


def told(table: pd.DataFrame, kind: str) -> list[str]:
    """How many pairs of a kind are told apart, and what is to be said of the others."""
    rows = of_kind(table, kind)
    if rows.empty:
        return []
    amounts = {verdict: int(amount) for verdict, amount in rows["verdict"].value_counts().items()}
    clauses = [
        f"{amounts[verdict]} {words[amounts[verdict] > 1]}"
        for verdict, words in VERDICTS.items()
        if verdict in amounts
    ]
    tests = int(rows["p_holm"].notna().sum())
    how = ""
    if tests:
        seeds = listed(sorted(set(rows.loc[rows["p_holm"].notna(), "n"].tolist())), "or")
        how = f" (paired over {seeds} seeds, Holm’s correction for {count(tests, 'test')})"
    sentences = [f"Of {differing(kind, len(rows))}, {listed(clauses)}{how}."]
    if "not told apart" in amounts:
        sentences.append("Not to be told apart is not to be equal: more seeds may tell.")
    return sentences


def equivalent(table: pd.DataFrame) -> list[str]:
    """How many pairs of implementations are shown to be equivalent; by the standard of `told`."""
    rows = of_kind(table, "implementation")
    tested = rows[rows["equivalent"].notna()]
    if tested.empty:
        return []
    shown = int(tested["equivalent"].astype(bool).sum())
    margin = f"±{100 * float(tested['margin'].iloc[0]):.3g} percentage points"
    which = "it is" if len(tested) == 1 else f"{shown} of {len(tested)} are"
    if len(tested) == 1 and not shown:
        which = "it is not"
    return [
        f"By the same test, on the same seeds, {which} shown to be equivalent within {margin} of "
        "mean accuracy."
    ]


def notable(table: pd.DataFrame, kind: str) -> list[str]:
    """The conclusion of each pair that is told apart or lacks runs, the clearest first."""
    rows = of_kind(table, kind)
    rows = rows[rows["verdict"].isin(("told apart", "runs missing"))]
    ordered = rows.sort_values("p_holm", kind="stable", na_position="last").to_dict("records")
    axes = _axes(table)
    return [f"{_pair(row, axes)}: {row['conclusion']}." for row in ordered]


def _axes(table: pd.DataFrame) -> list[str]:
    """The further axes of the grid, whose values are those of both sides of a pair."""
    columns = list(table.columns)
    return columns[columns.index("within") + 1 : columns.index("first")]


def _pair(row: Mapping[Hashable, Any], axes: Sequence[str]) -> str:
    """The two that are compared and where: relu and tanh (manual, 2 layers of 128)."""
    first, second = _compared(row)
    settings = {axis: words.tabulated(axis, row[axis]) for axis in axes if axis != row["kind"]}
    said = [
        value if axis == words.SIZES else f"{human(axis)} {value}"
        for axis, value in settings.items()
    ]
    return f"{first} and {second} ({', '.join([row['within'], *said])})"


def _compared(row: Mapping[Hashable, Any]) -> tuple[str, str]:
    """The two that are compared, in words."""
    first, second = (words.tabulated(row["kind"], row[which]) for which in ("first", "second"))
    return first, second


def _interval(low: Any, high: Any) -> str:
    return f"{points(low)} to {points(high)}" if is_finite(low) else ""


def _p(value: Any, note: str = "") -> Cell:
    return figure(value, p_value(value), note)


def table(comparisons: pd.DataFrame, axes: Sequence[str], kind: str) -> Table:
    """A row per pair of a kind; those of implementations have equivalence besides.

    Where the page cannot hold all, those with the least p.
    """
    equivalence = kind == "implementation"
    points_of = [axis for axis in axes if axis != kind]
    pairs = of_kind(comparisons, kind)
    if len(pairs) > ROWS_AT_MOST:
        pairs = pairs.sort_values("p_holm", kind="stable")
    columns = [
        Column("within"),
        *(Column(human(axis)) for axis in points_of),
        Column("first"),
        Column("second"),
        Column("conclusion", wordy=True),
        Column("n", numeric=True),
        Column("difference, points", numeric=True),
        Column("over seeds alone", numeric=True),
        Column("p, Holm", numeric=True),
        *([Column("p of equivalence, Holm", numeric=True)] if equivalence else []),
        Column("first ahead on a further seed", numeric=True),
        Column("effect size", numeric=True),
    ]
    rows = [
        [
            text(row["within"]),
            *point_cells(row, points_of),
            *map(text, _compared(row)),
            text(row["conclusion"]),
            figure(row["n"], str(row["n"])),
            figure(
                row["difference"], points(row["difference"]), _interval(row["low"], row["high"])
            ),
            _bounds(row["seeds_low"], row["seeds_high"]),
            _p(row["p_holm"], f"alone {p_value(row['p'])}"),
            *([_equivalence(row)] if equivalence else []),
            figure(row["ahead_share"], number(row["ahead_share"], 2), _chances(row)),
            figure(row["effect_size"], rounded(row["effect_size"])),
        ]
        for row in pairs.to_dict("records")
    ]
    return limited(Table(columns, rows))


def _bounds(low: Any, high: Any) -> Cell:
    interval = _interval(low, high)
    return Cell(interval or NOTHING, key=f"{low:.7g}" if interval else None)


def _chances(row: Mapping[Hashable, Any]) -> str:
    return f"{number(row['ahead_low'], 2)} to {number(row['ahead_high'], 2)}"


def _equivalence(row: Mapping[Hashable, Any]) -> Cell:
    margin = f"margin ±{rounded(100 * row['margin'])}" if is_finite(row["margin"]) else ""
    return _p(row["p_equivalence_holm"], margin)


def ranking(groups: pd.DataFrame, axes: Sequence[str]) -> Table:
    """A row per group with a mean, the best first: how far behind, and how sure that is."""
    columns = [
        Column("activation"),
        *(Column(human(axis)) for axis in axes),
        Column("mean accuracy, last 3 epochs", numeric=True),
        Column("behind the best, points", numeric=True),
        Column("p, corrected", numeric=True),
        Column("best ahead on a further seed", numeric=True),
        Column("against the best"),
    ]
    ranked = groups.dropna(subset=["mean"]).sort_values("mean", ascending=False, kind="stable")
    rows = [
        [
            text(row["activation"]),
            *point_cells(row, axes),
            figure(row["mean"], number(row["mean"]), _range(row["low"], row["high"])),
            figure(
                row["behind"],
                rounded(100 * row["behind"]),
                _interval(row["behind_low"], row["behind_high"]),
            ),
            _p(row["p_corrected"]),
            figure(row["ahead_share"], number(row["ahead_share"], 2), _chances(row)),
            text(row["verdict"]),
        ]
        for row in ranked.to_dict("records")
    ]
    return limited(Table(columns, rows))


def _range(low: Any, high: Any) -> str:
    return f"{number(low)} to {number(high)}" if is_finite(low) else ""


def sampling(mcnemar: pd.DataFrame, axes: Sequence[str]) -> Table:
    """A row per pair: McNemar's test over the images, seed by seed, and which way it goes."""
    pairs = mcnemar[mcnemar["first"] != ""]
    columns = [
        Column("within"),
        *(Column(human(axis)) for axis in axes),
        Column("first"),
        Column("second"),
        Column("seeds", numeric=True),
        *(
            Column(title, numeric=True)
            for title in ("first better", "second better", "not told apart")
        ),
        Column("images only the first gets right", numeric=True),
        Column("images only the second gets right", numeric=True),
    ]
    rows = [
        [
            text(row["within"]),
            *point_cells(row, axes),
            *map(text, _compared(row)),
            *(
                figure(row[name], str(row[name]))
                for name in ("seeds", "first_better", "second_better", "not_told_apart")
            ),
            *(
                figure(row[name], f"{row[name]:g}")
                for name in ("only_first_median", "only_second_median")
            ),
        ]
        for row in pairs.to_dict("records")
    ]
    return limited(Table(columns, rows))


def mcnemar(table: pd.DataFrame) -> list[str]:
    """On how many seeds the images tell two networks apart, by kind; and which pairs contradict."""
    sentences = [
        f"Of {count(row['seeds'], 'pair')} of networks from one seed that differ in their "
        f"{human(row['kind'])} alone, McNemar’s test tells {row['seeds'] - row['not_told_apart']} "
        f"apart on these images at p < {row['alpha']:g} (not corrected)."
        for row in table[table["first"] == ""].to_dict("records")
    ]
    each = table[table["first"] != ""]
    both = each[(each["first_better"] > 0) & (each["second_better"] > 0)]
    axes = _axes(table)
    turned = [
        f"{_pair(row, axes)}: the first on {row['first_better']}, the second on "
        f"{row['second_better']}, neither on {row['not_told_apart']} of {row['seeds']}"
        for row in both.to_dict("records")
    ]
    if turned:
        sentences.append(f"Which network is better turns with the seed for {first_of(turned)}.")
    if sentences:
        sentences.append(
            "That is said of two trained networks each time, not of what they differ in."
        )
    return sentences
