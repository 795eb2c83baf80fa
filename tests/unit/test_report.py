"""The report: its sentences against known numbers, and a page that is safe and self-contained."""

import copy
import math
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlplab import grid, tables
from mlplab.config import resolve
from mlplab.errors import UserError
from mlplab.record import RunRecord
from mlplab.report import findings, render, svg, words
from mlplab.report.formulas import formulas

SVG = """<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
  width="36pt" height="18pt" viewBox="0 0 36 18">
 <metadata>https://matplotlib.org/</metadata>
 <defs><style type="text/css">*{stroke-linecap: butt}</style><path id="m1" d="M 0 0"/></defs>
 <g id="axes_1" clip-path="url(#c1)">
  <use xlink:href="#m1" style="stroke: #000000"/>
  <text style="font-family: 'DejaVu Sans', serif; fill: #222222">a &lt; b</text>
 </g>
 <clipPath id="c1"><rect/></clipPath>
</svg>"""
HOSTILE = "\"><img src=http://evil.example/x onerror=alert(1)><script>alert('x')</script>"
CLASSES = ["shirt", "coat"]

Accuracy = Callable[[grid.Run], float]


def accuracy_of(run: grid.Run) -> float:
    """ReLU is best, sigmoid worst by 0.10, 0.11 and 0.12 for the seeds 0, 1 and 2."""
    return {"relu": 0.9, "tanh": 0.89, "sigmoid": 0.8}[run.activation] - (
        0.01 * run.seed if run.activation == "sigmoid" else 0
    )


def record_of(run: grid.Run, accuracy: float, loss: float) -> RunRecord:
    """A run of two epochs that ends with the given test accuracy and training loss."""
    finite = math.isfinite(loss)
    checks = {
        "training_loss": (loss if finite else None, None, 0.5, loss < 0.5),
        "test_accuracy": (accuracy, 0.7, 1.0, 0.7 < accuracy <= 1),
    }
    epoch = {"training_accuracy": 0.9, "test_loss": loss, "seconds": 0.5, "timestamp": 2000}
    return RunRecord(
        run={
            "run": run.path,
            "implementation": run.implementation,
            "activation": run.activation,
            "seed": run.seed,
            "settings": run.settings,
            "axes": list(run.axes),
            "status": "finished" if finite else "diverged",
            "sanity": {
                name: dict(zip(("value", "above", "below", "met"), check, strict=True))
                for name, check in checks.items()
            },
            "started": 0,
            "ended": 3_600_000,
            "training_seconds": 1.0,
            "seconds_per_epoch": 0.5 if run.implementation == "scratch" else 0.25,
            "device": "cpu",
            "threads": 1,
            "matmul_precision": "highest",
            "git": {"commit": "c0ffee", "dirty": True},
            "machine": {"processor": "Abacus", "cores": 2, "system": "Linux", "python": "3.11"},
            "versions": {"torch": "2.15.0"},
        },
        history=[
            {"epoch": 1, "training_loss": 0.6, "test_accuracy": 0.5, **epoch},
            {"epoch": 2, "training_loss": loss, "test_accuracy": accuracy, **epoch},
        ],
        evaluation={
            "test_accuracy": accuracy,
            "test_loss": loss if finite else None,
            "macro_f1": accuracy,
            "per_class": [
                {"class": name, "precision": 0.5, "recall": 0.5, "f1": f1, "images": 50}
                for name, f1 in zip(CLASSES, (0.75, 0.25), strict=True)
            ],
            "confusion": [[49, 1], [7, 43]],
        },
    )


