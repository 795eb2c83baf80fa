"""What tests of the page do in a browser."""

import io
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from playwright import sync_api


def taken(page: "sync_api.Page", label: str) -> tuple[str, bytes]:
    """The name and content of what a button gives."""
    with page.expect_download() as started:
        page.get_by_role("button", name=label, exact=True).click()
    return started.value.suggested_filename, started.value.path().read_bytes()


def taken_table(page: "sync_api.Page", label: str) -> pd.DataFrame:
    """The CSV that a button gives."""
    return pd.read_csv(io.BytesIO(taken(page, label)[1]))
