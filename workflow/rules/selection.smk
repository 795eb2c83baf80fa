# Where the config asks for the best combination: chosen on validation images, then tested.
SELECTION = [f"{STUDY}/selection.json"] if config["selection"] else []


rule select_best:
    """Choose the combination with the highest mean validation accuracy, and read the test set for it."""
    input:
        runs=table("runs"),
        agreement=table("agreement"),
        data=IMAGES,
    output:
        selection=f"{STUDY}/selection.json",
    log:
        f"{STUDY}/logs/select_best.log",
    benchmark:
        f"{STUDY}/benchmarks/select_best.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        **NETWORKS,
        code=code("select_best", *ACTIVATION_FILES.values(), *IMPLEMENTATION_FILES.values()),
        runs=dict(zip(RUNS, run_files("run.json", RUNS.values()))),
        axes=AXES,
        # No output: it outlives every selection, and gets longer with each.
        readings=f"{STUDY}/test_readings.jsonl",
    message:
        "Selecting the best combination"
    script:
        "../scripts/select_best.py"
