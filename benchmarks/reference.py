"""A finished study as a page of Markdown: `python benchmarks/reference.py results/seeds`.

The reference results in docs/ are written by this, from the tables and records of the study.
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from mlplab.report.setup import provenance
from mlplab.report.wording import is_finite, number, rounded
from mlplab.study.metrics import LATE_EPOCHS
from mlplab.study.record import RunFiles

HEAD = """# {study}

<!-- Written by `python benchmarks/reference.py results/{study}`. -->

A reference result: `snakemake --cores all --configfile {config}`.

"""


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def probability(value: float) -> str:
    """A p-value, never as 0."""
    if not is_finite(value):
        return "—"
    return "< 0.0001" if value < 0.0001 else rounded(value, 2)


def summary(study: Path) -> str:
    """Mean, interval and bounds of every cell."""
    cells = pd.read_parquet(study / "tables/summary.parquet").to_dict("records")
    heading = ["implementation", "activation", "n", "test accuracy", "standard deviation"]
    heading += ["95 % interval", "training loss", "runs that meet B11"]
    return table(
        heading,
        (
            [
                cell["implementation"],
                cell["activation"],
                str(cell["n"]),
                number(cell["test_accuracy_mean"]),
                number(cell["test_accuracy_std"]),
                f"{number(cell['test_accuracy_low'])} to {number(cell['test_accuracy_high'])}",
                number(cell["training_loss_mean"]),
                f"{cell['sanity_met']} of {cell['n']}",
            ]
            for cell in cells
        ),
    )


def comparisons(study: Path) -> str:
    """Every comparison with what may be concluded."""
    pairs = pd.read_parquet(study / "tables/comparisons.parquet").to_dict("records")
    heading = ["within", "first", "second", "difference in points", "95 % interval"]
    heading += ["p (Holm)", "ahead on a further seed", "effect size", "conclusion"]
    return table(
        heading,
        (
            [
                pair["within"],
                pair["first"],
                pair["second"],
                number(100 * pair["difference"], 3),
                f"{number(100 * pair['low'], 3)} to {number(100 * pair['high'], 3)}",
                probability(pair["p_holm"]),
                number(pair["ahead_share"], 2),
                rounded(pair["effect_size"]),
                pair["conclusion"],
            ]
            for pair in pairs
        ),
    )


def sampling(study: Path) -> str:
    """On how many seeds McNemar's test finds which of two networks better, per pair."""
    rows = pd.read_parquet(study / "tables/mcnemar.parquet")
    heading = ["within", "first", "second", "seeds", "first better", "second better"]
    heading += ["images only first has right", "images only second has right"]
    return table(
        heading,
        (
            [
                *(str(row[name]) for name in ("within", "first", "second", "seeds")),
                *(str(row[name]) for name in ("first_better", "second_better")),
                *(rounded(row[f"only_{side}_median"], 3) for side in ("first", "second")),
            ]
            for row in rows[rows["first"] != ""].to_dict("records")
        ),
    )


def page(study: Path, config: str) -> str:
    """The whole page."""
    files = sorted((study / "runs").rglob("run.json"))
    records = {str(file): RunFiles.at(file.parent).load() for file in files}
    speed = pd.read_parquet(study / "tables/speed.parquet")
    facts = [[name, text] for name, text in provenance(records, speed) if name != "packages"]
    intervals = pd.read_parquet(study / "tables/intervals.parquet")
    width = 100 * (intervals["wilson_high"] - intervals["wilson_low"]).mean()
    return (
        HEAD.format(study=study.name, config=config)
        + table(["run", ""], facts)
        + "\n## Accuracy over seeds\n\n"
        + summary(study)
        + "\n## Comparisons over seeds\n\n"
        + f"Of each run's mean test accuracy over the last {LATE_EPOCHS} epochs, which depends "
        + "less on the seed; intervals and tests are over seeds.\n\n"
        + comparisons(study)
        + "\n## The test set's own sampling error\n\n"
        + "Another thing than the spread over seeds: how much of a difference the test images "
        + f"leave open. A run's 95 % Wilson interval is {number(width, 2)} points wide in the "
        + "mean. McNemar's test compares two networks of one seed, image by image, at p < 0.05; "
        + "the counts of images are medians over seeds.\n\n"
        + sampling(study)
    )


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    print(page(folder, sys.argv[2] if len(sys.argv) > 2 else f"config/{folder.name}.yaml"), end="")
