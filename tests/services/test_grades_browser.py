"""The page of a class in a real browser: opened from disk, offline, in the dark, on a telephone."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright import sync_api
else:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from axe_playwright_python.sync_playwright import Axe

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from test_grading import CLASS, made_up

from mlplab.grading import page as pages
from mlplab.grading.points import Points

pytestmark = pytest.mark.browser

MANY = [made_up(f"student {number:03}") for number in range(60)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of a class of 63 and of one of its students."""
    made = tmp_path_factory.mktemp("grades")
    html = pages.of_class("homework 3", [*CLASS, *MANY], Points())
    (made / "grades.html").write_text(html, encoding="utf-8")
    (made / "student.html").write_text(pages.of_student("homework 3", CLASS[1], 3), "utf-8")
    return made


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_pages_can_be_used_by_everybody(
    browser: "sync_api.Browser", folder: Path, width: int, scheme: str
) -> None:
    window = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    requests: list[str] = []
    messages: list[str] = []
    window.on("request", lambda request: requests.append(request.url))
    window.on("console", lambda message: messages.append(message.text))
    window.on("pageerror", lambda error: messages.append(str(error)))
    for name in ("grades.html", "student.html"):
        address = (folder / name).as_uri()
        window.goto(address)
        window.evaluate(
            "document.querySelectorAll('details').forEach((d, i) => { d.open = i < 3; })"
        )
        assert [url for url in requests if not url.startswith("data:")] == [address]
        requests.clear()
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert window.evaluate(overflow) == 0
        found = Axe().run(window)
        assert found.violations_count == 0, found.generate_report()
        window.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=width > 1000)
    assert messages == []
    window.close()


def test_a_verdict_is_found_with_the_keyboard(browser: "sync_api.Browser", folder: Path) -> None:
    window = browser.new_page(viewport={"width": 1280, "height": 800})
    window.goto((folder / "grades.html").as_uri())
    # The filter leaves the wrong ones, whose link unfolds the verdict.
    window.get_by_label("Filter the rows").fill("wrong")
    rows = window.locator("table.sortable tbody tr:visible")
    assert rows.count() == 2
    link = rows.nth(1).get_by_role("link")
    link.focus()
    window.keyboard.press("Enter")
    verdict = window.locator("details#of-Jane-Doe[open]")
    verdict.wait_for()
    assert verdict.get_by_text("WRONG Jane Doe").is_visible()
    heading = window.locator("th[data-sortable] button").nth(2)
    heading.focus()
    window.keyboard.press("Enter")
    assert window.locator("table.sortable tbody tr:visible").first.inner_text().startswith("=bob")
    window.close()
