# What a reader sees: activations, samples, curves, predictions, confusion, accuracy and time.
FIGURES = f"{STUDY}/figures"
FORMATS = ("svg", "png")


rule plot_activation:
    """Draw an activation and its gradient as the article does, and its closed-form derivative."""
    input:
        activation=lambda wildcards: plug_in(ACTIVATION_FILES[wildcards.activation]),
    output:
        **{
            f"function_{form}": report(
                f"{FIGURES}/activations/{{activation}}.{form}",
                caption="../captions/activation.rst",
                category="Activations",
                labels={
                    "activation": "{activation}",
                    "shows": "function",
                    "format": form,
                },
            )
            for form in FORMATS
        },
        **{
            f"gradient_{form}": report(
                f"{FIGURES}/activations/{{activation}}.gradient.{form}",
                caption="../captions/activation.rst",
                category="Activations",
                labels={
                    "activation": "{activation}",
                    "shows": "gradient",
                    "format": form,
                },
            )
            for form in FORMATS
        },
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
        svg=report(
            f"{FIGURES}/samples.svg",
            caption="../captions/samples.rst",
            category="Data",
            labels={"shows": "samples"},
        ),
        png=f"{FIGURES}/samples.png",
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
        svg=report(
            f"{FIGURES}/curves/{{group}}.svg",
            caption="../captions/curves.rst",
            category="Training",
            labels=lambda wildcards: labels(wildcards.group),
        ),
        png=f"{FIGURES}/curves/{{group}}.png",
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
        predictions_svg=report(
            f"{FIGURES}/predictions/{{cell}}.svg",
            caption="../captions/predictions.rst",
            category="Predictions",
            labels=lambda wildcards: labels(wildcards.cell),
        ),
        predictions_png=f"{FIGURES}/predictions/{{cell}}.png",
        confusion_svg=report(
            f"{FIGURES}/confusion/{{cell}}.svg",
            caption="../captions/confusion.rst",
            category="Confusion",
            labels=lambda wildcards: labels(wildcards.cell),
        ),
        confusion_png=f"{FIGURES}/confusion/{{cell}}.png",
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
    """Draw gradient norms by layer, and dead and saturated units by epoch, of every group."""
    input:
        run=run_files("run.json", RUNS.values()),
    output:
        **{
            f"{name}_{form}": report(
                f"{FIGURES}/{name}.{form}",
                caption=f"../captions/{name}.rst",
                category="Diagnostics",
                labels={"shows": name, "format": form},
            )
            for name in ("gradients", "units")
            for form in FORMATS
        },
    log:
        f"{STUDY}/logs/plot_diagnostics.log",
    benchmark:
        f"{STUDY}/benchmarks/plot_diagnostics.tsv"
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
    """Draw test accuracy and seconds per epoch of every run, by activation and implementation."""
    input:
        runs=RUNS_TABLE,
    output:
        **{
            f"{name}_{form}": report(
                f"{FIGURES}/{name}.{form}",
                caption=f"../captions/{name}.rst",
                category="Overview",
                labels={"shows": name, "format": form},
            )
            for name in ("accuracy", "seconds")
            for form in FORMATS
        },
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
        groups={path: run.group for path, run in RUNS.items()},
        scored_on=SCORED_ON,
    message:
        "Drawing accuracy and time of all runs"
    script:
        "../scripts/plot_overview.py"
