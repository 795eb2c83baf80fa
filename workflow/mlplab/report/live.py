"""What runs in the page: trained networks in int8, and a small one that is trained by readers."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from mlplab.report.packed import packed, packed_json
from mlplab.report.tables import Cell, Column, Table, figure
from mlplab.report.wording import count, rounded
from mlplab.study import colors
from mlplab.study.words import run_in_words

NUMBERS = ("Accuracy", "In int8", "Classes that differ", "Kilobytes")


@dataclass(frozen=True)
class Live:
    """What the section shows without a script, and the data of its scripts."""

    networks: Sequence[str] = ()
    lesson: bool = False
    said: str = ""
    table: Table = field(default_factory=lambda: Table([], []))
    packed: Sequence[Markup] = ()


def live(files: Sequence[Path], int8: pd.DataFrame | None) -> Live:
    """From networks.safetensors and lesson.safetensors, those that are there, and a table."""
    if int8 is None:
        return Live()
    blocks = {file.stem: packed(file.stem, file.read_bytes()) for file in files}
    carried = int8[int8["carried"]]
    about = {
        "networks": {row["activation"]: _about(row) for row in carried.to_dict("records")},
        "colors": {name: colors.of_activation(name) for name in int8["activation"]},
    }
    return Live(
        networks=list(carried["activation"]) if "networks" in blocks else [],
        lesson="lesson" in blocks,
        said=_said(carried),
        table=_table(int8),
        packed=[*blocks.values(), packed_json("live", about)] if blocks else [],
    )


def _about(row: Mapping[Hashable, Any]) -> dict[str, Any]:
    """What the page says of a network that it runs."""
    said = {name: row[name] for name in ("accuracy", "int8_accuracy", "images")}
    return {"from": run_in_words(str(row["run"])), **said}


def _said(carried: pd.DataFrame) -> str:
    """How near the carried networks are to those that were trained."""
    if carried.empty:
        return ""
    apart = (carried["int8_accuracy"] - carried["accuracy"]).abs().max()
    images = count(int(carried["images"].max()), "image")
    how = f"off by at most {rounded(100 * apart)} percentage points" if apart else "the same"
    return (
        "The page carries one byte for each weight: on "
        f"{images}, the accuracy of {'the network' if len(carried) == 1 else 'each network'} is "
        f"{how}."
    )


def _table(int8: pd.DataFrame) -> Table:
    """A row per activation: which run, and what int8 does to it; or why it is left out."""
    columns = [
        *(Column(title) for title in ("Activation", "Run")),
        *(Column(title, numeric=True) for title in NUMBERS),
        Column("Note", wordy=True),
    ]
    return Table(columns, [_row(row) for row in int8.to_dict("records")])


def _row(row: Mapping[Hashable, Any]) -> list[Cell]:
    known = bool(row["carried"])
    differ = ""
    if known and not pd.isna(row["changed"]):
        differ = f"{row['changed']:,} of {row['images']:,}"
    kilobytes = row["bytes"] / 1000 if known else None
    note = row["left_out"] and f"Left out: {row['left_out']}."
    if row["function"] == "table":
        note = "Its function is a plug-in’s: a table of points stands for it."
    return [
        Cell(str(row["activation"])),
        Cell(str(row["run"])),
        figure(row["accuracy"]),
        figure(row["int8_accuracy"]),
        figure(row["changed"] if differ else None, differ),
        figure(kilobytes, f"{kilobytes:.0f}" if known else None),
        Cell(note),
    ]
