"""What the page begins with, held against the tables; what it calls things; how it is cited."""

import base64
import gzip
import io
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from test_report import Study, Tags, differing, failing, sloppy, wavy

from conftest import REPOSITORY
from mlplab import report
from mlplab.report import article, contents
from mlplab.study import colors, words
from mlplab.study.citation import Author, Citation, bibtex
from mlplab.study.lines import LINES_AT_MOST


def tile(page: str, key: str) -> str:
    """The text of a tile."""
    found = page.partition(f'id="tile-{key}"')[2].partition("</li>")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", found.partition(">")[2]).split())


def carried(page: str, name: str) -> Any:
    """What the page carries under a name."""
    text = page.partition(f'id="packed-{name}">')[2].partition("<")[0]
    return json.loads(gzip.decompress(base64.b64decode(text)))


def heading(page: str) -> str:
    return page.partition('<h1 id="answer-title">')[2].partition("</h1>")[0]


def rated(run: Any) -> float:
    """More with a greater rate, and a little with the seed."""
    return round(0.7 + run.settings["learning_rate"] / 10 + 0.001 * run.seed, 4)


def test_tiles_and_chart_have_the_tables_numbers(tmp_path: Path) -> None:
    study = Study(tmp_path, wavy, images=10_000)
    page, data = study.page(), study.data()
    best = data["groups"].query("verdict == 'best'").iloc[0]
    said = tile(page, "best")
    assert f"{best['mean']:.4f}" in said and "n = 3 seeds and 10,000 images" in said
    assert f"95 % interval {best['low']:.4f} to {best['high']:.4f}" in said
    verdicts = data["groups"].set_index("group")["verdict"]
    untold = [name for name, verdict in verdicts.items() if verdict == "not told apart"]
    assert untold and f"Not told apart from {untold[0]}" in said and "not settled" in said
    assert heading(page).endswith(f"not told apart from {untold[0]}")
    assert "scratch agrees with concise, the reference, to within 3.0 × 10⁻¹⁶" in tile(
        page, "right"
    )
    assert "3 values compared" in tile(page, "right")
    assert "10 parameters" in tile(page, "cost") and "0.510 s" in tile(page, "cost")
    chart = carried(page, "answer")
    assert chart["measure"] == "test accuracy"
    curves = data["curves"].query("implementation == 'scratch' and metric == 'test_accuracy'")
    for line in chart["lines"]:
        rows = curves[curves["activation"] == line["name"]]
        for name, column in (("epochs", "epoch"), *((n, n) for n in ("mean", "lowest", "highest"))):
            assert line[name] == rows[column].tolist()
        assert line["runs"] == 3 and line["color"] == colors.of_activation(line["name"])
    assert [line["name"] for line in chart["lines"]] == ["relu", "tanh", "sigmoid"]
    assert "Trained by scratch, n = 3 seeds a line." in page


def test_what_is_wrong_is_the_title_with_its_cause_in_the_tile(tmp_path: Path) -> None:
    study = Study(tmp_path, wavy, images=10_000)
    study.parity = [
        *(row for row in study.parity if row["implementation"] == "concise"),
        *differing("scratch", "relu"), failing("scratch", "tanh"), *differing("scratch", "sigmoid"),
    ]  # fmt: skip
    page = study.page()
    assert heading(page) == "scratch is wrong"
    assert '<p class="finding">At these settings relu has the highest accuracy' in page
    said = tile(page, "right")
    assert "Wrong scratch, with relu, differs first in the gradient of W2" in said
    assert "the sign is the opposite" in said
    place = page.partition('id="tile-right"')[2].partition('href="#')[2].partition('"')[0]
    assert place in Tags(page).having("id")
    # The chart is of the one that is right.
    assert "Trained by concise" in page


def test_runs_that_failed_are_the_title(tmp_path: Path) -> None:
    page = Study(tmp_path, wavy, error=sloppy, images=10_000).page()
    assert heading(page) == "9 of 18 runs failed"
    assert '<p class="trouble">9 of 18 runs failed, since concise broke down.</p>' in page


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        ({"seed": [0]}, "At these settings relu has the highest accuracy, which is not tested"),
        ({"activation": ["relu"]}, "relu: a mean accuracy of "),
        (
            {"activation": ["relu"], "learning_rate": [0.1, 0.5], "seed": [0, 1]},
            "Of these 2 combinations relu at learning rate 0.5 has the highest accuracy, which is "
            "not tested",
        ),
    ],
)
def test_titles_are_no_surer_than_the_tests(
    tmp_path: Path, axes: dict[str, list[Any]], expected: str
) -> None:
    accuracy = rated if "learning_rate" in axes else wavy
    assert heading(Study(tmp_path, accuracy, images=10_000, **axes).page()).startswith(expected)


