"""What MLflow says of a study in words: what was asked, what was found, and where to go on."""

from collections.abc import Mapping, Sequence
from typing import Any

from mlplab.study import grid, pages
from mlplab.study.documents import Manifest

NOTE_TAG = "mlflow.note.content"
PAGE = "report/report.html"
# Of more, the page has the rest.
SENTENCES_AT_MOST = 5


def _listed(values: Sequence[Any]) -> str:
    return ", ".join(f"`{grid.slug(value)}`" for value in values)


def note(study: Mapping[str, Any], config: Mapping[str, Any], found: Sequence[str]) -> str:
    """The note of a finished study, in Markdown.

    `study` says where MLflow holds it; `found` are sentences, the most important first.
    """
    axes = "\n".join(f"- {axis}: {_listed(values)}" for axis, values in config["grid"].items())
    first, *more = found[:SENTENCES_AT_MOST] or [""]
    told = "\n".join(f"- {sentence}" for sentence in more)
    experiment, run = study["experiment_id"], study["study_run_id"]
    links = {
        "report": pages.artifact(experiment, run, PAGE),
        "best runs": pages.runs(experiment),
        "curves": pages.charts(experiment),
        "numbers and files": pages.run(experiment, run),
    }
    ways = " · ".join(f"[{text}]({address})" for text, address in links.items())
    asked = f"how {len(grid.runs(config))} runs on `{config['dataset']}` compare, one for each"
    # MLflow shows the first lines, and unfolds the rest.
    return f"""\
{first}

{ways}

{told}

**Asked:** {asked} combination of

{axes}

**Once more:**

```sh
snakemake --cores all --configfile results/{config["study"]}/config.yaml
```
"""


def card(
    config: Mapping[str, Any],
    manifest: Manifest,
    selection: Mapping[str, Any],
    chosen: Mapping[str, Any],
    interval: tuple[float, float],
) -> str:
    """What is said of the network that a study selected, in Markdown.

    `selection` is what selection.summary returns, `chosen` the run's row of the table of runs with
    its `test_accuracy`, of which `interval` is the 95 % Wilson interval.
    """
    test, training = manifest.counts["test"], manifest.counts["training"]
    held_out = int(chosen["validation_size"])
    low, high = selection["test_accuracy_low"], selection["test_accuracy_high"]
    over_seeds = f" (95 % interval {low:.4f} to {high:.4f})" if low is not None else ""
    times = selection["readings"]
    readings = "once" if times == 1 else f"{times} times for this study"
    size = " × ".join(map(str, test.shape))
    paragraphs = [
        f"`{chosen['run']}` of the study `{config['study']}`: of {selection['combinations']} "
        "combinations the one with the highest mean validation accuracy, "
        f"{selection['validation_accuracy_mean']:.4f}, and of its {len(selection['runs'])} seeds "
        "the highest.",
        f"**Data.** {manifest.title} ({manifest.homepage}, {manifest.license}): "
        f"{training.images - held_out:,} images for training, {held_out:,} for validation, "
        f"{test.images:,} for the test. Classes: {', '.join(manifest.class_names)}.",
        f"**Accuracy.** {chosen['test_accuracy']:.4f} on the test images, 95 % Wilson interval "
        f"{interval[0]:.4f} to {interval[1]:.4f}; mean over seeds "
        f"{selection['test_accuracy_mean']:.4f}{over_seeds}. The test set was read {readings}, "
        "after the choice.",
        "**Calibration.** On the validation images, which it was chosen on: expected calibration "
        f"error {chosen['expected_calibration_error']:.4f} in 15 bins, negative log-likelihood "
        f"{chosen['negative_log_likelihood']:.4f}.",
        f"**Limits.** It takes grey images of {size} pixels from 0 to {manifest.pixel_max}, framed "
        "as those of the data set are, and names one of its classes whatever it is shown. Nothing "
        "is known of other images, nor of images that were altered. It is made for study, not for "
        "decisions.",
    ]
    return "\n\n".join(paragraphs) + "\n"
