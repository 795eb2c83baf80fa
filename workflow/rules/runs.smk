# Every run of the grid is trained by a job of its own; a cell's runs are evaluated and tracked by one.
# A step's input is the file that the step before writes last; the rest of a run's record lies beside
# it. (With 10,000 runs, every further input of each takes seconds to plan.)
RUN = f"{RECORDS}/{{implementation}}/{{activation}}/{{point}}"


rule start_study:
    """Create the MLflow store and the study's experiment, before any run is sent to it."""
    output:
        study=EXPERIMENT,
    log:
        f"{STUDY}/logs/start_study.log",
    benchmark:
        f"{STUDY}/benchmarks/start_study.tsv"
    priority: 100
    conda:
        ENVIRONMENT
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        code=code("start_study"),
        study=config["study"],
        uri=config["tracking"]["uri"],
        scored_on=SCORED_ON,
    message:
        "Starting the study {params.study}"
    script:
        "../scripts/start_study.py"


rule train:
    """Train one network from its seed's parameters, in its seed's order."""
    input:
        data=IMAGES,
        implementation=lambda wildcards: plug_in(IMPLEMENTATION_FILES[wildcards.implementation]),
        activation=lambda wildcards: plug_in(ACTIVATION_FILES[wildcards.activation]),
    output:
        history=f"{RUN}/history.csv",
        diagnostics=f"{RUN}/diagnostics.csv",
        parameters=f"{RUN}/parameters.safetensors",
        predictions=f"{RUN}/predictions.parquet",
        run=f"{RUN}/run.json",
    log:
        f"{STUDY}/logs/train/{{implementation}}/{{activation}}/{{point}}.log",
    benchmark:
        f"{STUDY}/benchmarks/train/{{implementation}}/{{activation}}/{{point}}.tsv"
    # Implementations in turn, so that all have their times under the same load; all of the runs
    # before what can as well wait.
    priority: lambda wildcards: 2 - POSITIONS[run_of(wildcards).path] / len(POSITIONS)
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
        gpu=gpus,
    params:
        run=lambda wildcards: asdict(run_of(wildcards)),
        scored_on=SCORED_ON,
        code=lambda wildcards: training_code(
            wildcards.implementation,
            wildcards.activation,
            run_of(wildcards).settings["bias_init"],
        ),
    message:
        "Training {wildcards.implementation} {wildcards.activation} {wildcards.point}"
    script:
        "../scripts/train.py"


rule evaluate:
    """Score the predictions of a cell's runs: accuracy, loss, per-class scores, confusion."""
    input:
        run=each_seed("run.json"),
        manifest=MANIFEST,
    output:
        evaluation=each_seed("evaluation.json"),
    log:
        f"{STUDY}/logs/evaluate/{{implementation}}/{{activation}}{{axes}}.log",
    benchmark:
        f"{STUDY}/benchmarks/evaluate/{{implementation}}/{{activation}}{{axes}}.tsv"
    # Before further training, so that finished runs are soon tracked.
    priority: 10
    conda:
        ENVIRONMENT
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        code=code("evaluate"),
        scored_on=SCORED_ON,
    message:
        "Evaluating {wildcards.implementation} {wildcards.activation}{wildcards.axes}"
    script:
        "../scripts/evaluate.py"


rule track:
    """Send the records of a cell's runs to MLflow, once, each under a run of its own.

    Where the store is away, they are left to `collect_runs`: training does not wait for it.
    """
    input:
        study=EXPERIMENT,
        manifest=MANIFEST,
        data=IMAGES,
        evaluation=each_seed("evaluation.json"),
    output:
        tracked=each_seed("mlflow.json"),
    log:
        f"{STUDY}/logs/track/{{implementation}}/{{activation}}{{axes}}.log",
    benchmark:
        f"{STUDY}/benchmarks/track/{{implementation}}/{{activation}}{{axes}}.tsv"
    # Finished runs are seen in the MLflow UI while others still train.
    priority: 10
    conda:
        ENVIRONMENT
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        code=code("track", MODEL_CODE),
        networks=networks_of_cell,
    message:
        "Tracking {wildcards.implementation} {wildcards.activation}{wildcards.axes}"
    script:
        "../scripts/track.py"
