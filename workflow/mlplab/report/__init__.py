"""The report: a study on one HTML page that needs nothing but itself."""

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
import pandas as pd
import yaml
from markupsafe import Markup

from mlplab.errors import UserError
from mlplab.report import (
    answer,
    article,
    comparing,
    contents,
    explorer,
    look,
    setup,
    shortlist,
    svg,
    tables,
    templates,
    wording,
)
from mlplab.report import live as live_part
from mlplab.report.findings import accuracies, inside, pairs, parity
from mlplab.report.findings._finding import Finding
from mlplab.report.formulas import formulas
from mlplab.report.packed import carried, packed_json
from mlplab.study import grid, metrics, pages
from mlplab.study.documents import Manifest
from mlplab.study.figures import Figure
from mlplab.study.record import RunRecord

SEPARATORS = re.compile(r"[^A-Za-z0-9_.]+")
# A table of more cells than this is a file beside the page, and nothing that the page carries.
CELLS_AT_MOST = 50_000
# More than this is folded: an overview is seen first, and details on demand.
OPEN_AT_MOST = 4


def _held_out(config: Mapping[str, Any]) -> int | None:
    """How many images all runs hold out for validation; None where runs differ in it."""
    sizes = {run.settings["validation_size"] for run in grid.runs(config).values()}
    return int(sizes.pop()) if len(sizes) == 1 else None


def _images(config: Mapping[str, Any], manifest: Manifest) -> str:
    """How many images of each split there are."""
    training, test = (manifest.counts[split].images for split in ("training", "test"))
    held_out = _held_out(config)
    if held_out is None:
        return (
            f"{training:,} training images, some of them for validation, and {test:,} test images"
        )
    if held_out:
        return f"{training - held_out:,} training, {held_out:,} validation and {test:,} test images"
    return f"{training:,} training and {test:,} test images"


def _what_was_run(
    config: Mapping[str, Any], manifest: Manifest, records: Mapping[str, RunRecord]
) -> str:
    """What was run, in one sentence."""
    choices = config["grid"]
    axes = [axis for axis in choices if axis not in grid.IDENTITY]
    further = f", for every {wording.listed(map(wording.human, axes))}" if axes else ""
    return (
        f"{wording.count(len(records), 'run')} on {manifest.title} "
        f"({_images(config, manifest)}): "
        f"{wording.listed(choices['implementation'])}, "
        f"with {wording.listed(choices['activation'])}, "
        f"from {wording.count(len(choices['seed']), 'seed')}{further}."
    )


def _looked_up(figures: Mapping[str, Path], key: str) -> Path:
    if key not in figures:
        raise UserError(
            f"the report lacks the figure {key!r}; it has {wording.listed(sorted(figures))}"
        )
    return figures[key]


@dataclass(frozen=True)
class Picture:
    """A figure as the page shows it: its markup, what stands below it, items of the article.

    `key` names it in addresses and files, `table` has its numbers.
    """

    key: str
    table: str
    markup: Markup
    caption: str
    items: str


def _pictures(
    figures: Mapping[str, Path], catalogue: Sequence[Figure], split: str, many: bool
) -> Callable[..., list[Picture]]:
    """A function that gives a section's figures; of an activation, group or cell, or of the study.

    `many` says that there are so many runs that a figure may not show each.
    """
    # Counted per use, so that no two figures of the page share an id.
    counter = itertools.count(1)
    ranges = (
        ", or, where there are too many, every line their range, thick over the middle half"
        if many
        else ""
    )

    def pictures(section: str, of: str = "", name: str = "", **values: Any) -> list[Picture]:
        found = []
        for figure in catalogue:
            if figure.section == section and bool(figure.per) == bool(of):
                said = {"of": name or of, "split": split, "ranges": ranges, **values}
                shows, caption = figure.said(**said)
                path = _looked_up(figures, figure.path(of))
                markup = Markup(svg.inline(path, f"figure{next(counter)}-", shows))
                key = SEPARATORS.sub("-", figure.path(of))
                found.append(Picture(key, figure.table, markup, caption, figure.items))
        return found

    return pictures


def _links(
    figures: Mapping[str, Path], catalogue: Sequence[Figure]
) -> Callable[[str, str], list[tables.Link]]:
    """A function that gives links to a section's figures of a group or cell, beside the page."""

    def links(section: str, of: str) -> list[tables.Link]:
        paths = {f.name: f.path(of) for f in catalogue if f.section == section and f.per}
        for path in paths.values():
            _looked_up(figures, path)
        return [
            tables.Link(name, f"figures/{quote(path, safe='/=')}.svg")
            for name, path in paths.items()
        ]

    return links


def _with_metrics(runs: pd.DataFrame, split: str) -> pd.DataFrame:
    """The runs with every column that the page needs: where all runs failed, some are missing."""
    needed = (metric.named(split) for metric in metrics.METRICS)
    counted = runs if "epochs_run" in runs else runs.assign(epochs_run=0)
    return counted.reindex(columns=list(dict.fromkeys([*counted.columns, *needed])))


