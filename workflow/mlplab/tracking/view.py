"""What MLflow's page of a study's runs shows first, as a view that its experiment keeps in a tag.

A saved view is what the UI itself writes where a user saves one: columns, order, groups, charts.
"""

import json
from typing import Any

from mlplab.study.pages import VIEW

VIEW_TAG = f"mlflow.sharedViewState.{VIEW}"
NAME = "Best runs"

# Pixels: as wide as "implementation".
COLUMN_WIDTH = 140

SECTION = "accuracy and loss"


def _chart(kind: str, metric: str) -> dict[str, Any]:
    named = {"displayName": metric, "metricKey": metric, "selectedMetricKeys": [metric]}
    place = {"uuid": f"{VIEW}-{kind}-{metric}", "metricSectionId": VIEW}
    return {"type": kind, **place, **named, "isGenerated": False, "deleted": False}


def saved_view(split: str, created: int) -> str:
    """The view's tag: the runs of the grid by accuracy on a split, in groups of one activation.

    `created` is a Unix time in milliseconds.
    """
    metrics = [f"{split}_accuracy", "training_loss"]
    parameters = ("activation", "implementation", "seed")
    columns = [f"metrics.`{name}`" for name in metrics] + [
        f"params.`{name}`" for name in parameters
    ]
    state = {
        "searchFilter": "tags.`mlplab.kind` = 'run'",
        "orderByKey": columns[0],
        "orderByAsc": False,
        "selectedColumns": columns,
        "columnOrder": columns,
        "columnWidths": dict.fromkeys(columns, COLUMN_WIDTH),
        "groupBy": {
            "aggregateFunction": "average",
            "groupByKeys": [{"mode": "param", "groupByData": "activation"}],
        },
        "runsHiddenMode": "SHOW_ALL",
        "compareRunCharts": [_chart(kind, each) for kind in ("BAR", "LINE") for each in metrics],
        "compareRunSections": [{"uuid": VIEW, "name": SECTION, "display": True}],
    }
    times = {"createdAt": created, "updatedAt": created}
    return json.dumps({"name": NAME, **times, "state": json.dumps(state)})
