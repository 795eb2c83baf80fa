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
    from mlplab.record import load_records
    from mlplab.report import render

    paths, source = snakemake.params.paths, snakemake.input
    page = render(
        config=yaml.safe_load(Path(source.config).read_text(encoding="utf-8")),
        manifest=read_json(source.manifest),
        study=read_json(source.study),
        records=load_records(paths, source),
        mlflow={path: read_json(file) for path, file in zip(paths, source.tracked, strict=True)},
        runs=pd.read_parquet(source.runs),
        summary=pd.read_parquet(source.summary),
        per_class=pd.read_parquet(source.per_class),
        axes=snakemake.params.axes,
        figures={
            key: Path(file)
            for key, file in zip(snakemake.params.figures, source.figures, strict=True)
        },
    )
    write_text(snakemake.output[0], page)
    print(f"{len(page.encode()):,} bytes for {len(paths)} runs")