def _comparisons(
    found: Sequence[Finding], given: Mapping[str, pd.DataFrame], axes: Sequence[str]
) -> dict[str, Any]:
    """What the section on comparisons shows, kind by kind."""
    by_key = {finding.key: finding for finding in found}
    return {
        "kinds": {
            kind: {
                "finding": by_key[pairs.key_of(kind)],
                "table": comparing.table(given["comparisons"], axes, kind),
            }
            for kind in ("activation", *axes, "implementation")
            if pairs.key_of(kind) in by_key
        },
        "mcnemar": by_key["images"].sentences if "images" in by_key else [],
        "sampling": comparing.sampling(given["mcnemar"], axes),
    }


def _carried(data: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """The tables that are not too large, as the files have them, for scripts/take.js."""
    return {
        name: table.to_csv(index=False)
        for name, table in data.items()
        if table.size <= CELLS_AT_MOST
    }


def _commits(records: Mapping[str, RunRecord]) -> tuple[list[str], bool]:
    """The git commits that the runs were trained at, and whether the code was changed since."""
    states = [record.run.git for record in records.values()]
    commits = dict.fromkeys(state.commit for state in states if state.commit)
    return list(commits), any(state.dirty for state in states)


@cache
def _environment() -> jinja2.Environment:
    environment = templates.environment(contents.FOLDER)
    environment.filters.update(number=wording.number, count=wording.count, listed=wording.listed)
    environment.filters.update(human=wording.human, in_words=article.in_words)
    return environment


def prepare() -> None:
    """Compile the page's templates, for all pages that this process and its forks render."""
    for name in _environment().list_templates(extensions=["j2"]):
        _environment().get_template(name)


def render(
    *,
    config: Mapping[str, Any],
    manifest: Manifest,
    study: Mapping[str, Any],
    records: Mapping[str, RunRecord],
    mlflow: Mapping[str, Mapping[str, str]],
    data: Mapping[str, pd.DataFrame],
    axes: Sequence[str],
    found: Sequence[Finding],
    figures: Mapping[str, Path],
    catalogue: Sequence[Figure],
    activations: Sequence[Path],
    looked_at: Mapping[str, Any],
    selection: Mapping[str, Any] | None = None,
    live: Sequence[Path] = (),
) -> str:
    """The page as HTML.

    `records` and `mlflow` map a run's path to its record and its place in MLflow; `data` has all
    tables but the findings, which are `found`; `figures` maps the path of each figure, as the
    `catalogue` says it, to an SVG file; `activations` are the files of the study's activations;
    `looked_at` has the pictures of the examples and of the networks' first layers;
    `selection` is what selection.summary returns; `live` are the files that report.live reads.
    Raises UserError where a figure is missing.
    """
    split = grid.scored_split(config)
    given, runs = data, _with_metrics(data["runs"], split)
    data = {**data, "runs": runs}
    ui = config["tracking"]["ui_url"]
    links = {
        path: pages.run(place["experiment_id"], place["run_id"], ui)
        for path, place in mlflow.items()
    }
    groups = shortlist.groups(config, records, data)
    compared = parity.matrix(data["parity"])
    run = _what_was_run(config, manifest, records)
    commits, changed = _commits(records)
    seen_first = answer.answer(config, data, axes, found, compared, selection, run)
    to_look_at = look.section(looked_at, data, records, manifest, config)
    trial = live_part.live(live, data.get("int8"))
    all_runs = tables.all_runs(runs, axes, split, links)
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            study=study["study"],
            experiment=pages.runs(study["experiment_id"], ui),
            answer=seen_first,
            run=run,
            settings=setup.settings(config),
            dataset=setup.dataset(manifest, _held_out(config) or 0),
            provenance=setup.provenance(records, data["speed"]),
            manifest=manifest,
            config=yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True),
            split=split,
            seeds=len(config["grid"]["seed"]),
            selection=selection,
            findings=found,
            parity=compared,
            comparisons=_comparisons(found, data, axes),
            sampling_error=accuracies.sampling_error(data["intervals"]),
            ranking=comparing.ranking(data["groups"], axes),
            networks=inside.table(data["networks"]),
            activations=[formulas(file) for file in activations],
            trained={r.run.activation for r in records.values() if r.history},
            groups=shortlist.choose(groups),
            cells=shortlist.choose([cell for group in groups for cell in group.cells]),
            summary=tables.summary(data["summary"], axes, split),
            details=tables.details(data["summary"], axes, split),
            per_class=tables.per_class(data["classes"], axes),
            runs=all_runs,
            number_of_runs=len(runs),
            open_at_most=OPEN_AT_MOST,
            pictures=_pictures(figures, catalogue, split, bool(all_runs.left_out)),
            figure_links=_links(figures, catalogue),
            article=article.listing(),
            commits=commits,
            changed=changed,
            bibtex=contents.cited(commits[0] if len(commits) == 1 else ""),
            sections=contents.SECTIONS,
            styles=contents.styles(),
            scripts=contents.scripts(),
            packed=[
                carried("echarts", contents.library("echarts")),
                packed_json("answer", answer.chart(seen_first.lines, split)),
                packed_json("tables", _carried(given)),
                *(
                    packed_json(name, value)
                    for name, value in explorer.blocks(data, records, split).items()
                ),
                *to_look_at.packed,
                *trial.packed,
            ],
            look=to_look_at,
            axes=axes,
            live=trial,
        )
    )
