"""Write the study on one page."""

from typing import TYPE_CHECKING

from job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from pathlib import Path

    import pandas as pd
    import yaml

    from mlplab.files import read_json, write_text
    from mlplab.record import beside, load_records
    from mlplab.report import render

    paths, source = snakemake.params.paths, snakemake.input
    files = beside(snakemake.params.runs, "run", "history", "evaluation", "diagnostics")
    page = render(
        config=yaml.safe_load(Path(source.config).read_text(encoding="utf-8")),
        manifest=read_json(source.manifest),
        study=read_json(source.study),
        records=load_records(paths, files),
        mlflow=read_json(source.tracked),
        data={
            name: pd.read_parquet(file)
            for name, file in zip(snakemake.params.tables, source.tables, strict=True)
        },
        axes=snakemake.params.axes,
        figures={
            key: Path(file)
            for key, file in zip(snakemake.params.figures, source.figures, strict=True)
        },
        activations=list(map(Path, source.activations)),
        selection=read_json(source.selection[0]) if source.selection else None,
    )
    write_text(snakemake.output[0], page)
    print(f"{len(page.encode()):,} bytes for {len(paths)} runs")
