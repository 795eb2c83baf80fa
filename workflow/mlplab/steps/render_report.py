"""Write the study on one page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlplab.analysis.tables import read, write_all
from mlplab.files import PathLike, read_json, write_text
from mlplab.report import render
from mlplab.report.findings import all_findings, findings_table
from mlplab.study.documents import read_config, read_manifest
from mlplab.study.figures import Figure
from mlplab.study.record import beside, load_records


def render_report(
    config: PathLike,
    manifest: PathLike,
    study: PathLike,
    tracked: PathLike,
    runs: Mapping[str, PathLike],
    tables: Mapping[str, PathLike],
    axes: Sequence[str],
    figures: Mapping[str, PathLike],
    catalogue: Sequence[Mapping[str, Any]],
    activations: Sequence[PathLike],
    selection: PathLike | None,
    pictures: PathLike,
    live: Sequence[PathLike],
    outputs: Mapping[str, PathLike],
) -> None:
    """Write the `page`, and its findings as `findings_csv` and `findings_parquet`.

    `runs` maps a run's path to its run.json, `tables` a name to its parquet, `figures` the path of
    a figure, as the `catalogue` says it, to its SVG; `pictures` is what collect_examples wrote;
    `live` are the files of the networks that run in the page and of the one that is trained there.
    """
    files = beside(runs.values(), "run", "history", "evaluation")
    resolved = read_config(config)
    records = load_records(list(runs), files)
    data = {name: read(file) for name, file in tables.items()}
    selected = read_json(selection) if selection else None
    found = all_findings(resolved, records, data, selected)
    text = render(
        config=resolved,
        manifest=read_manifest(manifest),
        study=read_json(study),
        records=records,
        mlflow=read_json(tracked),
        data=data,
        axes=axes,
        found=found,
        figures={key: Path(file) for key, file in figures.items()},
        catalogue=[Figure(**described) for described in catalogue],
        activations=list(map(Path, activations)),
        looked_at=read_json(pictures),
        selection=selected,
        live=list(map(Path, live)),
    )
    write_all({"findings": findings_table(found)}, outputs)
    write_text(outputs["page"], text)
    print(f"{len(text.encode()):,} bytes for {len(runs)} runs")
