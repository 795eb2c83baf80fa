# `snakemake --cores all` from here; the workflow itself is in workflow/.
include: "workflow/Snakefile"


# An included file does not say what is made where nothing is named.
workflow.default_target = "all"
