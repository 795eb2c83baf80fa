"""What happens inside the networks (A8): vanishing gradients, dead and saturated units."""

from collections.abc import Hashable, Mapping

import pandas as pd

from mlplab.report.findings._finding import Finding, first_of
from mlplab.report.tables import Column, Table, figure, limited, text
from mlplab.report.wording import count, listed, percent, rounded

# Activations that are flat at both ends, of which the article says that they saturate.
SATURATING = ("sigmoid", "tanh")


def table(networks: pd.DataFrame) -> Table:
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
                "units dead on all training images, at the end",
                "saturated values at the end",
            )
        ),
    ]
    rows = [
        [
            text(row["activation"]),
            *(figure(row[name], str(row[name])) for name in ("hidden_layers", "runs")),
            *(
                figure(row[f"gradient_ratio_{when}"], rounded(row[f"gradient_ratio_{when}"]))
                for when in ("before", "after")
            ),
            *(
                figure(row[f"{name}_at_end"], percent(row[f"{name}_at_end"]))
                for name in ("dead", "saturated")
            ),
        ]
        for row in networks.to_dict("records")
    ]
    return limited(Table(columns, rows))


def vanishing(networks: pd.DataFrame) -> Finding | None:
    """The vanishing gradient in one number for each activation, and units that do not learn."""
    if networks.empty:
        return None
    deepest = int(networks["hidden_layers"].max())
    deep = networks[networks["hidden_layers"] == deepest].set_index("activation")
    # With one hidden layer the ratio is that of the scales the weights are drawn from.
    ratios = deep["gradient_ratio_before"].dropna().to_dict() if deepest > 1 else {}
    sentences = (
        _gradients(ratios, deepest),
        _dead(deep["dead_at_end"].dropna().to_dict()),
        _saturated(deep["saturated_at_end"].dropna().to_dict()),
    )
    said = [text for text in sentences if text]
    return Finding("inside", "Inside the networks", said, article="A8")


def _gradients(ratios: Mapping[Hashable, float], depth: int) -> str:
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


def _dead(shares: Mapping[Hashable, float]) -> str:
    if not shares:
        return ""
    dead = {name: share for name, share in shares.items() if share}
    if not dead:
        return (
            "At the end no hidden unit is dead: each has a slope on some image of the training set."
        )
    named = first_of(
        [f"{percent(share)} of hidden units with {name}" for name, share in dead.items()]
    )
    return f"Dead at the end, without a slope on any image of the training set: {named}."


def _saturated(shares: Mapping[Hashable, float]) -> str:
    known = [
        f"{percent(share)} of values with {name}"
        for name, share in shares.items()
        if name in SATURATING
    ]
    if not known:
        return ""
    return f"Saturated at the end, with a slope below 5 % of the greatest: {listed(known)}."
