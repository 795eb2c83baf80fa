"""The report: a study on one HTML page that needs nothing but itself."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
import pandas as pd
import yaml
from markupsafe import Markup

from mlplab.errors import UserError
from mlplab.report import comparing, setup, shortlist, svg, tables, wording
from mlplab.report.findings import accuracies, all_findings, inside, parity, speed
from mlplab.report.findings._finding import Finding
from mlplab.report.formulas import formulas
from mlplab.study import grid, metrics
from mlplab.study.record import RunRecord

FOLDER = Path(__file__).parent
TEMPLATE, STYLE, SCRIPT = "template.html.j2", "report.css", "report.js"
# More than this is folded: an overview is seen first, and details on demand.
OPEN_AT_MOST = 4


def _held_out(config: Mapping[str, Any]) -> int | None:
    """How many images all runs hold out for validation; None where runs differ in it."""
    sizes = {run.settings["validation_size"] for run in grid.runs(config).values()}
    return int(sizes.pop()) if len(sizes) == 1 else None


def _images(config: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """How many images of each split there are."""
    training, test = (manifest["counts"][split]["images"] for split in ("training", "test"))
    held_out = _held_out(config)
    if held_out is None:
        return (
            f"{training:,} training images, some of them for validation, and {test:,} test images"
        )
    if held_out:
        return f"{training - held_out:,} training, {held_out:,} validation and {test:,} test images"
    return f"{training:,} training and {test:,} test images"


def _answer(
    config: Mapping[str, Any],
    manifest: Mapping[str, Any],
    records: Mapping[str, RunRecord],
    found: Sequence[Finding],
) -> str:
    """What was run and what came out, in one paragraph."""
    choices = config["grid"]
    axes = [axis for axis in choices if axis not in grid.IDENTITY]
    further = f", for every {wording.listed(map(wording.human, axes))}" if axes else ""
    run = (
        f"{wording.count(len(records), 'run')} on {manifest['title']} "
        f"({_images(config, manifest)}): "
        f"{wording.listed(choices['implementation'])}, "
        f"with {wording.listed(choices['activation'])}, "
        f"from {wording.count(len(choices['seed']), 'seed')}{further}."
    )
    return " ".join([run, *(finding.headline for finding in found if finding.headline)])


def _looked_up(figures: Mapping[str, Path], key: str) -> Path:
    if key not in figures:
        raise UserError(
            f"the report lacks the figure {key!r}; it has {wording.listed(sorted(figures))}"
        )
    return figures[key]


def _pictures(figures: Mapping[str, Path]) -> Callable[[str, str], Markup]:
    """A function that gives the figure of a key, with its text alternative, as markup."""
    # Counted per use, so that no two figures of the page share an id.
    counter = itertools.count(1)

    def picture(key: str, label: str) -> Markup:
        return Markup(svg.inline(_looked_up(figures, key), f"figure{next(counter)}-", label))

    return picture


def _links(figures: Mapping[str, Path]) -> Callable[[str], str]:
    """A function that gives the address of a figure's file, relative to the page."""

    def link(key: str) -> str:
        _looked_up(figures, key)
        return f"figures/{quote(key, safe='/=')}.svg"

    return link


def _with_metrics(runs: pd.DataFrame, split: str) -> pd.DataFrame:
    """The runs with every column that the page needs: where all runs failed, some are missing."""
    needed = (metric.named(split) for metric in metrics.METRICS)
    counted = runs if "epochs_run" in runs else runs.assign(epochs_run=0)
    return counted.reindex(columns=list(dict.fromkeys([*counted.columns, *needed])))


def _comparisons(given: Mapping[str, pd.DataFrame], axes: Sequence[str]) -> dict[str, Any]:
    """What the section on comparisons shows, kind by kind."""
    table = given["comparisons"]
    kinds = {
        "activation": comparing.activations(table),
        "implementation": comparing.implementations(table),
    }
    return {
        "kinds": {
            kind: {
                "sentences": sentences,
                "told_apart": comparing.told_apart(table[table["kind"] == kind]),
                "table": comparing.table(table, axes, kind),
            }
            for kind, sentences in kinds.items()
            if sentences
        },
        "mcnemar": comparing.mcnemar(given["sampling"]),
        "sampling": comparing.sampling(given["sampling"], axes),
    }


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=wording.number, count=wording.count, listed=wording.listed)
    return environment


def render(
    *,
    config: Mapping[str, Any],
    manifest: Mapping[str, Any],
    study: Mapping[str, Any],
    records: Mapping[str, RunRecord],
    mlflow: Mapping[str, Mapping[str, str]],
    data: Mapping[str, pd.DataFrame],
    axes: Sequence[str],
    figures: Mapping[str, Path],
    activations: Sequence[Path],
    selection: Mapping[str, Any] | None = None,
) -> str:
    """The page as HTML.

    `records` and `mlflow` map a run's path to its record and its place in MLflow; `data` has the
    tables "runs", "summary", "per_class", "parity", "comparisons", "sampling" and "intervals";
    `figures` maps names such as "accuracy", "activations/relu.gradient", "curves/<group>" or
    "confusion/<cell>" to SVG files; `activations` are the files of the study's activations;
    `selection` is what selection.summary returns. Raises UserError where a figure is missing.
    """
    split = grid.scored_split(config)
    runs = _with_metrics(data["runs"], split)
    data = {**data, "runs": runs}
    tracker = f"{config['tracking']['ui_url'].rstrip('/')}/#/experiments"
    links = {
        path: f"{tracker}/{place['experiment_id']}/runs/{place['run_id']}"
        for path, place in mlflow.items()
    }
    networks = inside.networks(records)
    found = all_findings(config, records, data, networks, selection)
    groups = shortlist.groups(config, records, manifest["class_names"])
    return (
        _environment()
        .get_template(TEMPLATE)
        .render(
            study=study["study"],
            experiment=f"{tracker}/{study['experiment_id']}",
            answer=_answer(config, manifest, records, found),
            settings=setup.settings(config),
            dataset=setup.dataset(manifest, _held_out(config) or 0),
            provenance=setup.provenance(records),
            manifest=manifest,
            config=yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True),
            split=split,
            selection=selection,
            findings=found,
            speed=speed(runs, records),
            parity=parity.matrix(data["parity"]),
            comparisons=_comparisons(data, axes),
            sampling_error=accuracies.sampling_error(data["intervals"], split),
            networks=inside.table(networks),
            activations=[formulas(file) for file in activations],
            trained={r.run["activation"] for r in records.values() if r.history},
            groups=shortlist.choose(groups),
            cells=shortlist.choose([cell for group in groups for cell in group.cells]),
            summary=tables.summary(data["summary"], axes, split),
            details=tables.details(data["summary"], axes, split),
            per_class=tables.per_class(data["per_class"], axes),
            runs=tables.all_runs(runs, axes, split, links),
            number_of_runs=len(runs),
            open_at_most=OPEN_AT_MOST,
            picture=_pictures(figures),
            link=_links(figures),
            # Our own files, and free of anything that would need escaping.
            style=Markup((FOLDER / STYLE).read_text(encoding="utf-8")),
            script=Markup((FOLDER / SCRIPT).read_text(encoding="utf-8")),
        )
    )
