# One page for readers, and the whole study as artifacts of its summary run in MLflow.
# Template, style and script of the page.
PAGE_FILES = [
    path for path in (LIBRARY / "mlplab/report").iterdir() if path.suffix in (".j2", ".css", ".js")
]
# The page's figures by the names that it knows them by.
REPORT_FIGURES = {
    name: f"{FIGURES}/{name}.svg"
    for name in [
        "accuracy",
        "seconds",
        "samples",
        "gradients",
        "units",
        *(f"activations/{name}{shows}" for name in ACTIVATIONS for shows in ("", ".gradient")),
        *(f"curves/{group}" for group in GROUPS),
        *(f"{kind}/{cell}" for kind in ("predictions", "confusion") for cell in CELLS),
    ]
}


rule render_report:
    """Put tables, figures and what they say in words on one page that works offline."""
    input:
        config=f"{STUDY}/config.yaml",
        manifest=MANIFEST,
        study=EXPERIMENT,
        tracked=TRACKED,
        tables=[forms["parquet"] for forms in TABLES.values()],
        selection=SELECTION,
        figures=list(REPORT_FIGURES.values()),
        activations=[source(ACTIVATION_FILES[name]) for name in ACTIVATIONS],
    output:
        report(
            f"{STUDY}/report.html",
            caption="../captions/report.rst",
            category="Report",
        ),
    log:
        f"{STUDY}/logs/render_report.log",
    benchmark:
        f"{STUDY}/benchmarks/render_report.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        code=code("render_report", *PAGE_FILES),
        runs=dict(zip(RUNS, run_files("run.json", RUNS.values()))),
        axes=AXES,
        tables=list(TABLES),
        figures=list(REPORT_FIGURES),
    message:
        "Rendering the report"
    script:
        "../scripts/render_report.py"


rule publish_study:
    """Keep figures, tables and report as artifacts of the study's summary run in MLflow."""
    input:
        config=f"{STUDY}/config.yaml",
        study=EXPERIMENT,
        report=f"{STUDY}/report.html",
        tables=[file for forms in TABLES.values() for file in forms.values()],
        selection=SELECTION,
        figures=[
            f"{path.removesuffix('svg')}{form}"
            for path in REPORT_FIGURES.values()
            for form in FORMATS
        ],
    output:
        f"{STUDY}/published.json",
    log:
        f"{STUDY}/logs/publish_study.log",
    benchmark:
        f"{STUDY}/benchmarks/publish_study.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        code=code("publish_study"),
    message:
        "Publishing the study in MLflow"
    script:
        "../scripts/publish_study.py"
