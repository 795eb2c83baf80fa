# One page for readers, and the whole study as artifacts of its summary run in MLflow.
# Templates, styles and scripts of the page, and how it is cited.
PAGE_FILES = [path for path in (LIBRARY / "mlplab/report/page").rglob("*.*") if path.is_file()]
PAGE_FILES += [file for file in [LIBRARY.parent / "CITATION.cff"] if file.exists()]
# What there is one figure each of.
ALL_OF = {"": [""], "activation": ACTIVATIONS, "group": list(GROUPS), "cell": list(CELLS)}
# The page's figures by the names that it knows them by: their files' without the ending.
PAGE_FIGURES = [figure.path(of) for figure in catalogue() for of in ALL_OF[figure.per]]
# The findings are a table that is made with the page.
PAGE_TABLES = [each.name for each in TABLES if each.rule != "render_report"]


rule render_report:
    """Put tables, figures and what they say in words on one page that works offline."""
    input:
        config=f"{STUDY}/config.yaml",
        manifest=MANIFEST,
        study=EXPERIMENT,
        tracked=TRACKED,
        tables=[table(name) for name in PAGE_TABLES],
        selection=SELECTION,
        pictures=PICTURES,
        figures=[f"{FIGURES}/{name}.svg" for name in PAGE_FIGURES],
        activations=[source(ACTIVATION_FILES[name]) for name in ACTIVATIONS],
        live=LIVE,
    output:
        **tables_of("render_report"),
        page=report(
            f"{STUDY}/report.html",
            caption="../captions/report.rst",
            category=CATEGORIES["Page"],
            labels={"page": "the whole study"},
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
        tables=PAGE_TABLES,
        figures=PAGE_FIGURES,
        catalogue=[asdict(figure) for figure in catalogue()],
    message:
        "Rendering the report"
    script:
        "../scripts/render_report.py"


rule publish_study:
    """Keep figures, tables and report in the study's summary run in MLflow; register what won."""
    input:
        config=f"{STUDY}/config.yaml",
        manifest=MANIFEST,
        study=EXPERIMENT,
        report=f"{STUDY}/report.html",
        tables=[table(each.name, form) for each in TABLES for form in ("csv", "parquet")],
        selection=SELECTION,
        figures=[f"{FIGURES}/{name}.{form}" for name in PAGE_FIGURES for form in FORMATS],
        live=LIVE,
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
