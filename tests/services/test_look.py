"""Look at the data, in a real browser: what is shown is what tables and data set say."""

import base64
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import numpy as np
import pandas as pd
import pytest

if TYPE_CHECKING:
    from playwright import sync_api
else:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from test_report import Study, sloppy

from services.browsing import taken, taken_table

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
pytestmark = pytest.mark.browser
NETWORKS = ["relu", "sigmoid", "tanh"]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A made-up study, whose page lies beside its figures."""
    folder = tmp_path_factory.mktemp("look")
    made = Study(folder, images=100)
    (folder / "report.html").write_text(made.page(), encoding="utf-8")
    made.folder = folder  # type: ignore[attr-defined]
    return made


@pytest.fixture(scope="module")
def data(study: Study) -> dict[str, pd.DataFrame]:
    return study.data()


def address(study: Study) -> str:
    return (study.folder / "report.html").as_uri()  # type: ignore[attr-defined,no-any-return]


def opened(
    browser: "sync_api.Browser", url: str, width: int = 1280, scheme: str = "light"
) -> "sync_api.Page":
    """The page in a window of its own, when its images are there."""
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.goto(url)
    page.wait_for_selector("[data-look][data-ready]")
    return page


# What a list of images shows: image, its pixels as the sprite has them, classes and probabilities.
READ = """list => [...list.querySelectorAll('li')].map(item => {
  const canvas = item.querySelector('canvas');
  const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return {
    image: Number(item.dataset.image), label: canvas.getAttribute('aria-label'),
    title: item.querySelector('strong').textContent,
    pixels: [...data].filter((_, n) => n % 4 === 0),
    lines: [...item.querySelectorAll('small')].map(line => line.textContent),
    values: [...item.querySelectorAll('data')].map(value => Number(value.value)),
  }})"""


def shown(page: "sync_api.Page", place: int) -> list[dict[str, Any]]:
    """The images of the panel (0), of the most surely wrong (1), of the disagreements (2)."""
    found: list[dict[str, Any]] = page.locator(".look-images").nth(place).evaluate(READ)
    return found


def assert_shows(study: Study, found: list[dict[str, Any]], rows: pd.DataFrame) -> None:
    """The images are the rows' and the data set's, with their classes and probabilities."""
    assert [each["image"] for each in found] == rows["image"].tolist() and found
    for each, row in zip(found, rows.to_dict("records"), strict=True):
        assert each["title"] == row["true"]
        assert each["label"] == f"test image {row['image']}: {row['true']}"
        expected = study.pixels[row["image"]].flatten() / 15 * 255
        assert np.abs(np.array(each["pixels"]) - expected).max() <= 255 / 31 / 2 + 0.5
        if row["kind"] == "disagreement":
            names = [row[name].split("/")[1] for name in ("run", "other")]
            told = [f"{names[0]}: {row['predicted']}", f"{names[1]}: {row['other_predicted']}"]
            values = [row["p"], row["other_p"]]
        else:
            right = row["predicted"] == row["true"]
            told = [f"says {row['predicted']}", *([] if right else [f"not {row['true']}"])]
            values = [row["p"], *([] if right else [row["p_true"]])]
        assert [line.rpartition(",")[0] for line in each["lines"]] == told
        assert each["values"] == pytest.approx(values, abs=1e-6)
        for line, value in zip(each["lines"], values, strict=True):
            assert line.endswith(f", {100 * value:.1f} %")


def rows_of(data: dict[str, pd.DataFrame], kind: str, **values: str) -> pd.DataFrame:
    table = data["examples"]
    for name, value in {"kind": kind, **values}.items():
        table = table[table[name] == value]
    return table


def test_every_cell_of_every_network_opens_its_images(
    browser: "sync_api.Browser", study: Study, data: dict[str, pd.DataFrame]
) -> None:
    page = opened(browser, address(study))
    confusions = data["confusions"].set_index(["cell", "true", "predicted"])["amount"]
    panel = page.locator(".look-panel p")
    for name in NETWORKS:
        run = f"scratch/{name}/seed=0"
        page.locator(f"[name=look-network][value={name}]").check(force=True)
        body = page.locator(".look-matrix tbody tr")
        counts = [[int(text) for text in row.locator("td").all_inner_texts()] for row in body.all()]
        wrong = [
            confusions[f"scratch/{name}", *pair] for pair in (("shirt", "coat"), ("coat", "shirt"))
        ]
        # Three seeds with 50 images of each class.
        assert counts == [[150 - wrong[0], wrong[0]], [wrong[1], 150 - wrong[1]]]
        assert (
            "3 seeds together, 300 predictions"
            in page.locator("[data-look] > p >> nth=0").inner_text()
        )
        own = np.array(study.records[run].evaluation.confusion)
        for t, true in enumerate(("shirt", "coat")):
            for p, predicted in enumerate(("shirt", "coat")):
                button = page.locator(f".look-matrix [data-cell='{t} {p}']")
                button.click()
                assert button.get_attribute("aria-pressed") == "true"
                assert page.locator(".look-matrix [aria-pressed=true]").count() == 1
                rows = rows_of(data, "confusion", run=run, true=true, predicted=predicted)
                assert_shows(study, shown(page, 0), rows)
                sentence = panel.inner_text()
                assert f"{name} (scratch, seed 0)" in sentence
                assert f" {own[t, p]} of 50 test images of “{true}”" in sentence
                assert (
                    f"here are the {len(rows)} of" if len(rows) < own[t, p] else "here they are"
                ) in sentence
        rows = rows_of(data, "wrong", run=run)
        assert_shows(study, shown(page, 1), rows)
        assert set(rows["of"]) == {8}
        assert (
            page.get_by_text(f"{name} (scratch, seed 0) gets 8 of 100 test images wrong").count()
            == 1
        )
        visible = page.locator(".look-weights figure:visible img")
        assert visible.count() == 2 and name in (visible.nth(1).get_attribute("alt") or "")


def test_disagreements_of_every_pair_and_the_view_is_a_link(
    browser: "sync_api.Browser", study: Study, data: dict[str, pd.DataFrame]
) -> None:
    page = opened(browser, address(study))
    pair = page.get_by_label("Two networks")
    for first, second in (("relu", "sigmoid"), ("relu", "tanh"), ("sigmoid", "tanh")):
        pair.select_option(f"{first} and {second}")
        one, other = (f"scratch/{name}/seed=0" for name in (first, second))
        rows = rows_of(data, "disagreement", run=one, other=other)
        assert_shows(study, shown(page, 2), rows)
        assert (
            f"say another class for {rows['of'].iloc[0]} test images"
            in page.locator("[data-look]").inner_text()
        )
    page.locator("[name=look-network][value=tanh]").check(force=True)
    page.locator(".look-matrix [data-cell='0 1']").click()
    url = page.url
    assert parse_qs(url.partition("?")[2]) == {
        "network": ["tanh"], "true": ["shirt"], "predicted": ["coat"], "pair": ["sigmoid,tanh"],
    }  # fmt: skip
    before = [shown(page, place) for place in range(3)]
    again = opened(browser, url)
    assert [shown(again, place) for place in range(3)] == before
    assert again.locator("[name=look-network]:checked").get_attribute("value") == "tanh"
    assert again.locator("[aria-pressed=true]").get_attribute("data-cell") == "0 1"
    assert again.evaluate("document.getElementById('look').getBoundingClientRect().top") < 100
    # What an address names that is not there is passed over.
    lost = opened(browser, f"{address(study)}#look?network=elu&true=hat&pair=a,b")
    assert lost.locator("[name=look-network]:checked").get_attribute("value") == "relu"


def test_the_keyboard_reaches_all_of_it(browser: "sync_api.Browser", study: Study) -> None:
    page = opened(browser, address(study))
    page.locator("[name=look-network]:checked").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("[name=look-network]:checked").get_attribute("value") == "sigmoid"
    # The region that scrolls, then the one cell that is a stop.
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    focused = "document.activeElement.dataset.cell"
    assert page.evaluate(focused) == "1 0"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused) == "0 1"
    page.keyboard.press("Enter")
    assert page.locator("[aria-pressed=true]").get_attribute("data-cell") == "0 1"
    # Past what takes the matrix along.
    for _ in range(4):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "look-pair"


def test_class_accuracies_and_silent_units_are_those_of_the_tables(
    browser: "sync_api.Browser", study: Study, data: dict[str, pd.DataFrame]
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address(study))
    table = page.get_by_role("region", name="Accuracy by class")
    rows = data["class_accuracies"].to_dict("records")
    of = {(row["group"], row["class"]): row for row in rows}
    for row in table.locator("tbody tr").all():
        name, images, *cells = row.locator("td").all_inner_texts()
        for group, cell in zip(NETWORKS, cells, strict=True):
            expected = of[group, name]
            accuracy, *interval = cell.split("\n")
            assert accuracy == f"{expected['accuracy']:.3f}" and images == str(expected["images"])
            bounds = f"{expected['low']:.3f} – {expected['high']:.3f}"
            assert interval == [bounds + " *" * (expected["interval"] == "images")]
    # Without a script all networks are there, and the reader is told what is not.
    figures = page.locator(".look-weights figure:visible")
    assert figures.count() == 4
    captions = figures.locator("figcaption").all_inner_texts()
    assert "the same for relu, sigmoid and tanh" in captions[0]
    assert "Grey, among those shown: the 1 unit that no image" in captions[1]
    assert all("None is silent" in caption for caption in captions[2:])
    assert page.locator("#look noscript").inner_text().startswith("The images of each cell")
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it_and_nothing_is_requested(
    browser: "sync_api.Browser", study: Study, scheme: str, tmp_path: Path
) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme=scheme)
    requests: list[str] = []
    messages: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.goto(address(study))
    page.wait_for_selector("[data-look][data-ready]")
    page.locator(".look-matrix [data-cell='1 0']").click()
    page.get_by_label("Two networks").select_option("relu and tanh")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    sizes = page.evaluate(
        "[...document.querySelectorAll('#look *')].filter(e => e.checkVisibility() && e.innerText)"
        ".map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 11
    found = axe.Axe().run(page, context="#look")
    violations = found.response["violations"]
    assert not violations, json.dumps(violations, indent=1)[:3000]
    assert [url for url in requests if not url.startswith("data:")] == [address(study)]
    assert messages == []
    page.locator("#look").screenshot(path=tmp_path / f"look-{scheme}.png")


def test_in_a_frame_without_an_address_it_works_as_well(
    browser: "sync_api.Browser", study: Study
) -> None:
    page = browser.new_page()
    page.goto("about:blank")
    text = (study.folder / "report.html").read_text(encoding="utf-8")  # type: ignore[attr-defined]
    page.evaluate(
        "text => { const frame = document.createElement('iframe');"
        "frame.src = URL.createObjectURL(new Blob([text], {type: 'text/html'}));"
        "document.body.append(frame); }",
        text,
    )
    frame = page.frame_locator("iframe")
    frame.locator("[data-look][data-ready]").wait_for()
    cell = frame.locator(".look-matrix [data-cell='0 1']")
    cell.click()
    assert cell.get_attribute("aria-pressed") == "true"


def test_where_no_network_finished_the_section_says_so(
    browser: "sync_api.Browser", tmp_path: Path
) -> None:
    failed = Study(tmp_path, error=sloppy, implementation=["concise"], activation=["relu"])
    failed_page = tmp_path / "report.html"
    failed_page.write_text(failed.page(), encoding="utf-8")
    page = browser.new_page()
    messages: list[str] = []
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.goto(failed_page.as_uri())
    assert "There is no network to look at" in page.locator("#look").inner_text()
    assert page.locator("#look img").count() == 0 and messages == []


def test_matrix_and_weights_are_taken_along(
    browser: "sync_api.Browser", study: Study, data: dict[str, pd.DataFrame]
) -> None:
    page = opened(browser, address(study) + "#look?network=tanh")
    label = "Confusion matrix of tanh: true classes in rows, predicted ones in columns"
    table = taken_table(page, f"{label} as CSV").set_index("true class")
    assert table.to_numpy().sum() == 3 * 100 and list(table.index) == list(table.columns)
    for true, row in table.iterrows():
        for predicted, count in row.items():
            named = f"{count}: {true} taken for {predicted}"
            assert page.get_by_role("button", name=named, exact=True).count() == (count > 0)
    _, latex = taken(page, f"{label} as LaTeX")
    assert latex.decode().count("\\\\\n") == len(table) + 1
    name, picture = taken(page, "weights-tanh as PNG")
    shown = page.locator("#figure-weights-tanh img").get_attribute("src")
    assert name == "weights-tanh.png" and shown is not None
    assert picture == base64.b64decode(shown.partition(",")[2])
