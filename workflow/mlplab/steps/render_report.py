"""Write the study on one page."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import yaml

from mlplab.files import PathLike, read_json, write_text
from mlplab.report import render
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
    activations: Sequence[PathLike],
    selection: PathLike | None,
    page: PathLike,
) -> None:
    """Write the page. `runs` maps a run's path to its run.json, `tables` a name to its parquet."""
    files = beside(runs.values(), "run", "history", "evaluation", "diagnostics")
    text = render(
        config=yaml.safe_load(Path(config).read_text(encoding="utf-8")),
        manifest=read_json(manifest),
        study=read_json(study),
        records=load_records(list(runs), files),
        mlflow=read_json(tracked),
        data={name: pd.read_parquet(file) for name, file in tables.items()},
        axes=axes,
        figures={key: Path(file) for key, file in figures.items()},
        activations=list(map(Path, activations)),
        selection=read_json(selection) if selection else None,
    )
    write_text(page, text)
    print(f"{len(text.encode()):,} bytes for {len(runs)} runs")
