# What a reader sees: activations, samples, curves, predictions, confusion, accuracy and time.
# The catalogue says which figures each rule draws (mlplab/figures).


rule plot_activation:
    """Draw an activation and its gradient as the article does, and its closed-form derivative."""
    input:
        activation=lambda wildcards: plug_in(ACTIVATION_FILES[wildcards.activation]),
    output:
        **figures_of("plot_activation"),
    log:
        f"{STUDY}/logs/plot_activation/{{activation}}.log",
    benchmark:
        f"{STUDY}/benchmarks/plot_activation/{{activation}}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        code=lambda wildcards: code("plot_activation", ACTIVATION_FILES[wildcards.activation]),
    message:
        "Drawing {wildcards.activation} and its gradient"
    script:
        "../scripts/plot_activation.py"


rule plot_samples:
    """Draw the first images of the training set with their classes."""
    input:
        data=IMAGES,
    output:
        **figures_of("plot_samples"),
    log:
        f"{STUDY}/logs/plot_samples.log",
    benchmark:
        f"{STUDY}/benchmarks/plot_samples.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        code=code("plot_samples"),
    message:
        "Drawing samples of the data"
    script:
        "../scripts/plot_samples.py"


rule plot_curves:
    """Draw the training curves of one activation, with their spread over seeds."""
    input:
        evaluation=lambda wildcards: run_files("evaluation.json", GROUPS[wildcards.group]),
    output:
        **figures_of("plot_curves"),
    log:
        f"{STUDY}/logs/plot_curves/{{group}}.log",
    benchmark:
        f"{STUDY}/benchmarks/plot_curves/{{group}}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        code=code("plot_curves"),
        scored_on=SCORED_ON,
    message:
        "Drawing the training curves of {wildcards.group}"
    script:
        "../scripts/plot_curves.py"


rule plot_cell:
    """Draw six predictions of a cell's first seed, and its confusion matrix, summed over seeds."""
    input:
        data=IMAGES,
        evaluation=lambda wildcards: run_files("evaluation.json", CELLS[wildcards.cell]),
    output:
        **figures_of("plot_cell"),
    log:
        f"{STUDY}/logs/plot_cell/{{cell}}.log",
    benchmark:
        f"{STUDY}/benchmarks/plot_cell/{{cell}}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        code=code("plot_cell"),
        scored_on=SCORED_ON,
        validation_size=lambda wildcards: CELLS[wildcards.cell][0].settings["validation_size"],
    message:
        "Drawing predictions and confusion of {wildcards.cell}"
    script:
        "../scripts/plot_cell.py"


rule plot_diagnostics:
    """Draw gradient norms, updates, dead and saturated units, and the values of hidden units."""
    input:
        **{name: table(name) for name in ("diagnostics", "histograms")},
    output:
        **figures_of("plot_diagnostics"),
    log:
        f"{STUDY}/logs/plot_diagnostics.log",
    benchmark:
        f"{STUDY}/benchmarks/plot_diagnostics.tsv"
    # The report waits for these longest.
    priority: 5
    conda:
        ENVIRONMENT
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        code=code("plot_diagnostics"),
    message:
        "Drawing gradients and units"
    script:
        "../scripts/plot_diagnostics.py"


rule plot_overview:
    """Draw accuracy over epochs, and accuracy and seconds per epoch of every run."""
    input:
        **{name: table(name) for name in ("runs", "summary", "groups", "curves")},
    output:
        **figures_of("plot_overview"),
    log:
        f"{STUDY}/logs/plot_overview.log",
    benchmark:
        f"{STUDY}/benchmarks/plot_overview.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        code=code("plot_overview"),
        scored_on=SCORED_ON,
    message:
        "Drawing accuracy and time of all runs"
    script:
        "../scripts/plot_overview.py"
