"""The report in a real browser: opened from disk, offline, in the dark, on a telephone."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright import sync_api
else:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from test_report import Study, differing, failing, sloppy

pytestmark = pytest.mark.browser

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def browser() -> Iterator["sync_api.Browser"]:
    """Debian's Chromium, driven by playwright."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed (apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a made-up study with figures drawn by matplotlib."""
    from mlplab.figures import canvas, runs

    folder = tmp_path_factory.mktemp("report")
    study = Study(folder, learning_rate=[0.1, 0.5])
    drawn = runs.accuracy(study.data(), study.split)
    canvas.save(drawn, folder / "wide.svg")
    study.figures = dict.fromkeys(study.figures, folder / "wide.svg")
    study.parity = [
        *(row for row in study.parity if row["implementation"] == "concise"),
        *differing("scratch", "relu"),
        failing("scratch", "tanh"),
        *(row for row in study.parity if row["activation"] == "sigmoid"),
    ]
    page = folder / "report.html"
    page.write_text(study.page(), encoding="utf-8")
    return page


def opened(
    browser: "sync_api.Browser", report: Path, width: int = 1280, scheme: str = "light"
) -> "sync_api.Page":
    """The report in a window of its own."""
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.goto(report.as_uri())
    return page


def test_nothing_is_requested_and_no_error_is_logged(
    browser: "sync_api.Browser", report: Path
) -> None:
    page = browser.new_page()
    requests: list[str] = []
    messages: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.goto(report.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    page.wait_for_timeout(300)
    assert [url for url in requests if not url.startswith("data:")] == [report.as_uri()]
    assert messages == []


def column(page: "sync_api.Page", index: int) -> list[str]:
    """What the first table shows in a column, from top to bottom."""
    cells = page.locator(f"table.sortable >> nth=0 >> tbody tr td:nth-child({index + 1})")
    return [text.split()[0] for text in cells.all_inner_texts()]


@pytest.mark.parametrize("index", [1, 4], ids=["text", "numbers"])
@pytest.mark.parametrize("way", ["mouse", "keyboard"])
def test_tables_sort_in_both_directions(
    browser: "sync_api.Browser", report: Path, index: int, way: str
) -> None:
    page = opened(browser, report)
    heading = page.locator(f"table.sortable >> nth=0 >> th >> nth={index}")
    button = heading.locator("button")
    assert heading.get_attribute("aria-sort") == "none"
    for direction in ("ascending", "descending"):
        if way == "mouse":
            button.click()
        else:
            button.focus()
            page.keyboard.press("Enter")
        assert heading.get_attribute("aria-sort") == direction
        values = column(page, index)
        assert len(set(values)) > 1
        assert values == sorted(values, reverse=direction == "descending")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 800, 1280])
def test_page_does_not_overflow(
    browser: "sync_api.Browser", report: Path, width: int, scheme: str, tmp_path: Path
) -> None:
    page = opened(browser, report, width, scheme)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.screenshot(path=tmp_path / f"report-{width}-{scheme}.png", full_page=True)


def test_dark_mode_is_dark_and_figures_follow(browser: "sync_api.Browser", report: Path) -> None:
    def brightness(page: "sync_api.Page", selector: str, name: str) -> float:
        color = page.eval_on_selector(selector, f"element => getComputedStyle(element).{name}")
        return sum(map(int, color.removeprefix("rgb(").removesuffix(")").split(",")))

    light, dark = opened(browser, report), opened(browser, report, scheme="dark")
    for selector, name in (("svg text", "fill"), ("body", "color")):
        assert brightness(dark, selector, name) > 500 > brightness(light, selector, name)
    assert brightness(dark, "body", "backgroundColor") < 150


def test_figures_have_text_alternatives(browser: "sync_api.Browser", report: Path) -> None:
    page = opened(browser, report)
    unnamed = page.evaluate(
        "[...document.querySelectorAll('figure svg, img')].filter(item => "
        "!(item.getAttribute('aria-label') || item.getAttribute('alt'))).length"
    )
    assert page.locator("figure svg").count() > 0 and unnamed == 0


def test_skip_link_is_the_first_stop_and_is_seen(browser: "sync_api.Browser", report: Path) -> None:
    page = opened(browser, report)
    page.keyboard.press("Tab")
    focused = page.locator(":focus")
    assert focused.get_attribute("class") == "skip"
    page.wait_for_timeout(100)
    box = focused.bounding_box()
    assert box is not None and box["y"] >= 0


def test_parity_unfolds_to_what_differs_first(browser: "sync_api.Browser", report: Path) -> None:
    page = opened(browser, report, width=380)
    verdict = page.locator(".matrix td.differs summary")
    line = page.locator(".matrix td.differs p >> nth=0")
    assert verdict.inner_text().split()[0] == "differs" and not line.is_visible()
    verdict.focus()
    page.keyboard.press("Enter")
    assert line.is_visible()
    assert line.inner_text().startswith("First to differ: the gradient of W2")
    assert page.locator(".matrix td.fails summary").inner_text().split() == ["fails"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
    colors = page.evaluate(
        "['agrees', 'differs', 'fails'].map(name => "
        "getComputedStyle(document.querySelector(`.${name} strong`)).color)"
    )
    assert len(set(colors)) == 3


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a study with an implementation that is broken."""
    folder = tmp_path_factory.mktemp("failed")
    study = Study(folder, error=sloppy, activation=["relu"], seed=list(range(40)))
    page = folder / "report.html"
    page.write_text(study.page(), encoding="utf-8")
    return page


def test_long_tables_are_filtered_with_the_keyboard(
    browser: "sync_api.Browser", failed: Path
) -> None:
    page = opened(browser, failed)
    page.locator("#runs details summary").click()
    box = page.get_by_label("Filter the rows by words")
    amount = page.locator("#runs output")
    rows = page.locator("#runs tbody tr:visible")
    assert box.count() == 1 and amount.inner_text() == "80 rows" and rows.count() == 80
    box.focus()
    page.keyboard.type("FAILED relu")
    assert amount.inner_text() == "40 of 80 rows" and rows.count() == 40
    assert set(rows.locator("td:nth-child(1)").all_inner_texts()) == {"concise"}
    # A word is sought from its beginning.
    page.keyboard.type(" elu")
    assert rows.count() == 0
    box.fill("concise")
    page.locator("#runs th button >> nth=2").click()
    page.locator("#runs th button >> nth=2").click()
    assert rows.locator("td:nth-child(3)").all_inner_texts()[:2] == ["39", "38"]
    box.fill("")
    assert rows.count() == 80


def test_long_tables_scroll_below_their_headings(browser: "sync_api.Browser", failed: Path) -> None:
    page = opened(browser, failed)
    page.locator("#runs details summary").click()
    area = page.locator("#runs .long")
    box = area.bounding_box()
    assert box is not None and box["height"] < 600
    area.evaluate("element => element.scrollTo(0, 1000)")
    heading = page.locator("#runs th >> nth=0").bounding_box()
    after = area.bounding_box()
    assert heading is not None and after is not None and abs(heading["y"] - after["y"]) < 2
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
