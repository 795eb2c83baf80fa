import pytest

from mlplab_runtime.cluster import refuse_sqlite


@pytest.mark.parametrize(
    ("configured", "variable", "allowed", "refused"),
    [
        (None, None, False, True),
        (None, "sqlite:////home/ada/mlflow.db", False, True),
        ("sqlite+pysqlite:///mlflow.db", None, False, True),
        ("sqlite:///mlflow.db", "http://head-node:5000", False, True),
        ("sqlite:///mlflow.db", None, True, False),
        (None, "http://head-node:5000", False, False),
        ("postgresql://head-node/mlflow", None, False, False),
    ],
)
def test_a_sqlite_store_is_refused_on_a_cluster_unless_it_is_insisted_on(
    monkeypatch: pytest.MonkeyPatch,
    configured: str | None,
    variable: str | None,
    allowed: bool,
    refused: bool,
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if variable:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", variable)
    config = {"tracking": {"uri": configured}, "cluster": {"allow_sqlite": allowed}}
    if refused:
        with pytest.raises(SystemExit, match=r"SQLite file.*`cluster: allow_sqlite: true`"):
            refuse_sqlite(config)
    else:
        refuse_sqlite(config)
