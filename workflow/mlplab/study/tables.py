"""The tables that every study has: an entry each, which rules, page and benchmarks follow."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A table by its name, the rule that makes it as CSV and as parquet, and what it says."""

    name: str
    rule: str
    caption: str


TABLES = (
    Table(
        "runs",
        "collect_runs",
        "A row per run with all settings and metrics, read back from MLflow and checked against "
        "the records on disk.",
    ),
    Table(
        "parity",
        "tabulate_parity",
        "Every compared quantity of every implementation beside the reference: the greatest "
        "relative difference, what is allowed, the verdict.",
    ),
    Table(
        "agreement",
        "tabulate_parity",
        "Whether an implementation agrees with the reference, step by step. One that does not is "
        "left out of all that is said of activations and settings.",
    ),
    Table(
        "summary",
        "summarize",
        "A row per implementation and activation: mean, standard deviation and 95 % interval "
        "over seeds.",
    ),
    Table(
        "groups",
        "summarize",
        "A row per activation, and per setting on a further axis: accuracy of the last 3 epochs, "
        "mean over seeds, how far it is behind the best, and how sure both are.",
    ),
    Table("per_class", "summarize", "Precision, recall and F1 of every class in every run."),
    Table(
        "classes",
        "summarize",
        "F1 of every class, mean over the seeds of an implementation and activation.",
    ),
    Table(
        "confusions",
        "summarize",
        "Which class was taken for which, and how often, over the seeds of an implementation and "
        "activation.",
    ),
    Table(
        "class_accuracies",
        "summarize",
        "Accuracy on the images of each class, by activation and setting: mean over seeds, with "
        "its 95 % interval over seeds and images, or with one seed over images alone.",
    ),
    Table(
        "curves",
        "summarize",
        "Loss and accuracies of every epoch: mean, lowest and highest over the seeds of an "
        "implementation and activation.",
    ),
    Table(
        "axes",
        "summarize",
        "Every axis of the grid with its values: which are numbers, and on what scale they are "
        "spaced evenly.",
    ),
    Table(
        "twins",
        "summarize",
        "Of every implementation and activation the first implementation that trains the same "
        "networks but for rounding, and how far apart any loss or accuracy is.",
    ),
    Table(
        "comparisons",
        "summarize",
        "Each pair of activations, of values of an axis and of implementations: paired difference "
        "with its interval over seeds and images, test, effect size, equivalence, verdict.",
    ),
    Table(
        "sampling",
        "summarize",
        "McNemar's test of each pair of runs of one seed: on how many images only one of the two "
        "is right.",
    ),
    Table(
        "mcnemar",
        "summarize",
        "On how many seeds McNemar's test finds which of a pair better, and in the median how many "
        "images only one of the two gets right; first for all pairs of a kind.",
    ),
    Table(
        "intervals",
        "summarize",
        "Accuracy of every run with its Wilson interval: what the finite number of images leaves "
        "open.",
    ),
    Table(
        "speed",
        "summarize",
        "Median time of an epoch of training by implementation, of the clock and of the processor, "
        "and as a multiple of the first implementation's, over pairs of runs.",
    ),
    Table(
        "diagnostics",
        "tabulate_diagnostics",
        "Norm of the weights' gradient, ratio of update to weight, dead units and saturated "
        "values of each layer by activation, depth and epoch: means over runs.",
    ),
    Table(
        "networks",
        "tabulate_diagnostics",
        "Of each activation and depth the gradient norm of the first layer as a multiple of the "
        "last layer's, and shares of dead units and saturated values at the end.",
    ),
    Table(
        "examples",
        "collect_examples",
        "Images that networks take for what they are not, or see differently, with their "
        "probabilities, the most sure first: of one network of each activation.",
    ),
    Table(
        "histograms",
        "collect_examples",
        "Values of the hidden units of these networks on a batch of training images, counted in "
        "bins, before and after training.",
    ),
    Table(
        "int8",
        "pack_networks",
        "A row per activation: the run whose network the page carries in int8, its accuracy as it "
        "is and in int8, and on how many images the two differ.",
    ),
    Table("findings", "render_report", "Every sentence that the page says of what was found."),
)


def made_by(rule: str) -> list[Table]:
    """The tables that a rule makes."""
    return [table for table in TABLES if table.rule == rule]
