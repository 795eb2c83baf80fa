# What all else builds on: the checked configuration, the runs of its grid, the paths.
import os
import sys
from collections import Counter
from dataclasses import asdict
from functools import cache

from snakemake.logging import logger
from snakemake.settings.types import DeploymentMethod

# The folder of the workflow, also where it is a module of another one.
LIBRARY = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parent
SEARCH = [str(LIBRARY), str(LIBRARY / "runtime")]
sys.path[:0] = SEARCH
# Scripts run in processes of their own, which look there as well.
search = filter(None, [*SEARCH, os.getenv("PYTHONPATH")])
os.environ.update(PYTHONPATH=os.pathsep.join(search))

from mlplab.garbage import collect_rarely, leave_at_exit

collect_rarely()
leave_at_exit()

from mlplab_runtime.environment import check_environment

IN_CONTAINERS = DeploymentMethod.APPTAINER in workflow.deployment_settings.deployment_method
IN_CONDA = DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method
check_environment(jobs_elsewhere=IN_CONTAINERS or IN_CONDA)

from mlplab_runtime import warm
from mlplab_runtime.clock import date_now
from mlplab_runtime.cluster import refuse_sqlite
from mlplab_runtime.command import own_command
from mlplab_runtime.lock import hold_for_deletion, hold_lock, sweep
from mlplab_runtime.processes import tasks_with
from mlplab_runtime.store import forget_lost
from mlplab_runtime.timers import end_timers_with_main_thread
from mlplab import activations, commands, datasets, implementations, initializers
from mlplab.config.resolve import resolve
from mlplab.config.sources import ConfigError, read
from mlplab.errors import UserError
from mlplab.files import write_text
from mlplab.figures.catalogue import catalogue, drawn_by
from mlplab.study import grid
from mlplab.study.code import code_digest, keep_read, read_earlier, training_digest
from mlplab.study.figures import FORMATS, SECTIONS
from mlplab.study.tables import TABLES, made_by
from mlplab.tracking.uri import tracking_uri
from snakemake_logger_plugin_mlplab import LogHandler, announce

# Read here first: Snakemake says neither where a file is no YAML nor that it gives a key twice.
CONFIG_FILES = [*filter(os.path.exists, ["config/config.yaml"]), *workflow.overwrite_configfiles]
try:
    config_sources = read(CONFIG_FILES)
except ConfigError as error:
    sys.exit(str(error))


configfile: "config/config.yaml"


try:
    resolved = resolve(config, config_sources)
except ConfigError as error:
    sys.exit(str(error))
config.clear()
config.update(resolved)

DATASET_FILE = datasets.source(config["dataset"], config["datasets"])
try:
    DATASET = datasets.info(DATASET_FILE)
except UserError as error:
    sys.exit(str(error))
DATA = f"results/data/{DATASET.name}"
STUDY = f"results/{config['study']}"
announce(logger, study=STUDY)
# What many jobs read. Named here, and not as another rule's output: a reference to a rule makes
# Snakemake's planning slow where a job has thousands of inputs.
IMAGES = f"{DATA}/data.safetensors"
MANIFEST = f"{DATA}/manifest.json"
EXPERIMENT = f"{STUDY}/study.json"
# Kept in a global name: the lock lives as long as its file.
deletion = hold_for_deletion(sys.argv)
if not workflow.remote_exec and not workflow.subprocess_exec and not deletion:
    forget_lost(
        tracking_uri(config["tracking"]["uri"]), Path(EXPERIMENT), workflow.output_settings.dryrun
    )
# The folder of all runs' records.
RECORDS = f"{STUDY}/runs"
FIGURES = f"{STUDY}/figures"
# Where MLflow holds each run, made with the table of all runs.
TRACKED = f"{STUDY}/tracked.json"
# Images, and weights as images, that the page shows.
PICTURES = f"{STUDY}/pictures.json"
# Relative to the rule files that name it.
ENVIRONMENT = "../../environment.yml"

# The rules that run on the nodes of a cluster whatever the config says.
ON_NODES = ("train", "compare_implementation")

SEEDS = config["grid"]["seed"]
RUNS = grid.runs(config)
if len(RUNS) >= 1000 and not workflow.remote_exec:
    logger.warning(f"{len(RUNS):,} runs: planning takes some seconds for each thousand.")
