"""Every key of a configuration: its type, default, bounds and description.

Those of a run's settings stand in `study.settings`.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from mlplab.keys import key
from mlplab.study.settings import Network, Training

# In the words that Python's and JavaScript's expressions share; "$" alone allows a line's end.
_END = r"$(?!\n)"


def _folders(kind: str, language: str, folder: str) -> Any:
    """The key of folders that hold plug-ins of one's own."""
    return key(
        (),
        f"Folders with {kind} of your own, one {language} file each, known by its file name; a "
        "single folder may be given as plain text. Only what is named here is known, besides "
        f"`workflow/mlplab/{folder}/`.",
        uniqueItems=True,
        items={"minLength": 1},
    )


@dataclass(frozen=True)
class Grid:
    """The axes of the study; every combination of their values is a run.

    `implementation`, `activation` and `seed` are always axes. Every key of `network` and `training`
    may be an axis as well, with a list of values; it then takes the place of the single value.
    """

    implementation: tuple[str, ...] = key(
        ("scratch", "concise"),
        "Implementations of the network, files in `workflow/mlplab/implementations/`.",
        minItems=1,
        uniqueItems=True,
        items={"registry": "implementations"},
    )
    activation: tuple[str, ...] = key(
        ("relu", "sigmoid", "tanh"),
        "Activation functions of the hidden layers, files in `workflow/mlplab/activations/`.",
        minItems=1,
        uniqueItems=True,
        items={"registry": "activations"},
    )
    seed: tuple[int, ...] = key(
        (0, 1, 2),
        "Seeds. A seed determines the initial parameters and the order of the batches.",
        minItems=1,
        uniqueItems=True,
        items={"minimum": 0, "maximum": 2**32 - 1},
    )


@dataclass(frozen=True)
class Cluster:
    """What matters only where jobs run on the nodes of a cluster."""

    local_rules: bool = key(
        True,
        "Whether figures, tables and the report are made where `snakemake` runs, and not as jobs "
        "of the cluster. Data are always downloaded and decoded there: other nodes need no "
        "network.",
    )
    allow_sqlite: bool = key(
        False,
        "Whether runs may be tracked in a SQLite file although the executor is a cluster's. Safe "
        "only where all jobs run on one node: on a disk that nodes share, a SQLite file gets "
        "corrupted.",
    )


@dataclass(frozen=True)
class Comparisons:
    """How differences over seeds are judged."""

    equivalence_margin: float = key(
        0.005,
        "Two implementations count as equivalent where their mean accuracies are shown to differ "
        "by less than this (0.005 is half a percentage point).",
        exclusiveMinimum=0,
        maximum=1,
    )


@dataclass(frozen=True)
class Tracking:
    """Where runs are tracked with MLflow."""

    uri: str | None = key(
        None,
        "MLflow tracking URI. `null` means the environment variable `MLFLOW_TRACKING_URI` where it "
        "is set, else `sqlite:///results/mlflow/mlflow.db`. Credentials belong in the environment, "
        "never here: a URI with a user name or password is refused.",
        secrets="set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD for a server, or "
        "MLFLOW_TRACKING_URI in place of this key",
    )
    wait_seconds: float = key(
        60,
        "How long the study waits, before its tables, for a tracking server that is away. Training "
        "never waits: what could not be sent is sent then.",
        minimum=0,
    )
    live: bool = key(
        False,
        "Whether a run's epochs are sent while it trains, and not only its record after it. "
        "Training never waits for it; each job takes the time and memory of MLflow's client.",
    )
    models: bool = key(
        True,
        "Whether MLflow keeps the network of each run as a model, to load and to serve "
        "(docs/models.md).",
    )
    ui_url: str = key(
        "http://127.0.0.1:5000",
        "Address at which the MLflow UI is opened; the report's links to runs begin with it.",
        pattern=rf"^https?://\S+{_END}",
        hint="an address that begins with http:// or https://",
        secrets="the report is for all who read it, and a browser asks for them",
    )


@dataclass(frozen=True)
class Configuration:
    """Which data set, which runs, and how they train."""

    study: str = key(
        description="Name of the study; its results go to `results/<study>/`, its runs to the "
        "MLflow experiment of that name.",
        pattern=rf"^(?!(data|mlflow)$)(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9_.-]*{_END}",
        maxLength=100,
        hint="a name of letters, digits, '_', '-' and '.' that begins with a letter or digit, "
        "without '..', other than data and mlflow",
    )
    dataset: str = key(
        "fashion_mnist",
        "Data set to train and test on, a file in `workflow/mlplab/datasets/`.",
        registry="datasets",
    )
    datasets: tuple[str, ...] = _folders("data sets", "YAML", "datasets")
    implementations: tuple[str, ...] = _folders("implementations", "Python", "implementations")
    activations: tuple[str, ...] = _folders("activations", "Python", "activations")
    reference: str = key(
        "concise",
        "Implementation that all others are held against, step by step (parity).",
        registry="implementations",
    )
    grid: Grid = field(default_factory=Grid)
    network: Network = field(default_factory=Network)
    training: Training = field(default_factory=Training)
    device: Literal["auto", "cpu", "cuda"] = key(
        "auto",
        "Where runs compute: `auto` is a CUDA device where torch finds one, else the CPU. A run's "
        "record says what it was. Implementations that do not name `cuda` among their `DEVICES` "
        "use the CPU.",
    )
    isolation: Literal["auto", "require", "off"] = key(
        "auto",
        "How implementations and activations of your own are run (docs/isolation.md): `auto` in a "
        "process of their own, with limits and on the CPU, in `bwrap` where that is installed; "
        "`require` insists on `bwrap`; `off` trusts them as the library's own.",
    )
    checkpoint_epochs: int = key(
        1,
        "Number of epochs after which a run writes a checkpoint, from which it goes on when it was "
        "interrupted; 0 for none. It changes no result.",
        minimum=0,
    )
    cluster: Cluster = field(default_factory=Cluster)
    selection: bool = key(
        False,
        "Select the best combination of the grid by its mean accuracy on the held-out validation "
        "images. No run then sees the test set; it is read for the winner, each time logged.",
    )
    comparisons: Comparisons = field(default_factory=Comparisons)
    tracking: Tracking = field(default_factory=Tracking)
    mirrors: tuple[str, ...] = key(
        (),
        "Where to download the data set's files from, tried in order: addresses (`https`, `http`, "
        "`file`) or plain folders that hold the files under their official names. An empty list "
        "means the data set's official mirrors. The environment variable `MLPLAB_MIRRORS` "
        "(separated by blanks) replaces this list.",
        items={
            "minLength": 1,
            "secrets": "download the files to a folder, and name that",
        },
    )
