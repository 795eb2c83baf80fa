"""MLflow in a real browser, from `mlplab ui` to the best run, the note and the page."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from mlplab.files import read_json
from services.loopback import free_port, wait_for
from workflow.conftest import Project, finished

if TYPE_CHECKING:
    from playwright import sync_api
else:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

__all__ = ["finished"]

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# MLflow opens a panel over the page on a browser's first visit.
VISITED = "localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')"


@pytest.fixture(scope="module")
def address(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where `mlplab ui` says that the runs of a finished study are seen."""
    log = tmp_path_factory.mktemp("ui") / "log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "mlplab.cli", "ui", "small", "--port", str(free_port())],
            cwd=finished.folder,
            env={**finished.environment(), "CI": "true"},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for(lambda: "http://" in log.read_text() or server.poll(), 120, "MLflow's UI")
        (found,) = re.findall(r"http://\S+", log.read_text())
        yield found
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


@pytest.fixture(scope="module")
def context(browser: "sync_api.Browser") -> "Iterator[sync_api.BrowserContext]":
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.add_init_script(VISITED)
    context.set_default_timeout(60_000)
    yield context
    context.close()


@pytest.fixture
def page(context: "sync_api.BrowserContext", address: str) -> "Iterator[sync_api.Page]":
    """The first page that a user sees."""
    page = context.new_page()
    page.goto(address)
    yield page
    page.close()


def test_the_first_page_shows_the_best_run_first_by_activation(
    page: "sync_api.Page", finished: Project
) -> None:
    # No click: columns, group and order are there.
    page.get_by_text("Group: relu").wait_for()
    for heading in ("test_accuracy", "training_loss", "activation", "implementation"):
        assert page.get_by_role("columnheader", name=heading, exact=True).count() > 0
    names = page.get_by_role("link", name=re.compile("relu.seed=")).all_inner_texts()
    runs = {
        path: read_json(finished.folder / f"results/small/runs/{path}/evaluation.json")
        for path in names
    }
    accuracies = [run["metrics"]["test_accuracy"] for run in runs.values()]
    assert len(names) == 4 and accuracies == sorted(accuracies, reverse=True)
    # One click: the run, with accuracy and loss first, and its network.
    page.get_by_role("link", name=names[0]).click()
    page.get_by_text("About this run").wait_for()
    page.get_by_role("link", name="test_accuracy", exact=True).wait_for()
    page.get_by_role("link", name="network", exact=True).first.wait_for()


def test_charts_begin_with_accuracy_and_loss(page: "sync_api.Page", address: str) -> None:
    page.goto("about:blank")
    page.goto(address.replace("TABLE", "CHART"))
    page.get_by_text("accuracy and loss").wait_for()


def note(page: "sync_api.Page") -> Any:
    """The study's note, unfolded."""
    found = page.get_by_text("Only relu was run to its end").first
    found.wait_for()
    found.locator("xpath=ancestor::div[.//button][1]//button").last.click()
    return page.get_by_text("Once more:")


def test_the_note_says_what_was_found_and_leads_to_the_page_which_works(
    page: "sync_api.Page", context: "sync_api.BrowserContext"
) -> None:
    note(page).wait_for()
    with context.expect_page() as opened:
        page.get_by_role("link", name="report", exact=True).click()
    report = opened.value
    frame = report.frame_locator("iframe.mlflow-html-iframe")
    frame.locator(".kicker", has_text="small").wait_for()
    # What starts as it is passed moves what stands below it: then another click leads there.
    heading = frame.get_by_role("heading", name="All runs", exact=True)
    for _ in range(5):
        frame.get_by_role("link", name="All runs", exact=True).click()
        time.sleep(2)
        if in_view := 0 <= heading.bounding_box()["y"] < 900:
            break
    assert in_view
    # A link that leads out of the frame would lead nowhere.
    assert frame.locator("a:not([href^='#'])").count() == 0
    assert frame.locator("figure svg").count() > 0
    report.close()


def test_the_page_on_disk_leads_to_a_run(
    context: "sync_api.BrowserContext", address: str, finished: Project
) -> None:
    page = context.new_page()
    page.goto((finished.folder / "results/small/report.html").as_uri())
    page.locator("#runs details summary").click()
    link = page.locator("#runs tbody a").first.get_attribute("href")
    # The study's config names the usual port.
    port = re.search(r":(\d+)/", address)[1]
    page.goto(link.replace(":5000/", f":{port}/"))
    page.get_by_text("About this run").wait_for()
    page.close()
