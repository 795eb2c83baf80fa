"""What happens inside the networks (A8): vanishing gradients, dead and saturated units."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlplab.report.findings._finding import Finding, first_of
from mlplab.report.tables import Column, Table, figure, limited, text
from mlplab.report.wording import count, is_finite, listed, percent, rounded
from mlplab.study.record import RunRecord

# Activations that are flat at both ends, of which the article says that they saturate.
SATURATING = ("sigmoid", "tanh")

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Inside:
    """The networks of one activation and depth: means over their runs, None where none is finite.

    `before` and `after` training: the norm of the gradient of the first layer's weights, as a
    multiple of the last layer's. `dead` and `saturated`: shares at the end, over hidden layers.
    """

    activation: str
    hidden_layers: int
    runs: int
    before: float | None
    after: float | None
    dead: float | None
    saturated: float | None


def _values(rows: Rows, quantity: str, epoch: int, of: str) -> list[float]:
    return [
        row["value"]
        for row in rows
        if row["quantity"] == quantity and row["epoch"] == epoch and row["of"].startswith(of)
    ]


def _ratio(rows: Rows, epoch: int) -> float | None:
    """The first layer's gradient norm as a multiple of the last layer's, in an epoch."""
    norms = _values(rows, "gradient_norm", epoch, "W")
    if len(norms) < 2 or not all(map(math.isfinite, norms)) or not norms[-1]:
        return None
    return norms[0] / norms[-1]


def _geometric_mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return statistics.geometric_mean(known) if all(known) else 0.0


def _mean(values: Iterable[float]) -> float | None:
    known = [value for value in values if math.isfinite(value)]
    return statistics.fmean(known) if known else None


def networks(records: Mapping[str, RunRecord]) -> list[Inside]:
    """The numbers of each activation and depth, in the order of the study."""
    groups: dict[tuple[str, int], list[Rows]] = {}
    for record in records.values():
        rows = record.diagnostics
        if rows:
            depth = len(_values(rows, "gradient_norm", 0, "W")) - 1
            groups.setdefault((record.run["activation"], depth), []).append(rows)
    found = []
    for (activation, depth), runs in groups.items():
        ends = [rows[-1]["epoch"] for rows in runs]

        def shares(quantity: str, runs: list[Rows] = runs, ends: list[int] = ends) -> float | None:
            each = zip(runs, ends, strict=True)
            return _mean(value for rows, end in each for value in _values(rows, quantity, end, "H"))

        found.append(
            Inside(
                activation,
                depth,
                len(runs),
                _geometric_mean(_ratio(rows, 0) for rows in runs),
                _geometric_mean(_ratio(rows, end) for rows, end in zip(runs, ends, strict=True)),
                shares("dead"),
                shares("saturated"),
            )
        )
    return found


def table(found: Sequence[Inside]) -> Table:
    """A row per activation and depth."""
    columns = [
        Column("activation"),
        *(
            Column(title, numeric=True)
            for title in (
                "hidden layers",
                "runs",
                "gradient, first ÷ last layer, before training",
                "the same after training",
                "dead units at the end",
                "saturated values at the end",
            )
        ),
    ]
    rows = [
        [
            text(row.activation),
            *(figure(value, str(value)) for value in (row.hidden_layers, row.runs)),
            *(figure(value, rounded(value)) for value in (row.before, row.after)),
            *(figure(value, percent(value)) for value in (row.dead, row.saturated)),
        ]
        for row in found
    ]
    return limited(Table(columns, rows))


def vanishing(found: Sequence[Inside]) -> Finding | None:
    """The vanishing gradient in one number for each activation, and units that do not learn."""
    if not found:
        return None
    deepest = max(row.hidden_layers for row in found)
    deep = [row for row in found if row.hidden_layers == deepest]
    sentences = (_gradients(deep, deepest), _dead(deep), _saturated(deep))
    return Finding("Inside the networks (A8)", [sentence for sentence in sentences if sentence])


def _gradients(deep: Sequence[Inside], depth: int) -> str:
    ratios = {row.activation: row.before for row in deep if row.before is not None}
    if not ratios:
        return ""
    ordered = sorted(ratios.items(), key=lambda item: item[1])
    named = listed(f"{rounded(ratio)} ({name})" for name, ratio in ordered)
    if len(ordered) > 4:
        (low_name, low), *_, (high_name, high) = ordered
        named = f"from {rounded(low)} ({low_name}) to {rounded(high)} ({high_name})"
    return (
        f"Before training, with {count(depth, 'hidden layer')}, the norm of the gradient of the "
        f"first layer’s weights is this multiple of the last layer’s: {named}. Far below 1, it "
        "vanishes on its way back, and the first layers learn slowly."
    )


def _dead(deep: Sequence[Inside]) -> str:
    dead = [(row.activation, row.dead) for row in deep if row.dead]
    if not dead:
        return "At the end no hidden unit is dead, which is to say without a slope on every image."
    named = first_of([f"{percent(share)} of hidden units with {name}" for name, share in dead])
    return f"Dead at the end, without a slope on any of the images looked at: {named}."


def _saturated(deep: Sequence[Inside]) -> str:
    shares = [(row.activation, row.saturated) for row in deep if row.activation in SATURATING]
    known = [
        f"{percent(share)} of values with {name}" for name, share in shares if is_finite(share)
    ]
    if not known:
        return ""
    return f"Saturated at the end, with a slope below 5 % of the greatest: {listed(known)}."
