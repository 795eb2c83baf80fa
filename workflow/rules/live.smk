# What runs in the page: trained networks, small enough to be carried, and one that is trained there.
LIVE = [f"{STUDY}/networks.safetensors", f"{STUDY}/lesson.safetensors"]
ACTIVATIONS_HERE = [ACTIVATION_FILES[name] for name in ACTIVATIONS]


rule pack_networks:
    """Make an int8 copy of one trained network for each activation, and say what it costs."""
    input:
        runs=table("runs"),
        agreement=table("agreement"),
        data=IMAGES,
    output:
        **tables_of("pack_networks"),
        networks=f"{STUDY}/networks.safetensors",
    log:
        f"{STUDY}/logs/pack_networks.log",
    benchmark:
        f"{STUDY}/benchmarks/pack_networks.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        code=code("pack_networks", *ACTIVATIONS_HERE),
        runs=dict(zip(RUNS, run_files("run.json", RUNS.values()))),
        axes=AXES,
        activations=NETWORKS["activations"],
        scored_on=SCORED_ON,
    message:
        "Packing trained networks for the page"
    script:
        "../scripts/pack_networks.py"


rule pack_lesson:
    """Put together what the page trains a small network with: digits, a seed's start, mistakes."""
    output:
        lesson=f"{STUDY}/lesson.safetensors",
    log:
        f"{STUDY}/logs/pack_lesson.log",
    benchmark:
        f"{STUDY}/benchmarks/pack_lesson.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        code=code(
            "pack_lesson",
            *ACTIVATIONS_HERE,
            implementations.source("concise"),
            initializers.source("zeros"),
        ),
        activations=NETWORKS["activations"],
        seed=SEEDS[0],
    message:
        "Packing a network for the page to train"
    script:
        "../scripts/pack_lesson.py"
