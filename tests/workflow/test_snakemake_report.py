"""Snakemake's own report of a finished study."""

import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from playwright.sync_api import Page, sync_playwright

from mlplab.study.figures import SECTIONS
from mlplab.study.tables import TABLES

from .conftest import Project

pytestmark = pytest.mark.slow
PAGE = "results/small/report.html"


@pytest.fixture(scope="module")
def report(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked report's HTML."""
    folder = tmp_path_factory.mktemp("snakemake-report")
    answer = finished.run("--report", str(folder / "report.zip"))
    assert answer.returncode == 0, answer.stdout
    with zipfile.ZipFile(folder / "report.zip") as archive:
        archive.extractall(folder)
    return folder / "report/report.html"


def held(report: Path, name: str) -> Any:
    """A value that the report's script holds."""
    (line,) = re.findall(rf"^\s*var {name} = ([{{\"].*);$", report.read_text("utf-8"), re.MULTILINE)
    return json.loads(line)


def test_it_has_the_page_first_then_each_figure_once_then_the_tables(
    report: Path, finished: Project
) -> None:
    categories = held(report, "categories")
    shown = {
        name.partition(" ")[2]: [path for paths in categories[name].values() for path in paths]
        for name in sorted(categories)
    }
    assert list(shown) == ["Page", *SECTIONS, "Tables"]
    assert shown["Page"] == [PAGE]
    figures = [path for section in SECTIONS for path in shown[section]]
    drawn = (finished.folder / "results/small/figures").rglob("*.svg")
    assert sorted(figures) == sorted(str(path.relative_to(finished.folder)) for path in drawn)
    assert len(shown["Tables"]) == len(TABLES)


def test_every_result_has_labels_and_a_caption_whose_links_lead_somewhere(report: Path) -> None:
    results, categories = held(report, "results"), held(report, "categories")
    texts = {path: result["caption"] for path, result in results.items()}
    texts["the workflow"] = held(report, "workflow_desc")
    for path, text in texts.items():
        links = re.findall(r'href="javascript:app\.(\w+)\(\'(.*?)\'\)"', text)
        assert links and text.count("href=") == len(links), path
        for called, target in links:
            assert (
                unquote(target) in {"showResultInfo": results, "showCategory": categories}[called]
            )
    assert all(result["labels"] for result in results.values())
    overview = texts["results/small/figures/accuracy.svg"]
    assert "runs.csv" in overview and "summary.csv" in overview


@pytest.fixture
def opened(report: Path) -> Iterator[Page]:
    """The report in a browser, which fails where it wants anything from elsewhere."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith(("file:", "data:")) else wrong.append(request.url)
            ),
        )
        page.goto(report.as_uri())
        yield page
        assert wrong == []
        browser.close()


@pytest.mark.browser
def test_a_reader_finds_the_page_and_a_figure_and_follows_its_caption(opened: Page) -> None:
    opened.get_by_role("link", name="03 Results").first.click()
    opened.locator("td a").first.click()
    assert opened.locator("img[src$='.svg']").count() == 1
    # The figure's caption, and from there to the page.
    opened.locator("td a").nth(1).click()
    opened.get_by_role("link", name="report.html").click()
    opened.locator("table a").first.click()
    assert opened.frame_locator("iframe").locator(".kicker").inner_text().startswith("small")
