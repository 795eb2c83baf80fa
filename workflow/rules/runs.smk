# One run of the grid: trained, evaluated, tracked.
RUN = f"{STUDY}/runs/{{implementation}}/{{activation}}/{{point}}"


rule start_study:
    """Create the MLflow store and the study's experiment, before any run is sent to it."""
    output:
        study=f"{STUDY}/study.json",
    log:
        f"{STUDY}/logs/start_study.log",
    benchmark:
        f"{STUDY}/benchmarks/start_study.tsv"
    priority: 100
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        study=config["study"],
        uri=config["tracking"]["uri"],
    message:
        "Starting the study {params.study}"
    script:
        "../scripts/start_study.py"


rule train:
    """Train one network from its seed's parameters, in its seed's order."""
    input:
        data=rules.decode.output.data,
        implementation=lambda wildcards: source(IMPLEMENTATION_FILES[wildcards.implementation]),
        activation=lambda wildcards: source(ACTIVATION_FILES[wildcards.activation]),
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
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        run=lambda wildcards: asdict(run_of(wildcards)),
        scored_on=SCORED_ON,
        # The implementation's and the activation's files are inputs; this stands for all the rest.
        shared_code=provenance.shared_digest(),
    message:
        "Training {wildcards.implementation} {wildcards.activation} {wildcards.point}"
    script:
        "../scripts/train.py"


rule evaluate:
    """Score a run's predictions: accuracy, loss, per-class scores, confusion."""
    input:
        predictions=rules.train.output.predictions,
        history=rules.train.output.history,
        manifest=rules.decode.output.manifest,
    output:
        evaluation=f"{RUN}/evaluation.json",
    log:
        f"{STUDY}/logs/evaluate/{{implementation}}/{{activation}}/{{point}}.log",
    benchmark:
        f"{STUDY}/benchmarks/evaluate/{{implementation}}/{{activation}}/{{point}}.tsv"
    # Before further training, so that a finished run is soon tracked.
    priority: 10
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        scored_on=SCORED_ON,
    message:
        "Evaluating {wildcards.implementation} {wildcards.activation} {wildcards.point}"
    script:
        "../scripts/evaluate.py"


rule track:
    """Send a run's record to MLflow, once, under a run of its own."""
    input:
        study=rules.start_study.output.study,
        manifest=rules.decode.output.manifest,
        history=rules.train.output.history,
        diagnostics=rules.train.output.diagnostics,
        parameters=rules.train.output.parameters,
        predictions=rules.train.output.predictions,
        run=rules.train.output.run,
        evaluation=rules.evaluate.output.evaluation,
    output:
        f"{RUN}/mlflow.json",
    log:
        f"{STUDY}/logs/track/{{implementation}}/{{activation}}/{{point}}.log",
    benchmark:
        f"{STUDY}/benchmarks/track/{{implementation}}/{{activation}}/{{point}}.tsv"
    # A finished run is seen in the MLflow UI while others still train.
    priority: 10
    retries: 2
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Tracking {wildcards.implementation} {wildcards.activation} {wildcards.point}"
    script:
        "../scripts/track.py"
