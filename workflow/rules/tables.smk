# From MLflow to pandas tables, checked against the records on disk.
TABLES = {
    name: {form: f"{STUDY}/tables/{name}.{form}" for form in ("csv", "parquet")}
    for name in ("runs", "summary", "per_class")
}


rule save_config:
    """Keep the configuration that the results come from, with all defaults filled in."""
    output:
        f"{STUDY}/config.yaml",
    log:
        f"{STUDY}/logs/save_config.log",
    benchmark:
        f"{STUDY}/benchmarks/save_config.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=200,
        runtime=5,
    params:
        config=config,
    message:
        "Saving the configuration"
    script:
        "../scripts/save_config.py"


rule collect_runs:
    """Read the study's runs back from MLflow into one table; refuse what contradicts the records."""
    input:
        study=rules.start_study.output.study,
        tracked=run_files("mlflow.json", RUNS.values()),
        history=run_files("history.csv", RUNS.values()),
        run=run_files("run.json", RUNS.values()),
        evaluation=run_files("evaluation.json", RUNS.values()),
    output:
        csv=report(
            TABLES["runs"]["csv"],
            caption="../report/runs.rst",
            category="Tables",
            labels={"table": "runs"},
        ),
        parquet=TABLES["runs"]["parquet"],
    log:
        f"{STUDY}/logs/collect_runs.log",
    benchmark:
        f"{STUDY}/benchmarks/collect_runs.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        paths=list(RUNS),
    message:
        "Collecting the runs from MLflow"
    script:
        "../scripts/collect_runs.py"


rule summarize:
    """Summarise runs over seeds, and scores over classes."""
    input:
        runs=rules.collect_runs.output.parquet,
        history=rules.collect_runs.input.history,
        run=rules.collect_runs.input.run,
        evaluation=rules.collect_runs.input.evaluation,
    output:
        summary_csv=report(
            TABLES["summary"]["csv"],
            caption="../report/summary.rst",
            category="Tables",
            labels={"table": "summary"},
        ),
        summary_parquet=TABLES["summary"]["parquet"],
        per_class_csv=report(
            TABLES["per_class"]["csv"],
            caption="../report/per_class.rst",
            category="Tables",
            labels={"table": "scores per class"},
        ),
        per_class_parquet=TABLES["per_class"]["parquet"],
    log:
        f"{STUDY}/logs/summarize.log",
    benchmark:
        f"{STUDY}/benchmarks/summarize.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        paths=list(RUNS),
        axes=AXES,
    message:
        "Summarising the runs"
    script:
        "../scripts/summarize.py"
