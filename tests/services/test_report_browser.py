"""The report in a real browser: opened from disk, offline, in the dark, on a telephone."""

import io
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

if TYPE_CHECKING:
    from playwright import sync_api
else:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from test_report import Study, differing, failing, sloppy, wavy

from services.browsing import taken

pytestmark = pytest.mark.browser


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


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Path]:
    """A study on the article's grid, with its chart drawn by matplotlib, and its page."""
    from mlplab.figures import canvas, runs

    folder = tmp_path_factory.mktemp("sound")
    study = Study(folder, wavy, images=10_000)
    data = study.data()
    for name, drawn in (
        ("epochs", runs.epochs(data, study.split)),
        ("accuracy", runs.accuracy(data, study.split)),
        ("curves/relu", runs.curves(data["curves"], ["scratch", "concise"])),
    ):
        study.figures[name] = folder / f"{name.replace('/', '-')}.svg"
        canvas.save(drawn, study.figures[name])
    page = folder / "report.html"
    page.write_text(study.page(), encoding="utf-8")
    return study, page


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


def test_the_first_screen_says_what_the_tables_say(
    browser: "sync_api.Browser", sound: tuple[Study, Path]
) -> None:
    study, report = sound
    data = study.data()
    page = opened(browser, report)
    best = data["groups"].query("verdict == 'best'").iloc[0]
    tile = page.locator("#tile-best")
    assert tile.locator(".value").inner_text() == f"{best['mean']:.4f}"
    assert f"{best['low']:.4f} to {best['high']:.4f}, n = 3 seeds and 10,000 images" in (
        tile.inner_text()
    )
    unsettled = data["groups"]["verdict"].eq("not told apart").any()
    assert ("Not told apart from" in tile.inner_text()) == unsettled
    assert page.locator("#tile-right .value").inner_text() == "Right"
    cell = data["summary"].query("implementation == 'scratch' and activation == 'relu'").iloc[0]
    seconds = float(page.locator("#tile-cost .value").inner_text().removesuffix(" s"))
    assert seconds == pytest.approx(cell["cpu_seconds_per_epoch_median"], abs=0.0005)
    assert f"{cell['parameter_count_mean']:.0f} parameters" in page.inner_text("#tile-cost")
    assert page.locator("h1").inner_text().startswith("At these settings relu has the highest")
    # The chart is there, drawn, and its lines are those of the table.
    page.wait_for_selector("#answer-chart svg")
    assert not page.locator("#figure-epochs .picture").is_visible()
    series = page.evaluate(
        "echarts.getInstanceByDom(document.getElementById('answer-chart')).getOption().series"
        ".filter(each => !each.stack).map(each => [each.name, each.color, each.data])"
    )
    curves = data["curves"].query("implementation == 'scratch' and metric == 'test_accuracy'")
    assert [name for name, _, _ in series] == ["relu", "tanh", "sigmoid"]
    assert len({color for _, color, _ in series}) == 3
    for name, _, points in series:
        rows = curves[curves["activation"] == name]
        assert points == rows[["epoch", "mean"]].astype(float).to_numpy().tolist()
    names = page.locator("#answer-chart svg text").all_text_contents()
    assert {"relu", "tanh", "sigmoid", "epoch", "test accuracy"} <= set(names)


