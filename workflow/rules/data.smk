# From mirrors to one memory-mappable file of tensors.


rule download:
    """Fetch one file of a data set from the first mirror that serves it unharmed."""
    output:
        file=f"{DATA}/raw/{{file}}",
        source=f"{DATA}/raw/{{file}}.source.json",
    log:
        f"{DATA}/logs/download/{{file}}.log",
    benchmark:
        f"{DATA}/benchmarks/download/{{file}}.tsv"
    wildcard_constraints:
        file="|".join(file.name for file in DATASET.files.values()) or "(?!)",
    # Everything else waits for the data.
    priority: 50
    conda:
        ENVIRONMENT
    resources:
        mem_mb=growing(500),
        runtime=growing(30),
    params:
        code=code("download"),
        dataset=source(DATASET_FILE),
    message:
        "Downloading {wildcards.file}"
    script:
        "../scripts/download.py"


rule decode:
    """Decode a data set's files, once, into one file that every job maps into its memory."""
    input:
        **{part: f"{DATA}/raw/{file.name}" for part, file in DATASET.files.items()},
        sources=[f"{DATA}/raw/{file.name}.source.json" for file in DATASET.files.values()],
        registry=source(DATASET_FILE),
    output:
        data=IMAGES,
        manifest=MANIFEST,
    log:
        f"{DATA}/logs/decode.log",
    benchmark:
        f"{DATA}/benchmarks/decode.tsv"
    priority: 50
    conda:
        ENVIRONMENT
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        code=code("decode"),
    message:
        f"Decoding {DATASET.name}"
    script:
        "../scripts/decode.py"