CELLS = grid.by_cell(RUNS)
GROUPS = grid.by_group(RUNS)
# Where each run stands in the order of training.
POSITIONS = {run.path: index for index, run in enumerate(grid.interleaved(RUNS))}
ACTIVATIONS = config["grid"]["activation"]
AXES = next(iter(RUNS.values())).axes
# The split that runs are scored on.
SCORED_ON = grid.scored_split(config)
# Name → file of every plug-in, the library's and those in the folders that the config names.
IMPLEMENTATION_FILES = implementations.REGISTRY.sources(config["implementations"])
ACTIVATION_FILES = activations.REGISTRY.sources(config["activations"])
if (
    not workflow.remote_exec
    and not workflow.subprocess_exec
    and not workflow.output_settings.dryrun
):
    plug_ins = [*IMPLEMENTATION_FILES.values(), *ACTIVATION_FILES.values()]
    date_now([DATA, STUDY], [DATASET_FILE, *plug_ins])


wildcard_constraints:
    implementation="|".join(IMPLEMENTATION_FILES),
    activation="|".join(ACTIVATION_FILES),
    point=r"seed=\d+(/[a-z_0-9]+=[^/]+)*",
    axes=r"(/[a-z_0-9]+=[^/]+)*",
    cell=r"[a-z_0-9]+/[a-z_0-9]+(/[a-z_0-9]+=[^/]+)*",
    group=r"[a-z_0-9]+(/[a-z_0-9]+=[^/]+)*",
    format="svg|png",


if IN_CONTAINERS and not Path("mlplab.sif").exists():
    sys.exit("mlplab.sif is missing, the image of --sdm apptainer: `make container` builds it.")
if IN_CONTAINERS or workflow.remote_exec:
    # The warm processes are where the study was started, and of its environment.
    warm.switch_off()
# Where the study is not there yet, there will be jobs: they import while Snakemake plans. Whoever has
# this as a module of another workflow decides for himself.
is_main = Path(workflow.main_snakefile).resolve().parent in (
    LIBRARY.resolve(),
    LIBRARY.resolve().parent,
)
runs_jobs = not (deletion or workflow.output_settings.dryrun or workflow.subprocess_exec)
is_new = not Path(f"{STUDY}/published.json").exists()
WARM_TASKS = tasks_with(IMAGES)
warm_processes = warm.start(WARM_TASKS) if is_main and runs_jobs and is_new else []


onstart:
    # Kept in global names: the lock lives as long as its file.
    global lock, warm_processes
    if workflow.executor_plugin and not workflow.local_exec:
        refuse_sqlite(config)
    lock = hold_lock()
    if workflow.local_exec:
        sweep(lock, workflow._snakemake_tmp_dir.name)
    # What jobs advise is what the user calls.
    os.environ[commands.VARIABLE] = own_command(sys.argv)
    jobs = Counter(job.rule.name for job in workflow.dag.needrun_jobs())
    handlers = workflow.logger_manager.get_log_handlers()
    if any(isinstance(each, LogHandler) for each in handlers):
        announce(logger, study=STUDY, jobs=jobs)
    elif not workflow.output_settings.quiet:
        # Snakemake shows the study itself: without our profile, or as a module of another workflow.
        from snakemake_logger_plugin_mlplab.session import Recorder

        logger.addHandler(Recorder(study=STUDY, jobs=jobs))
    end_timers_with_main_thread()
    warm_processes = warm_processes or warm.start(WARM_TASKS)


onsuccess:
    announce(logger, study=STUDY, complete=True)


READ_CODE = ".snakemake/mlplab/code.json"
read_earlier(READ_CODE)


# Thousands of jobs have the same code.
@cache
def code(script, *files):
    """Digest of all code that a rule's script computes with, and of further files.

    A parameter of every rule: an edit of that code, and of no other, runs the rule anew.
    """
    return code_digest(LIBRARY / f"scripts/{script}.py", *files)


@cache
def training_code(implementation, activation, bias_init):
    """The same of the jobs that train a network with these plug-ins."""
    return training_digest(
        LIBRARY / "scripts/train.py",
        IMPLEMENTATION_FILES[implementation],
        ACTIVATION_FILES[activation],
        initializers.source(bias_init),
    )


def growing(amount):
    """A resource that is asked for once more with every further attempt (`retries`)."""
    return lambda wildcards, attempt: amount * attempt


