"""The report: a study on one HTML page that needs nothing but itself."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import yaml
from markupsafe import Markup

from mlplab import grid
from mlplab.errors import UserError
from mlplab.record import RunRecord
from mlplab.report import facts, svg, tables, words
from mlplab.report.findings import Finding, all_findings, group_name, speed
from mlplab.report.formulas import formulas

FOLDER = Path(__file__).parent
TEMPLATE, STYLE, SCRIPT = "template.html.j2", "report.css", "report.js"
# More than this is folded: an overview is seen first, and details on demand.
OPEN_AT_MOST = 4


@dataclass(frozen=True)
class Confusion:
    """The most frequent confusion of a cell: how many images of one class, taken for another."""

    amount: int
    images: int
    true: str
    predicted: str


@dataclass(frozen=True)
class Cell:
    """One implementation with one activation and settings, over all seeds."""

    path: str
    seed: int
    accuracy: float
    confusion: Confusion | None


@dataclass(frozen=True)
class Group:
    """What several implementations share: an activation, and settings of the grid's other axes."""

    path: str
    name: str
    cells: list[Cell]


def _confusion(records: Sequence[RunRecord], class_names: Sequence[str]) -> Confusion | None:
    """The most frequent confusion, summed over runs; None where all predictions are right."""
    sums = [
        [sum(cells) for cells in zip(*rows, strict=True)]
        for rows in zip(*(record.evaluation["confusion"] for record in records), strict=True)
    ]
    wrong = [
        (amount, true, predicted)
        for true, row in enumerate(sums)
        for predicted, amount in enumerate(row)
        if true != predicted and amount
    ]
    if not wrong:
        return None
    amount, true, predicted = max(wrong, key=lambda entry: entry[0])
    return Confusion(amount, sum(sums[true]), class_names[true], class_names[predicted])


def _groups(
    config: Mapping[str, Any], records: Mapping[str, RunRecord], class_names: Sequence[str]
) -> list[Group]:
    """The groups of the grid with their cells, in the order of the grid."""
    groups = []
    for path, runs in grid.by_group(grid.runs(config)).items():
        first = runs[0]
        cells = []
        for cell, members in grid.by_cell({run.path: run for run in runs}).items():
            of_cell = [records[run.path] for run in members]
            accuracies = [record.evaluation["test_accuracy"] for record in of_cell]
            cells.append(
                Cell(
                    cell,
                    members[0].seed,
                    sum(accuracies) / len(accuracies),
                    _confusion(of_cell, class_names),
                )
            )
        point = {axis: first.settings[axis] for axis in first.axes}
        groups.append(Group(path, group_name(first.activation, point), cells))
    return groups


def _answer(
    config: Mapping[str, Any],
    manifest: Mapping[str, Any],
    records: Mapping[str, RunRecord],
    found: Sequence[Finding],
) -> str:
    """What was run and what came out, in one paragraph."""
    choices = config["grid"]
    axes = [axis for axis in choices if axis not in grid.IDENTITY]
    images = manifest["counts"]
    further = f", for each of {words.listed(map(words.human, axes))}" if axes else ""
    run = (
        f"{words.count(len(records), 'run')} on {manifest['title']} "
        f"({images['training']['images']:,} training and {images['test']['images']:,} test "
        "images): "
        f"{words.listed(choices['implementation'])}, with {words.listed(choices['activation'])}, "
        f"from {words.count(len(choices['seed']), 'seed')}{further}."
    )
    return " ".join([run, *(finding.headline for finding in found if finding.headline)])


def _pictures(figures: Mapping[str, Path]) -> Callable[[str, str], Markup]:
    """A function that gives the figure of a key, with its text alternative, as markup."""
    # Counted per use, so that no two figures of the page share an id.
    counter = itertools.count(1)

    def picture(key: str, label: str) -> Markup:
        if key not in figures:
            raise UserError(
                f"the report lacks the figure {key!r}; it has {words.listed(sorted(figures))}"
            )
        return Markup(svg.inline(figures[key], f"figure{next(counter)}-", label))

    return picture


def render(
    *,
    config: Mapping[str, Any],
    manifest: Mapping[str, Any],
    study: Mapping[str, Any],
    records: Mapping[str, RunRecord],
    mlflow: Mapping[str, Mapping[str, str]],
    runs: pd.DataFrame,
    summary: pd.DataFrame,
    per_class: pd.DataFrame,
    axes: Sequence[str],
    figures: Mapping[str, Path],
) -> str:
    """The page as HTML.

    `records` and `mlflow` map a run's path to its record and its place in MLflow; `figures` maps
    names such as "accuracy", "activations/relu.gradient", "curves/<group>" or "confusion/<cell>"
    to SVG files. Raises UserError where a figure is missing.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=words.number, count=words.count, listed=words.listed)
    tracker = f"{config['tracking']['ui_url'].rstrip('/')}/#/experiments"
    links = {
        path: f"{tracker}/{place['experiment_id']}/runs/{place['run_id']}"
        for path, place in mlflow.items()
    }
    found = all_findings(config, records, runs, manifest["counts"]["test"]["images"])
    return environment.get_template(TEMPLATE).render(
        study=study["study"],
        experiment=f"{tracker}/{study['experiment_id']}",
        answer=_answer(config, manifest, records, found),
        settings=facts.settings(config),
        dataset=facts.dataset(manifest),
        provenance=facts.provenance(records),
        manifest=manifest,
        config=yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True),
        findings=found,
        speed=speed(runs),
        activations=[formulas(name) for name in config["grid"]["activation"]],
        groups=_groups(config, records, manifest["class_names"]),
        summary=tables.summary(summary, axes),
        per_class=tables.per_class(per_class, axes),
        runs=tables.all_runs(runs, axes, links),
        open_at_most=OPEN_AT_MOST,
        picture=_pictures(figures),
        # Our own files, and free of anything that would need escaping.
        style=Markup((FOLDER / STYLE).read_text(encoding="utf-8")),
        script=Markup((FOLDER / SCRIPT).read_text(encoding="utf-8")),
    )