def test_of_many_settings_of_one_activation_the_best_have_lines(tmp_path: Path) -> None:
    rates = [round(0.1 * n, 1) for n in range(1, 12)]
    study = Study(tmp_path, rated, images=10_000, activation=["relu"], learning_rate=rates)
    page = study.page()
    lines = carried(page, "answer")["lines"]
    assert [line["name"] for line in lines] == [
        f"relu at learning rate {rate}" for rate in rates[: -LINES_AT_MOST - 1 : -1]
    ]
    assert len({line["color"] for line in lines}) == LINES_AT_MOST
    assert "the 8 most accurate of 11 combinations." in page


def test_of_several_activations_each_has_its_best_settings(tmp_path: Path) -> None:
    page = Study(tmp_path, rated, images=10_000, learning_rate=[0.1, 0.5]).page()
    names = [line["name"] for line in carried(page, "answer")["lines"]]
    assert sorted(names) == [f"{name} at learning rate 0.5" for name in ("relu", "sigmoid", "tanh")]
    assert "each activation at the settings with which it is the most accurate" in page


def test_the_page_carries_its_tables_with_all_digits_unless_they_are_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = Study(tmp_path, wavy, images=10_000)
    tables, data = carried(study.page(), "tables"), study.data()
    assert set(tables) == set(data)
    for name in ("summary", "groups", "curves", "runs"):
        read = pd.read_csv(io.StringIO(tables[name]))
        written = pd.read_csv(io.StringIO(data[name].to_csv(index=False)))
        pd.testing.assert_frame_equal(read, written, check_exact=True)
    monkeypatch.setattr(report, "CELLS_AT_MOST", data["runs"].size - 1)
    assert "runs" not in carried(study.page(), "tables")


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([256], "1 layer of 256"),
        ([32] * 8, "8 layers of 32"),
        ([256, 128, 64], "layers of 256, 128 and 64"),
        ([], "no hidden layer"),
    ],
)
def test_layers_in_words(sizes: list[int], expected: str) -> None:
    assert words.setting(sizes) == expected
    assert words.tabulated("hidden_sizes", " ".join(map(str, sizes))) == expected
    named = words.point("relu", {"hidden_sizes": expected, "learning_rate": "0.5"})
    assert named == f"relu with {expected} at learning rate 0.5"


def test_the_articles_items_are_those_of_its_list() -> None:
    text = (REPOSITORY / "docs/article.md").read_text(encoding="utf-8")
    listed: dict[str, tuple[str, str]] = {}
    for row in re.findall(r"^\| ([A-C]\d.*) \|$", text, flags=re.MULTILINE):
        cells = row.split(" | ")
        codes, said = re.match(r"((?:[A-C]\d+(?:, )?)+) (.*)", cells[0]).groups()  # type: ignore
        for code in codes.split(", "):
            listed[code] = (said, cells[-1])
    assert set(listed) == set(article.ITEMS)
    for code, (said, section) in article.ITEMS.items():
        assert said == listed[code][0], code
        assert not section or contents.SECTIONS[section] in listed[code][1], code


def test_codes_of_items_are_words_that_lead_to_their_list(tmp_path: Path) -> None:
    page = Study(tmp_path).page()
    assert '<a class="item" href="#article-B10">the article: the training run, watched</a>' in page
    outside = page.partition('<section id="article"')[0]
    assert not re.search(r">[^<]*\b[ABC]\d\d?\b", outside.partition("<body>")[2])
    assert '<li id="article-B11"><strong>B11</strong> sanity bounds: <a href="#findings">' in page


def test_the_page_says_how_it_is_cited_and_run_again(tmp_path: Path) -> None:
    page = Study(tmp_path).page()
    box = page.partition('<section id="cite"')[2]
    assert "git checkout c0ffee" in box and "--configfile made-up.yaml" in box
    assert "@software{mlplab," in box and "note = {git commit c0ffee}" in box
    # The commit alone is not all of it: the code was changed.
    assert "not committed, so the commit alone may give something else" in box
    assert "A. Tailor: Clothes (2020)" in box


def test_bibtex_keeps_names_and_signs() -> None:
    authors = (Author("Person", "Ada Lovelace"), Author("Organization", "Mills & Sons"))
    said = bibtex(Citation("A_B 100%", "", "1.0", "MIT", (), authors), "")
    assert said == (
        "@software{ab100,\n  title = {{A\\_B 100\\%}},\n"
        "  author = {Ada Lovelace and {Mills \\& Sons}},\n  version = {1.0},\n  license = {MIT}\n}"
    )


def test_colours_can_be_seen_on_both_grounds() -> None:
    def contrast(color: str, ground: str) -> float:
        def luminance(text: str) -> float:
            parts = [int(text[n : n + 2], 16) / 255 for n in (1, 3, 5)]
            red, green, blue = (
                c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts
            )
            return 0.2126 * red + 0.7152 * green + 0.0722 * blue

        lights = sorted((luminance(color), luminance(ground)))
        return (lights[1] + 0.05) / (lights[0] + 0.05)

    for name in ("relu", "sigmoid", "tanh", "identity", "leaky_relu", "prelu", "mish", "own"):
        assert contrast(colors.on_dark(colors.of_activation(name)), "#14171b") >= 3