def gpus(wildcards):
    """How many GPUs a run asks a cluster for: one, where the config insists on CUDA."""
    return int(config["device"] == "cuda" and knows_cuda(wildcards.implementation))


@cache
def knows_cuda(implementation):
    """Whether an implementation says that it can use CUDA, and is run where it can."""
    file = IMPLEMENTATION_FILES[implementation]
    trusted = config["isolation"] == "off" or implementations.REGISTRY.owns(file)
    return trusted and "cuda" in implementations.devices(file)


def source(path):
    """A source file as an input: relative, so that a folder that was moved is not run anew."""
    return os.path.relpath(path)


def plug_in(path):
    """A plug-in's file as an input: what counts of it is its code, which is in the parameters."""
    return ancient(source(path))


# What a model in MLflow holds beside its parameters, and what files it is made with.
MODEL_CODE = LIBRARY / "mlplab/tracking/network_model.py"
NETWORKS = {
    "implementations": {
        name: source(IMPLEMENTATION_FILES[name]) for name in config["grid"]["implementation"]
    },
    "activations": {name: source(ACTIVATION_FILES[name]) for name in ACTIVATIONS},
}


def networks_of_cell(wildcards):
    """The files that the models of a cell are made with."""
    names = {"implementations": wildcards.implementation, "activations": wildcards.activation}
    return {kind: {name: NETWORKS[kind][name]} for kind, name in names.items()}


def run_of(wildcards):
    """The run that a rule's wildcards name."""
    return RUNS[f"{wildcards.implementation}/{wildcards.activation}/{wildcards.point}"]


def run_files(name, runs):
    """The file called `name` of each run, in order."""
    return [f"{RECORDS}/{run.path}/{name}" for run in runs]


def each_seed(name):
    """The file called `name` of each run of a cell, in order; the cell's wildcards left open."""
    cell = f"{RECORDS}/{{implementation}}/{{activation}}"
    return [f"{cell}/seed={seed}{{axes}}/{name}" for seed in SEEDS]


def table(name, form="parquet"):
    """The file of a table."""
    return f"{STUDY}/tables/{name}.{form}"


def tables_of(rule):
    """What making tables puts out: <name>_csv, for Snakemake's report, and <name>_parquet."""
    outputs = {}
    for each in made_by(rule):
        outputs[f"{each.name}_csv"] = report(
            table(each.name, "csv"),
            caption=caption(f"tables/{each.name}", each.caption),
            category=CATEGORIES["Tables"],
            labels={"table": each.name.replace("_", " ")},
        )
        outputs[f"{each.name}_parquet"] = table(each.name)
    return outputs


def figures_of(rule):
    """What drawing puts out: <name>_svg, for Snakemake's report, and <name>_png."""
    outputs = {}
    for figure in drawn_by(rule):
        of = f"{{{{ snakemake.wildcards.{figure.per} }}}}"
        said = figure.said(of=of, split=SCORED_ON, seed=SEEDS[0], ranges="")
        path = f"{FIGURES}/{figure.path(f'{{{figure.per}}}')}"
        outputs |= {f"{figure.name}_{form}": f"{path}.{form}" for form in FORMATS}
        outputs[f"{figure.name}_svg"] = report(
            f"{path}.svg",
            caption=caption(f"figures/{figure.name}", " ".join(said)),
            category=CATEGORIES[figure.section],
            labels=labels(figure),
        )
    return outputs


# Snakemake's report sorts its categories by name; theirs is the page's order.
CATEGORIES = {
    name: f"{place:02} {name}" for place, name in enumerate(["Page", *SECTIONS, "Tables"], start=1)
}
# Below each caption: links to the page, and to the tables that a figure is drawn from.
LINKS = (LIBRARY / "captions/links.rst").read_text(encoding="utf-8")


def caption(name, text):
    """A caption as Snakemake's report wants it: as a file."""
    file = Path(f".snakemake/captions/{name}.rst").absolute()
    text = f"{text}\n\n{LINKS}"
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        write_text(file, text)
    return file


def labels(figure):
    """A function that labels a figure in Snakemake's report: what it shows, of what."""

    def label(wildcards):
        parts = getattr(wildcards, figure.per).split("/") if figure.per else []
        plain = [part for part in parts if "=" not in part]
        names = ["implementation", "activation"][-len(plain) :]
        point = dict(part.split("=") for part in parts[len(plain) :])
        return {**dict(zip(names, plain)), **point, "figure": figure.name}

    return label