class Study:
    """A made-up study with everything that the page is made of."""

    def __init__(
        self,
        folder: Path,
        accuracy: Accuracy = accuracy_of,
        loss: Accuracy = lambda run: 0.4,
        **axes: list[Any],
    ) -> None:
        self.config = resolve({"study": "made-up", "grid": axes})
        self.manifest: dict[str, Any] = {
            "name": "clothes",
            "title": "Clothes",
            "description": "150 images of clothes",
            "license": "MIT",
            "citation": "A. Tailor: Clothes (2020)",
            "class_names": list(CLASSES),
            "counts": {
                split: {"images": n, "shape": [2, 2], "per_class": [n // 2, n // 2]}
                for split, n in (("training", 1200), ("test", 100))
            },
            "files": [{"name": "images.gz", "md5": "8d4fb7e6c68d591d4c3dfef9ec88bf0d"}],
            "sha256": "820e5e2b",
        }
        self.runs = grid.runs(self.config)
        self.axes = next(iter(self.runs.values())).axes
        self.records = {
            path: record_of(run, accuracy(run), loss(run)) for path, run in self.runs.items()
        }
        self.mlflow = {
            path: {"experiment_id": "7", "run_id": f"id{n}"} for n, path in enumerate(self.runs)
        }
        picture = folder / "picture.svg"
        picture.write_text(SVG)
        names = ["accuracy", "seconds", "samples"]
        for name in self.config["grid"]["activation"]:
            names += [f"activations/{name}", f"activations/{name}.gradient"]
        names += [f"curves/{group}" for group in grid.by_group(self.runs)]
        for cell in grid.by_cell(self.runs):
            names += [f"predictions/{cell}", f"confusion/{cell}"]
        self.figures = dict.fromkeys(names, picture)

    def table(self) -> pd.DataFrame:
        """The runs as MLflow would hand them back."""
        tracked = {
            path: {
                "run_id": self.mlflow[path]["run_id"],
                "status": record.run["status"],
                "parameters": {
                    **{key: record.run[key] for key in ("implementation", "activation", "seed")},
                    **record.run["settings"],
                },
                "metrics": {
                    **{name: record.history[-1][name] for name in tables.LAST},
                    **record.final_metrics(),
                },
            }
            for path, record in self.records.items()
        }
        return tables.runs_table(tracked, self.records)

    def page(self) -> str:
        """The rendered page."""
        runs = self.table()
        return render(
            config=self.config,
            manifest=self.manifest,
            study={"study": self.config["study"], "experiment_id": "7"},
            records=self.records,
            mlflow=self.mlflow,
            runs=runs,
            summary=tables.summary_table(runs, self.axes),
            per_class=tables.per_class_table(runs, self.records),
            axes=self.axes,
            figures=self.figures,
        )

    def sentences(self) -> str:
        """All findings as one text."""
        images = self.manifest["counts"]["test"]["images"]
        found = findings.all_findings(self.config, self.records, self.table(), images)
        return " ".join(sentence for finding in found for sentence in finding.sentences)


class Tags(HTMLParser):
    """Collects every element of a page with its attributes, and its visible text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._hidden = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._hidden = tag in ("style", "script")

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text += data

    def having(self, attribute: str) -> list[str]:
        """All values of an attribute."""
        return [str(attrs[attribute]) for _, attrs in self.elements if attribute in attrs]


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """The article's grid with known numbers."""
    return Study(tmp_path)


def test_best_and_worst_activation_with_the_seeds_spread(study: Study) -> None:
    text = study.sentences()
    assert "highest for relu (0.9000 from each of 3 seeds)" in text
    assert "lowest for sigmoid (0.7900, 0.7800 to 0.8000 over 3 seeds), 0.1100 apart" in text
    assert "relu is ahead of sigmoid every time, by 0.1000 to 0.1200 (mean 0.1100)" in text
    assert "relu is ahead of tanh every time, by 0.0100 (mean 0.0100)" in text


def test_seeds_that_disagree_do_not_tell_two_activations_apart(tmp_path: Path) -> None:
    study = Study(
        tmp_path,
        accuracy=lambda run: 0.8 + (0.03 if (run.activation == "relu") == (run.seed > 0) else 0),
        activation=["relu", "tanh"],
    )
    text = study.sentences()
    assert "Against tanh, relu is ahead on 2 of 3 seeds, by 0.0100 in the mean" in text
    assert "do not tell the two apart" in text


def test_greatest_difference_of_loss_between_implementations(tmp_path: Path) -> None:
    def loss(run: grid.Run) -> float:
        odd = run.implementation == "concise" and run.path.endswith("tanh/seed=1")
        return 0.4 + (3.2e-5 if odd else 0)

    text = Study(tmp_path, loss=loss).sentences()
    assert "training losses of scratch and concise differ by at most 3.2 × 10⁻⁵." in text
    assert "any epoch of 9 pairs of runs; it is that of tanh/seed=1 in epoch 2" in text


def test_one_implementation_is_compared_with_none(tmp_path: Path) -> None:
    text = Study(tmp_path, implementation=["scratch"]).sentences()
    assert "training losses of" not in text


def test_bounds_that_all_runs_meet(study: Study) -> None:
    assert (
        "All 18 runs meet the article’s bounds (B11): training loss < 0.5 and "
        "0.7 < test accuracy ≤ 1." in study.sentences()
    )


def test_missed_bounds_are_named_with_their_amount(tmp_path: Path) -> None:
    text = Study(
        tmp_path, loss=lambda run: 0.502 + 0.001 * run.seed if run.activation == "sigmoid" else 0.4
    ).sentences()
    assert (
        "With sigmoid, 6 of 6 runs miss the article’s training loss < 0.5, by 0.0020 to 0.0040"
        in text
    )
    assert "Every run of relu and tanh meets all bounds." in text


def test_diverged_runs_are_told_and_not_compared(tmp_path: Path) -> None:
    study = Study(tmp_path, loss=lambda run: math.nan if run.activation == "relu" else 0.4)
    text = study.sentences()
    assert "6 of 18 runs diverged" in text
    assert "scratch/relu/seed=0 in epoch 2" in text and "and 1 more" in text
    assert "highest for tanh" in text
    assert "miss the article’s training loss < 0.5 with a value that is not finite" in text
    assert "leaving out 3 epochs without a finite loss" in text
    visible = Tags(study.page()).text
    assert words.NOTHING in visible and "nan" not in visible.lower()


def test_a_study_in_which_all_runs_diverged_is_rendered(tmp_path: Path) -> None:
    page = Study(tmp_path, loss=lambda run: math.inf, activation=["relu"]).page()
    assert "nothing to compare" in page


def test_one_seed_has_no_interval_and_says_so(tmp_path: Path) -> None:
    study = Study(tmp_path, seed=[3])
    assert "With one seed there is no spread and no interval" in study.sentences()
    page = study.page()
    assert "nan" not in Tags(page).text.lower()
    assert " ± " not in page.partition("<table")[2].partition("</table")[0]


def test_few_seeds_are_called_few(study: Study) -> None:
    text = study.sentences()
    assert "n = 3 is little: a 95 % interval then rests on 2 degrees of freedom" in text
    # √(0.9 · 0.1 / 100)
    assert "Of 100 images, an accuracy of 0.9000 has a standard error of 0.030" in text


def test_time_is_compared_with_the_first_implementation(study: Study) -> None:
    text = " ".join(findings.speed(study.table()).sentences)
    assert "0.50 s (scratch) and 0.25 s (concise)" in text
    assert "concise needs 0.50 times the time of scratch" in text


@pytest.mark.parametrize(
    ("axes", "expected"),
    [({}, "bias_init = zeros."), ({"bias_init": ["zeros", "framework"]}, "zeros and framework.")],
)
def test_biases_of_the_framework_are_set_right(
    tmp_path: Path, axes: dict[str, list[Any]], expected: str
) -> None:
    text = Study(tmp_path, **axes).sentences()
    assert "U(−1/√fan_in, 1/√fan_in)" in text and expected in text


def test_further_axes_are_named_and_have_columns(tmp_path: Path) -> None:
    study = Study(
        tmp_path,
        accuracy=lambda run: 0.8 + run.settings["learning_rate"] / 10,
        activation=["relu"],
        learning_rate=[0.1, 0.5],
        hidden_sizes=[[8], [16, 8]],
    )
    assert "highest for relu at hidden sizes 16 × 8 and learning rate 0.5" in study.sentences()
    page = study.page()
    assert ">learning rate</th>" in page and "relu at hidden sizes 16 × 8" in page
    assert 'href="runs/scratch/relu/seed=0/hidden_sizes=16x8/learning_rate=0.5/history.csv"' in page


def test_page_shows_every_item_of_the_article_and_where_things_are(study: Study) -> None:
    page = study.page()
    text = " ".join(Tags(page).text.split())
    for item in ("A1", "A2", "A3", "A4", "A5", "A6", "A7", "B2", "B10", "B11", "B12", "C2"):
        assert item in text, item
    for fact in (
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "A. Tailor",
        "c0ffee, with uncommitted",
        "Abacus",
    ):
        assert fact in text, fact
    assert "coat taken for shirt, 21 of 150 times" in text
    assert 'href="http://127.0.0.1:5000/#/experiments/7/runs/id0"' in page
    assert 'href="logs/train/scratch/relu/seed=0.log"' in page
    assert "make ui" in text


def test_hostile_text_stays_text(study: Study) -> None:
    study.config = copy.deepcopy(study.config)
    study.config["study"] = HOSTILE
    study.config["mirrors"] = [HOSTILE]
    study.manifest["class_names"] = [HOSTILE, "coat"]
    study.manifest["title"] = HOSTILE
    page = study.page()
    tags = Tags(page)
    assert [tag for tag, _ in tags.elements].count("script") == 1
    assert not [tag for tag, attrs in tags.elements if tag == "img" or "onerror" in attrs]
    assert HOSTILE in tags.text


def test_page_requests_nothing(study: Study) -> None:
    page = study.page()
    for tag, attrs in Tags(page).elements:
        assert tag not in ("iframe", "object", "embed", "base", "img"), tag
        assert "src" not in attrs and "srcset" not in attrs, (tag, attrs)
        href = attrs.get("href") or ""
        if "//" in href:
            assert tag == "a" and href.startswith("http://127.0.0.1:5000/"), (tag, href)
    style = page.partition("<style>")[2].partition("</style>")[0]
    assert "@import" not in style and "url(" not in style


def test_ids_are_unique_and_every_reference_has_its_target(study: Study) -> None:
    page = study.page()
    tags = Tags(page)
    ids = tags.having("id")
    assert len(ids) == len(set(ids))
    references = {href[1:] for href in tags.having("href") if href.startswith("#")}
    references |= set(re.findall(r"url\(#([^)]+)\)", page)) | set(tags.having("aria-labelledby"))
    assert references <= set(ids)


def test_every_figure_has_a_caption_and_a_text_alternative(study: Study) -> None:
    tags = Tags(study.page())
    names = [tag for tag, _ in tags.elements]
    assert names.count("figure") == names.count("figcaption") == names.count("svg") > 0
    for tag, attrs in tags.elements:
        if tag == "svg":
            assert attrs["role"] == "img" and attrs["aria-label"]


def test_inline_svg_follows_the_page(tmp_path: Path) -> None:
    path = tmp_path / "picture.svg"
    path.write_text(SVG)
    markup = svg.inline(path, "p1-", 'a "label"')
    assert markup.startswith("<svg") and "http" not in markup and "<style" not in markup
    assert 'href="#p1-m1"' in markup and "url(#p1-c1)" in markup and "axes_1" not in markup
    assert "stroke: currentColor" in markup and "fill: #222222" in markup
    assert "DejaVu" not in markup and "a &lt; b" in markup
    assert 'aria-label="a &quot;label&quot;"' in markup


def test_a_file_that_is_no_svg_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "picture.svg"
    path.write_text("<html>")
    with pytest.raises(UserError, match="expected an SVG"):
        svg.inline(path, "p-", "label")


def test_a_missing_figure_is_named(study: Study) -> None:
    del study.figures["curves/relu"]
    with pytest.raises(UserError, match="lacks the figure 'curves/relu'"):
        study.page()


def test_formulas_are_those_of_the_activations_file() -> None:
    relu = formulas("relu")
    assert relu.function == "ReLU(x) = max(x, 0)"
    assert relu.items == ("A2", "A3") and relu.summary.startswith("ReLU")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.02374, "0.024"), (12.3, "12"), (3.24e-7, "3.2 × 10⁻⁷"), (0, "0"), (math.nan, "—"),
     (1.8e308, "—"), (-0.5, "−0.50")],
)  # fmt: skip
def test_rounded(value: float, expected: str) -> None:
    assert words.rounded(value) == expected