def test_without_a_script_the_still_chart_stands_there(
    browser: "sync_api.Browser", sound: tuple[Study, Path]
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(sound[1].as_uri())
    assert page.locator("#figure-epochs svg").is_visible()
    assert not page.locator("#answer-chart").is_visible()
    assert page.locator("#tile-best .value").is_visible() and page.locator(".take").count() == 0
    context.close()


def test_where_motion_is_unwanted_nothing_moves(
    browser: "sync_api.Browser", sound: tuple[Study, Path]
) -> None:
    def parts(motion: Any) -> list[str]:
        page = browser.new_page(reduced_motion=motion)
        page.goto(sound[1].as_uri())
        page.wait_for_selector("#answer-chart svg path", state="attached")
        found: list[str] = [page.inner_html("#answer-chart svg")]
        page.wait_for_timeout(2200)
        found.append(page.inner_html("#answer-chart svg"))
        page.close()
        return found

    grows, still = parts("no-preference"), parts("reduce")
    assert grows[0] != grows[1] and still[0] == still[1]


def test_figures_and_tables_are_taken_along(
    browser: "sync_api.Browser", sound: tuple[Study, Path]
) -> None:
    study, report = sound
    page = opened(browser, report, scheme="dark")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.wait_for_selector("#answer-chart svg")
    # A table as a file has all of its digits, and is the file beside the page.
    name, content = taken(page, "Results by implementation and activation as CSV")
    assert name == "summary.csv"
    summary = study.data()["summary"]
    pd.testing.assert_frame_equal(pd.read_csv(io.BytesIO(content)), summary, check_exact=True)
    shown = [
        cell.split("\n")[0]
        for cell in page.locator("#results table >> nth=0 >> tbody tr td").all_inner_texts()
    ]
    _, markdown = taken(page, "Results by implementation and activation as Markdown")
    head, rule, *lines = markdown.decode().splitlines()
    cells = [re.sub(r" \(.*\)", "", c.strip()) for n in lines for c in n.strip("|").split("|")]
    assert cells == shown and head.count("|") == rule.count("|")
    _, latex = taken(page, "Results by implementation and activation as LaTeX")
    text = latex.decode()
    assert all(rule in text for rule in (r"\toprule", r"\midrule", r"\bottomrule"))
    body = text.partition("\\midrule\n")[2].partition("    \\bottomrule")[0]
    rows = [row.strip() for row in body.split("\\\\\n") if row.strip()]
    plain = [re.sub(r" \(.*\)", "", cell) for row in rows for cell in row.split(" & ")]
    assert [cell.replace(r"$\pm$", "±") for cell in plain] == shown
    # A table is taken in the order in which it stands.
    page.locator("#results th >> nth=4 >> button").click()
    _, sorted_rows = taken(page, "Results by implementation and activation as Markdown")
    assert sorted_rows != markdown and sorted(sorted_rows) == sorted(markdown)
    # A figure is on white paper also where the page is dark.
    for figure in ("epochs", "curves-relu"):
        name, content = taken(page, f"{figure} as SVG")
        text = content.decode()
        assert name == f"{figure}.svg" and text.startswith("<svg") and "epoch" in text
        assert not re.search(r"var\(|currentColor|light-dark|#e4e6e9", text)
        name, content = taken(page, f"{figure} as PNG")
        assert name == f"{figure}.png" and content.startswith(b"\x89PNG") and len(content) > 5000
        _, content = taken(page, f"the numbers of {figure}, curves.csv")
        curves = study.data()["curves"]
        pd.testing.assert_frame_equal(pd.read_csv(io.BytesIO(content)), curves, check_exact=True)
    assert not [url for url in requests if not url.startswith(("data:", "blob:"))]
    # A link to a figure leads to it.
    page.get_by_role("link", name="link to curves-relu", exact=True).click()
    assert page.url.endswith("#figure-curves-relu")


def test_it_is_printed_on_a_few_pages(
    browser: "sync_api.Browser", sound: tuple[Study, Path]
) -> None:
    page = opened(browser, sound[1])
    paper = page.pdf(format="A4")
    assert 1 < len(re.findall(rb"/Type */Page\b", paper)) <= 6
    page.emulate_media(media="print")
    assert page.locator("#figure-epochs svg").is_visible()
    hidden = ("nav", "#answer-chart", ".take >> nth=0", "#predictions")
    assert not any(page.locator(selector).first.is_visible() for selector in hidden)


SIZES = """() => [...document.querySelectorAll("figure svg text, .chart svg text")]
  .filter(text => text.textContent.trim() && text.getBoundingClientRect().width)
  .map(text => {
    const svg = text.ownerSVGElement, box = svg.viewBox.baseVal;
    const scale = box && box.width ? svg.getBoundingClientRect().width / box.width : 1;
    return scale * parseFloat(getComputedStyle(text).fontSize);
  })"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_telephone_it_is_read_and_heard(
    browser: "sync_api.Browser", sound: tuple[Study, Path], scheme: Any
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = browser.new_page(
        viewport={"width": 390, "height": 844}, color_scheme=scheme, reduced_motion="reduce"
    )
    page.goto(sound[1].as_uri())
    page.wait_for_selector("#answer-chart svg text")
    box = page.locator("#tile-best .value").bounding_box()
    assert box is not None and box["y"] + box["height"] < 844
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert min(page.evaluate(SIZES)) >= 11
    found = axe.run(page).response["violations"]
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []


def column(page: "sync_api.Page", index: int) -> list[str]:
    """What the first table shows in a column, from top to bottom."""
    cells = page.locator(f"#results table.sortable >> nth=0 >> tbody tr td:nth-child({index + 1})")
    return [text.split()[0] for text in cells.all_inner_texts()]


@pytest.mark.parametrize("index", [1, 4], ids=["text", "numbers"])
@pytest.mark.parametrize("way", ["mouse", "keyboard"])
def test_tables_sort_in_both_directions(
    browser: "sync_api.Browser", report: Path, index: int, way: str
) -> None:
    page = opened(browser, report)
    heading = page.locator(f"#results table.sortable >> nth=0 >> th >> nth={index}")
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
    browser: "sync_api.Browser", report: Path, width: int, scheme: str
) -> None:
    page = opened(browser, report, width, scheme)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


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


def test_a_wrong_network_is_said_first_and_leads_to_its_cause(
    browser: "sync_api.Browser", report: Path
) -> None:
    page = opened(browser, report)
    assert page.locator("h1").inner_text() == "scratch is wrong"
    assert page.locator(".trouble").first.inner_text().startswith("Step by step, scratch differs")
    tile = page.locator("#tile-right")
    assert tile.locator(".value").inner_text() == "Wrong"
    assert "the gradient of W2 on a smaller batch: the sign is the opposite" in tile.inner_text()
    line = page.locator(".matrix td.differs p >> nth=0")
    assert not line.is_visible()
    tile.locator("a").click()
    line.wait_for()
    assert line.inner_text().startswith("First to differ: the gradient of W2")


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
