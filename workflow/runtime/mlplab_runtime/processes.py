"""Which warm processes there are, what each imports, and which script is a fork of which."""

# Tells jobs in the environment "PREFIX:NAME": the Python environment that the warm processes belong
# to, and the first part of their sockets' names; or "off".
VARIABLE = "MLPLAB_WARM"
# What Snakemake puts at the top of every script needs these.
SCRIPTS = ("snakemake.iocontainers", "snakemake.io")
# Training carries no MLflow in its memory, and neither process waits for the other's imports.
# The modules of a line are imported together, those of the first before any job, the others as soon
# as no job waits. A job that came before would import them itself, at the same time.
MODULES = {
    "torch": (
        # torch's optimizers import torch._dynamo when the first one is made.
        ("mlplab.steps.train", "torch._dynamo", *SCRIPTS),
        ("mlplab.steps.compare_implementation",),
        ("mlplab.steps.plot_cell", "mlplab.steps.plot_activation"),
        # What matplotlib and pyarrow import when a file is first written or read.
        ("matplotlib.backends.backend_svg", "pyarrow.dataset"),
    ),
    "mlflow": (
        (
            *("mlplab.steps.track", "mlflow.store.tracking.sqlalchemy_workspace_store"),
            *("alembic.command", "sqlalchemy.dialects.sqlite", *SCRIPTS),
        ),
        ("mlplab.steps.evaluate",),
        ("mlplab.steps.summarize",),
        ("mlplab.steps.plot_curves", "mlplab.steps.render_report"),
        ("matplotlib.backends.backend_svg", "pyarrow.dataset"),
        ("mlplab.report:prepare",),
    ),
}
# All other scripts are forks of the process with MLflow.
NEED_TORCH = {
    "collect_examples",
    "compare_implementation",
    "decode",
    "pack_lesson",
    "pack_networks",
    "plot_activation",
    "plot_cell",
    "plot_samples",
    "select_best",
    "train",
}


def tasks_with(data: str) -> dict[str, tuple[tuple[str, ...], ...]]:
    """MODULES, and after the first of them the data set at `data`, which jobs with torch read."""
    first, *others = MODULES["torch"]
    shared = f"mlplab.datasets.store:share={data}"
    return MODULES | {"torch": ((*first, shared), *others)}


def process_of(script: str) -> str:
    """The warm process that serves `script`, a file that Snakemake calls tmp….<name>.py."""
    return "torch" if script.split(".")[-2] in NEED_TORCH else "mlflow"


def address(name: str, process: str) -> bytes:
    """The socket of a warm process, in Linux's abstract namespace: it is no file."""
    return f"\0{name}/{process}".encode()
