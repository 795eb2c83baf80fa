"""Which warm processes there are, what each imports, and which script is a fork of which."""

# Tells jobs in the environment "PREFIX:NAME": the Python environment that the warm processes belong
# to, and the first part of their sockets' names; or "off".
VARIABLE = "MLPLAB_WARM"
# Training carries no MLflow in its memory, and neither process waits for the other's imports.
# Modules are imported in this order, each as soon as no job waits.
MODULES = {
    "torch": (
        "mlplab.steps.train",
        "snakemake.iocontainers",
        # torch's optimizers import it when the first one is made.
        "torch._dynamo",
        "mlplab.steps.compare_implementation",
        "mlplab.steps.plot_cell",
        "mlplab.steps.plot_activation",
    ),
    "mlflow": (
        "mlplab.steps.track",
        "mlflow.store.tracking.sqlalchemy_store",
        "snakemake.iocontainers",
        "mlplab.steps.evaluate",
        "mlplab.steps.summarize",
        "mlplab.steps.plot_curves",
        "mlplab.steps.render_report",
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


def process_of(script: str) -> str:
    """The warm process that serves `script`, a file that Snakemake calls tmp….<name>.py."""
    return "torch" if script.split(".")[-2] in NEED_TORCH else "mlflow"


def address(name: str, process: str) -> bytes:
    """The socket of a warm process, in Linux's abstract namespace: it is no file."""
    return f"\0{name}/{process}".encode()
