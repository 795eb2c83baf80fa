"""What a cluster's nodes cannot share."""

import os
import sys
from collections.abc import Mapping
from typing import Any


def refuse_sqlite(config: Mapping[str, Any]) -> None:
    """Exit where the jobs of a cluster would track their runs in a SQLite file."""
    uri = config["tracking"]["uri"] or os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///"
    # The address may name a driver: sqlite+pysqlite:///…
    is_sqlite = uri.partition(":")[0].partition("+")[0] == "sqlite"
    if is_sqlite and not config["cluster"]["allow_sqlite"]:
        sys.exit(
            "tracking.uri: runs would be tracked in a SQLite file, but jobs run on the nodes of a "
            "cluster, and a SQLite file on a disk that nodes share gets corrupted; expected a "
            "tracking server that all nodes reach: start one (docs/tracking-server.md), and "
            "name it in MLFLOW_TRACKING_URI or under `tracking: uri:`. "
            "Where all jobs run on one node, `cluster: allow_sqlite: true` insists on the file."
        )
