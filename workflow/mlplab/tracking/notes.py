"""What MLflow says of a study in words: what was asked, what was found, and where to go on."""

from collections.abc import Mapping, Sequence
from typing import Any

from mlplab.study import grid, pages

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
