# From MLflow to pandas tables, checked against the records on disk.


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
        mem_mb=growing(200),
        runtime=growing(5),
    params:
        code=code("save_config"),
        config=config,
    message:
        "Saving the configuration"
    script:
        "../scripts/save_config.py"


rule collect_runs:
    """Read the study's runs back from MLflow into one table; refuse what contradicts the records.

    Runs that could not be sent before are sent first: from here on MLflow holds each of them, once.
    """
    input:
        study=EXPERIMENT,
        manifest=MANIFEST,
        data=IMAGES,
        tracked=run_files("mlflow.json", RUNS.values()),
    output:
        **tables_of("collect_runs"),
        tracked=TRACKED,
    log:
        f"{STUDY}/logs/collect_runs.log",
    benchmark:
        f"{STUDY}/benchmarks/collect_runs.tsv"
    # The report waits for these longest.
    priority: 5
    conda:
        ENVIRONMENT
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        code=code("collect_runs", MODEL_CODE),
        paths=list(RUNS),
        networks=NETWORKS,
    message:
        "Collecting the runs from MLflow"
    script:
        "../scripts/collect_runs.py"


rule summarize:
    """Summarise the runs over seeds and classes; compare activations and implementations."""
    input:
        runs=table("runs"),
        agreement=table("agreement"),
        manifest=MANIFEST,
    output:
        **tables_of("summarize"),
    log:
        f"{STUDY}/logs/summarize.log",
    benchmark:
        f"{STUDY}/benchmarks/summarize.tsv"
    # The report waits for these longest.
    priority: 5
    conda:
        ENVIRONMENT
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        code=code("summarize"),
        runs=dict(zip(RUNS, run_files("run.json", RUNS.values()))),
        axes=AXES,
        scored_on=SCORED_ON,
        margin=config["comparisons"]["equivalence_margin"],
    message:
        "Summarising and comparing the runs"
    script:
        "../scripts/summarize.py"


rule compare_implementation:
    """Run an implementation beside the reference, step by step, with every activation of the study."""
    input:
        data=IMAGES,
        implementation=lambda wildcards: plug_in(IMPLEMENTATION_FILES[wildcards.implementation]),
        reference=plug_in(IMPLEMENTATION_FILES[config["reference"]]),
        activations=[plug_in(ACTIVATION_FILES[name]) for name in ACTIVATIONS],
    output:
        parity=f"{STUDY}/parity/{{implementation}}.json",
    log:
        f"{STUDY}/logs/compare_implementation/{{implementation}}.log",
    benchmark:
        f"{STUDY}/benchmarks/compare_implementation/{{implementation}}.tsv"
    # First of all: what follows from it is long, and a mistake is told before hours of training.
    priority: 20
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        code=lambda wildcards: code(
            "compare_implementation",
            IMPLEMENTATION_FILES[wildcards.implementation],
            IMPLEMENTATION_FILES[config["reference"]],
            *(ACTIVATION_FILES[name] for name in ACTIVATIONS),
            # Comparisons start from biases that are not zero.
            initializers.source("framework"),
        ),
        settings=next(iter(RUNS.values())).settings,
    message:
        "Comparing {wildcards.implementation} with the reference"
    script:
        "../scripts/compare_implementation.py"


rule tabulate_parity:
    """Put what every implementation's comparison found into one table."""
    input:
        parity=expand(
            rules.compare_implementation.output.parity,
            implementation=config["grid"]["implementation"],
        ),
    output:
        **tables_of("tabulate_parity"),
    log:
        f"{STUDY}/logs/tabulate_parity.log",
    benchmark:
        f"{STUDY}/benchmarks/tabulate_parity.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        code=code("tabulate_parity"),
    message:
        "Tabulating parity"
    script:
        "../scripts/tabulate_parity.py"


rule tabulate_diagnostics:
    """Average gradient norms, dead units and saturated values over the runs of a network."""
    input:
        agreement=table("agreement"),
        run=run_files("run.json", RUNS.values()),
    output:
        **tables_of("tabulate_diagnostics"),
    log:
        f"{STUDY}/logs/tabulate_diagnostics.log",
    benchmark:
        f"{STUDY}/benchmarks/tabulate_diagnostics.tsv"
    # The report waits for these longest.
    priority: 5
    conda:
        ENVIRONMENT
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        code=code("tabulate_diagnostics"),
    message:
        "Tabulating gradients and units"
    script:
        "../scripts/tabulate_diagnostics.py"


rule collect_examples:
    """Put together what a reader looks at: images and predictions, weights, values of units."""
    input:
        runs=table("runs"),
        groups=table("groups"),
        agreement=table("agreement"),
        data=IMAGES,
    output:
        **tables_of("collect_examples"),
        pictures=PICTURES,
    log:
        f"{STUDY}/logs/collect_examples.log",
    benchmark:
        f"{STUDY}/benchmarks/collect_examples.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        code=code("collect_examples"),
        runs=dict(zip(RUNS, run_files("run.json", RUNS.values()))),
        scored_on=SCORED_ON,
    message:
        "Collecting images and weights to look at"
    script:
        "../scripts/collect_examples.py"
