"""Addresses of a study's pages in MLflow's UI: the one place that knows how they are built.

Without `workflowType` MLflow opens pages that are made for language models, with no run in sight.
`ui` is the address of the UI; without it an address leads from one page of the UI to another.
"""

from urllib.parse import quote, urlencode

TRAINING = {"workflowType": "machine_learning"}
# The view that a study's experiment keeps under this key: which columns, in which order.
VIEW = "mlplab"


def _page(ui: str, path: str, **query: str) -> str:
    place = f"{ui.rstrip('/')}/" if ui else ""
    return f"{place}#/{quote(path)}?{urlencode({**query, **TRAINING})}"


def runs(experiment_id: str, ui: str = "") -> str:
    """All runs of a study, the most accurate first, by activation."""
    path = f"experiments/{experiment_id}/runs"
    return _page(ui, path, viewStateShareKey=VIEW, compareRunsMode="TABLE")


def charts(experiment_id: str, ui: str = "") -> str:
    """The same as charts: accuracy and loss, and their curves."""
    path = f"experiments/{experiment_id}/runs"
    return _page(ui, path, viewStateShareKey=VIEW, compareRunsMode="CHART")


def run(experiment_id: str, run_id: str, ui: str = "") -> str:
    """One run."""
    return _page(ui, f"experiments/{experiment_id}/runs/{run_id}")


def artifact(experiment_id: str, run_id: str, file: str, ui: str = "") -> str:
    """A file among the artifacts of a run."""
    return _page(ui, f"experiments/{experiment_id}/runs/{run_id}/artifacts/{file}")
