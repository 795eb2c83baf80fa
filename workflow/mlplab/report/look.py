"""Look at the data: what the section shows by itself, and what its script gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from mlplab.report.findings._finding import name_of
from mlplab.report.packed import packed_json
from mlplab.report.tables import Cell, Column, Table, figure, text
from mlplab.report.wording import NOTHING, is_finite, number
from mlplab.study import grid
from mlplab.study.colors import of_activation
from mlplab.study.documents import Manifest
from mlplab.study.record import RunRecord

# Probabilities as the page's script gets them.
DECIMALS = 6
# Columns of the table of examples that name a network or a class, in a list of the script's own.
RUNS, CLASSES = ("run", "other"), ("true", "predicted", "other_predicted")


@dataclass(frozen=True)
class Network:
    """A network that is looked at: the pictures of its first layer, and how many units are silent.

    `picture` is a PNG in base64 of the `shown` first ones of its `units`, at the end.
    """

    run: str
    name: str
    activation: str
    implementation: str
    seed: int
    units: int
    shown: int
    silent: int
    start: int
    picture: str


@dataclass(frozen=True)
class Look:
    """The section: networks, what they begin with (PNGs in base64), accuracies, data to pack."""

    networks: list[Network]
    starts: list[str]
    accuracies: Table
    packed: list[Markup]


def section(
    pictures: Mapping[str, Any],
    data: Mapping[str, pd.DataFrame],
    records: Mapping[str, RunRecord],
    manifest: Manifest,
    config: Mapping[str, Any],
) -> Look:
    """The section, from the pictures and the tables of a study."""
    runs = grid.runs(config)
    networks = [
        Network(
            run=end["run"],
            name=name_of(runs[end["run"]]),
            activation=(run := runs[end["run"]]).activation,
            implementation=run.implementation,
            seed=run.seed,
            units=end["units"],
            shown=end["shown"],
            silent=len(end["silent"]),
            start=end["start"],
            picture=end["picture"],
        )
        for end in pictures["ends"]
    ]
    groups = {grid.group_of(network.run): network.name for network in networks}
    split = grid.scored_split(config)
    block = _block(networks, pictures, data, records, manifest, split)
    return Look(
        networks=networks,
        starts=list(pictures["starts"]),
        accuracies=_accuracies(data["class_accuracies"], groups),
        packed=[packed_json("look", block)] if networks else [],
    )


def _accuracies(table: pd.DataFrame, groups: Mapping[str, str]) -> Table:
    """A row per class: its images, and its accuracy in each of the groups, which have names."""
    shown = table[table["group"].isin(list(groups))]
    of = {(row["group"], row["class"]): row for row in shown.to_dict("records")}
    images = shown.drop_duplicates("class").set_index("class")["images"].to_dict()
    columns = [
        Column("class"),
        Column("images", numeric=True),
        *(Column(name, numeric=True) for name in groups.values()),
    ]
    rows = [
        [
            text(str(name)),
            figure(int(amount), f"{amount:,}"),
            *(_accuracy(of.get((group, name))) for group in groups),
        ]
        for name, amount in images.items()
    ]
    return Table(columns, rows)


def _accuracy(row: Mapping[Any, Any] | None) -> Cell:
    if row is None or not is_finite(row["accuracy"]):
        return Cell(NOTHING)
    note = ""
    if is_finite(row["low"]):
        alone = " *" if row["interval"] == "images" else ""
        note = f"{number(row['low'], 3)} – {number(row['high'], 3)}{alone}"
    return figure(row["accuracy"], number(row["accuracy"], 3), note)


def _block(
    networks: Sequence[Network],
    pictures: Mapping[str, Any],
    data: Mapping[str, pd.DataFrame],
    records: Mapping[str, RunRecord],
    manifest: Manifest,
    split: str,
) -> dict[str, Any]:
    """What the script draws: counts and lists, with networks and classes by their numbers."""
    names, runs = list(manifest.class_names), [network.run for network in networks]
    return {
        "split": split,
        "classes": names,
        "networks": [
            {
                "activation": network.activation,
                "title": network.name,
                "name": f"{network.name} ({network.implementation}, seed {network.seed})",
                "color": of_activation(network.activation),
                "confusion": records[network.run].evaluation.confusion,
                **_over_seeds(network.run, data, names),
            }
            for network in networks
        ],
        "examples": _columns(data["examples"], runs, names),
        **{key: pictures[key] for key in ("height", "width", "columns", "images")},
    }


def _over_seeds(run: str, data: Mapping[str, pd.DataFrame], names: Sequence[str]) -> dict[str, Any]:
    """The confusions of a run's cell, from their table, and over how many runs they are."""
    cell = grid.cell_of(run)
    own = [other for other in data["runs"]["run"] if grid.cell_of(other) == cell]
    of_class = data["per_class"][data["per_class"]["run"].isin(own)]
    images = of_class.groupby("class")["images"].sum().to_dict()
    confused = data["confusions"][data["confusions"]["cell"] == cell]
    counts = [[0] * len(names) for _ in names]
    for row in confused.to_dict("records"):
        counts[names.index(row["true"])][names.index(row["predicted"])] = int(row["amount"])
    for place, name in enumerate(names):
        counts[place][place] = int(images.get(name, 0)) - sum(counts[place])
    return {"over_seeds": counts, "seeds": len(own)}


def _columns(table: pd.DataFrame, runs: Sequence[str], names: Sequence[str]) -> dict[str, Any]:
    """The table of examples, a list for each column; None where there is nothing."""
    numbers = {name: place for place, name in enumerate(names)}
    places = {run: place for place, run in enumerate(runs)}
    columns: dict[str, Any] = {}
    for column in table:
        values = [None if pd.isna(value) else value for value in table[column].tolist()]
        known = places if column in RUNS else numbers if column in CLASSES else None
        if known is not None:
            values = [None if value is None else known[value] for value in values]
        elif column in ("p", "p_true", "other_p"):
            values = [None if value is None else round(value, DECIMALS) for value in values]
        columns[str(column)] = values
    return columns
