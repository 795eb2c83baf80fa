# MLP Lab: from a configuration to a report. Start reading in workflow/rules/common.smk.
from snakemake.utils import min_version

min_version("9.0")


configfile: "config/config.yaml"


# Used with `--sdm apptainer` alone; `make container` builds it.
container: "mlplab.sif"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/runs.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/selection.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"


# Where the executor is a cluster's, these run where `snakemake` does: it has the network.
localrules:
    download,
    decode,


if config["cluster"]["local_rules"]:

    localrules:
        start_study,
        evaluate,
        track,
        save_config,
        collect_runs,
        summarize,
        tabulate_parity,
        select_best,
        plot_activation,
        plot_samples,
        plot_curves,
        plot_cell,
        plot_diagnostics,
        plot_overview,
        render_report,
        publish_study,


rule all:
    default_target: True
    input:
        f"{STUDY}/config.yaml",
        f"{STUDY}/report.html",
        f"{STUDY}/published.json",
