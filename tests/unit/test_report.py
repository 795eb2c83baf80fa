"""The report: its sentences against known numbers, and a page that is safe and self-contained."""

import base64
import copy
import itertools
import math
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from conftest import curves_of, evaluated, manifest, run_info
from mlplab import activations
from mlplab.analysis import agreement, comparisons
from mlplab.analysis.axes import axes_table
from mlplab.analysis.classes import class_accuracies_table, classes_table, confusions_table
from mlplab.analysis.curves import curves_table
from mlplab.analysis.diagnostics import diagnostics_table, histograms_table, networks_table
from mlplab.analysis.examples import Looked, chosen, examples_table
from mlplab.analysis.groups import groups_table
from mlplab.analysis.images import Correct
from mlplab.analysis.pairs import pairs_of
from mlplab.analysis.runs import runs_table
from mlplab.analysis.sampling import mcnemar_table, sampling_table, wilson_table
from mlplab.analysis.speed import speed_table
from mlplab.analysis.summary import per_class_table, summary_table
from mlplab.analysis.twins import twins_table
from mlplab.config.resolve import resolve
from mlplab.errors import UserError
from mlplab.figures import canvas, images, runs, sprites
from mlplab.figures.catalogue import catalogue
from mlplab.report import comparing, findings, parity, render, shortlist, svg, wording
from mlplab.report.findings import time as timing
from mlplab.report.findings._finding import Finding
from mlplab.report.findings.failures import divergence
from mlplab.report.formulas import Formulas, formulas
from mlplab.study import grid
from mlplab.study.documents import Bound, Evaluation, GitState, Machine, SplitCounts
from mlplab.study.figures import Figure
from mlplab.study.metrics import of_run
from mlplab.study.predictions import Predictions
from mlplab.study.record import RunRecord

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
MESSAGE = "plugins/sloppy.py:7: train_step(images, labels) fails: ValueError: <b>sorry</b>"


def accuracy_of(run: grid.Run) -> float:
    """ReLU is best, sigmoid worst by 0.10, 0.11 and 0.12 for the seeds 0, 1 and 2."""
    return {"relu": 0.9, "tanh": 0.89, "sigmoid": 0.8}[run.activation] - (
        0.01 * run.seed if run.activation == "sigmoid" else 0
    )


def diagnostics_of(run: grid.Run, last: float = 0.25) -> list[dict[str, Any]]:
    """Gradient norms that fall to a quarter of the last layer's; half of ReLU's units are dead."""
    depth = len(run.settings["hidden_sizes"])
    rows: list[dict[str, Any]] = []
    for epoch in (0, 1, 2):
        rows += [
            {"epoch": epoch, "quantity": "gradient_norm", "of": f"W{n}", "value": value}
            for n, value in enumerate([last, *[0.5] * (depth - 1), 1.0], start=1)
        ]
        rows += [
            {"epoch": epoch, "quantity": "weight_norm", "of": f"W{n}", "value": 2.0}
            for n in range(1, depth + 2)
        ]
        for layer in range(1, depth + 1):
            dead = 0.25 * epoch if run.activation == "relu" else 0.0
            shares = {"dead": dead, "saturated": 0.125, "activation_std": 1.0}
            rows += [
                {"epoch": epoch, "quantity": name, "of": f"H{layer}", "value": value}
                for name, value in shares.items()
            ]
    rows += [
        {"epoch": 2, "quantity": "dead_throughout", "of": f"H{layer}", "value": dead}
        for layer in range(1, depth + 1)
    ]
    return rows


def epochs_of(split: str, accuracy: float, loss: float) -> list[dict[str, Any]]:
    """Two epochs that end with an accuracy on the split and with a training loss."""
    epoch = {"training_accuracy": 0.9, f"{split}_loss": loss, "seconds": 0.5, "timestamp": 2000}
    return [
        {"epoch": 1, "training_loss": 0.6, f"{split}_accuracy": accuracy, **epoch},
        {"epoch": 2, "training_loss": loss, f"{split}_accuracy": accuracy, **epoch},
    ]


def record_of(
    run: grid.Run, accuracy: float, loss: float, split: str = "test", error: str = ""
) -> RunRecord:
    """A run of two epochs, or one that failed with an `error`."""
    finite = math.isfinite(loss)
    checks = {
        "training_loss": (loss if finite else None, None, 0.5, loss < 0.5),
        f"{split}_accuracy": (accuracy, 0.7, 1.0, 0.7 < accuracy <= 1),
    }
    status = "failed" if error else "finished" if finite else "diverged"
    images = 0 if error else 50
    seconds = 0.5 if run.implementation == "scratch" else 0.25
    metrics = evaluated(accuracy, loss, split, macro_f1=accuracy)
    return RunRecord(
        run=run_info(
            {
                "run": run.path,
                "implementation": run.implementation,
                "activation": run.activation,
                "seed": run.seed,
                "settings": run.settings,
                "axes": list(run.axes),
                "scored_on": split,
                "status": status,
                "error": error or None,
                "sanity": {} if error else {name: Bound(*check) for name, check in checks.items()},
                "started": 0,
                "ended": 3_600_000,
                "resumed_after": [],
                "parameter_count": None if error else 10,
                "evaluation_seconds": None if error else 0.01,
                "training_seconds": None if error else 1.0,
                "seconds_per_epoch": None if error else seconds * (1 + 0.01 * run.seed),
                "cpu_seconds_per_epoch": None if error else seconds * (1 + 0.02 * run.seed),
                "device": "cpu",
                "threads": 1,
                "matmul_precision": "highest",
                "git": GitState("c0ffee", True),
                "machine": Machine("Abacus", 2, "Linux", "3.11", {}),
                "versions": {"torch": "2.15.0"},
            }
        ),
        history=[] if error else epochs_of(split, accuracy, loss),
        evaluation=Evaluation(
            split=split,
            images=2 * images,
            metrics=dict.fromkeys(metrics) if error else metrics,
            per_class=[
                {
                    "class": name,
                    "precision": 0.5,
                    "recall": 0.5,
                    "f1": 0.0 if error else f1,
                    "images": images,
                }
                for name, f1 in zip(CLASSES, itertools.cycle((0.75, 0.25)), strict=False)
            ],
            confusion=[[0, 0], [0, 0]] if error else [[49, 1], [7, 43]],
        ),
        diagnostics=[] if error else diagnostics_of(run),
    )


def parity_row(implementation: str, activation: str, **values: Any) -> dict[str, Any]:
    """A row of the parity table, of the reference or of one that agrees but for rounding."""
    usual = {
        "implementation": implementation,
        "reference": "concise",
        "activation": activation,
        "quantity": "gradient",
        "of": "W1",
        "step": 1,
        "dtype": "float64",
        "network": "784-256-10",
        "difference": 0.0 if implementation == "concise" else 3e-16,
        "tolerance": 1e-12,
        "verdict": "agrees",
        "detail": "",
    }
    return usual | values


class Study:
    """A made-up study with everything that the page is made of."""

    def __init__(
        self,
        folder: Path,
        accuracy: Accuracy = accuracy_of,
        loss: Accuracy = lambda run: 0.4,
        error: Callable[[grid.Run], str] = lambda run: "",
        config: dict[str, Any] | None = None,
        images: int = 100,
        **axes: list[Any],
    ) -> None:
        self.config = resolve({"study": "made-up", "grid": axes, **(config or {})})
        self.split = grid.scored_split(self.config)
        self.selection: dict[str, Any] | None = None
        # What runs in the page: its files, and the table of them.
        self.live: list[Path] = []
        self.int8: dict[str, pd.DataFrame] = {}
        self.manifest = manifest(
            name="clothes",
            title="Clothes",
            description="150 images of clothes",
            license="MIT",
            citation="A. Tailor: Clothes (2020)",
            class_names=list(CLASSES),
            counts={
                split: SplitCounts(n, [2, 2], [n // 2, n // 2])
                for split, n in (("training", 1200), ("test", images))
            },
            files=[{"name": "images.gz", "md5": "8d4fb7e6c68d591d4c3dfef9ec88bf0d"}],
            sha256="820e5e2b",
        )
        self.runs = grid.runs(self.config)
        self.axes = next(iter(self.runs.values())).axes
        self.records = {
            path: record_of(run, accuracy(run), loss(run), self.split, error(run))
            for path, run in self.runs.items()
        }
        self.mlflow = {
            path: {"experiment_id": "7", "run_id": f"id{n}"} for n, path in enumerate(self.runs)
        }
        chosen = self.config["grid"]
        self.parity = [
            parity_row(implementation, activation, dtype=dtype)
            for implementation in chosen["implementation"]
            for activation in chosen["activation"]
            for dtype in ("float64", "float32")
        ]
        picture = folder / "picture.svg"
        picture.write_text(SVG)
        self.activations = [activations.source(name) for name in chosen["activation"]]
        each = {
            "": [""],
            "activation": chosen["activation"],
            "group": grid.by_group(self.runs),
            "cell": grid.by_cell(self.runs),
        }
        names = [figure.path(of) for figure in catalogue() for of in each[figure.per]]
        self.figures = dict.fromkeys(names, picture)

    def alter(self, path: str, **run: Any) -> None:
        """Change what a run's record says of the run."""
        record = self.records[path]
        self.records[path] = replace(record, run=replace(record.run, **run))

    def table(self) -> pd.DataFrame:
        """The runs as MLflow would hand them back."""
        tracked = {
            path: {
                "run_id": self.mlflow[path]["run_id"],
                "status": record.run.status,
                "parameters": {
                    **{
                        key: getattr(record.run, key)
                        for key in ("implementation", "activation", "seed")
                    },
                    **record.run.settings,
                },
                "metrics": of_run(record),
            }
            for path, record in self.records.items()
        }
        return runs_table(tracked, self.records)

    def correct(self) -> Correct:
        """Every run gets the first images right, as many as its accuracy says."""
        correct, images = Correct(), self.manifest.counts["test"].images
        for path, record in self.records.items():
            if record.history:
                right = record.last[f"{self.split}_accuracy"] * images
                labels = np.repeat([0, 1], [images // 2, images - images // 2])
                wrong = np.arange(images) >= round(right)
                correct.add(path, labels, np.where(wrong, 1 - labels, labels))
        return correct

    def data(self) -> dict[str, pd.DataFrame]:
        """All tables."""
        runs, axes, metric = self.table(), self.axes, f"{self.split}_accuracy"
        margin = self.config["comparisons"]["equivalence_margin"]
        parity_found = pd.DataFrame(self.parity)
        agreed = agreement.agreement_table(parity_found)
        standing, late = agreement.standing(runs, agreed), f"late_{metric}"
        correct = self.correct()
        pairs = list(pairs_of(runs, axes, late, standing))
        sampled = sampling_table(pairs, correct, axes)
        images = self.manifest.counts["test"].images
        per_class = per_class_table(runs, self.records)
        diagnostics = diagnostics_table(
            (record.run.activation, record.run.settings["learning_rate"], record.diagnostics)
            for record in self.records.values()
            if record.run.implementation in agreement.right(agreed)
        )
        return {
            "runs": runs,
            "summary": summary_table(runs, axes, self.split),
            "groups": groups_table(runs, correct, axes, late, standing),
            "per_class": per_class,
            "classes": classes_table(per_class, axes),
            "confusions": confusions_table(self.records.values(), self.manifest.class_names),
            "curves": curves_table(self.records.values(), axes, self.split),
            "axes": axes_table(runs, axes),
            "twins": twins_table(self.records.values(), agreed, axes, self.split, margin),
            "diagnostics": diagnostics,
            "networks": networks_table(diagnostics),
            "class_accuracies": class_accuracies_table(
                runs, correct, standing, self.manifest.class_names
            ),
            "examples": self.examples(runs, agreed)[0],
            "histograms": histograms_table({}),
            "speed": speed_table(runs, axes),
            "parity": parity_found,
            "agreement": agreed,
            "comparisons": comparisons.comparisons_table(pairs, correct, axes, margin, late),
            "sampling": sampled,
            "mcnemar": mcnemar_table(sampled, axes),
            "intervals": wilson_table(runs, images, axes, metric),
            **self.int8,
        }  # fmt: skip

    def examples(self, runs: pd.DataFrame, agreed: pd.DataFrame) -> tuple[pd.DataFrame, list[int]]:
        """The table of examples and its images, of runs that predict as their records say.

        Each takes other images for what they are not.
        """
        standing = agreement.standing(runs, agreed)
        names = chosen(runs, pd.DataFrame({"group": [], "mean": []}), standing)
        looked = [Looked(name, self.predictions(n, name)) for n, name in enumerate(names)]
        return examples_table(looked, self.manifest.class_names, pixels=35)

    def predictions(self, number: int, run: str) -> Predictions:
        """What the record of a run says of 50 images of each class, from the `number`-th on."""
        confusion = np.array(self.records[run].evaluation.confusion)
        predicted = [np.repeat([0, 1], row) for row in confusion]
        told = np.concatenate([np.roll(each, 5 * number) for each in predicted])
        sure = 1 + number + np.arange(len(told)) * 37 % 100 / 50
        logits = np.where(told[:, None] == [0, 1], sure[:, None], 0.0).astype(np.float32)
        return Predictions(np.repeat([0, 1], confusion.sum(axis=1)), logits)

    # Of the scored split: noise, 7 × 5, from 0 to 15.
    pixels = np.random.default_rng(7).integers(16, size=(100, 7, 5)).astype(np.uint8)

    def pictures(self, runs: pd.DataFrame, agreed: pd.DataFrame) -> dict[str, Any]:
        """What collect_examples would write: 5 of 6 units, of which the last of ReLU is silent."""
        examples, kept = self.examples(runs, agreed)
        noise = np.random.default_rng(0).normal(size=(5, 7, 5))

        def picture(silent: list[int]) -> str:
            mask = np.isin(np.arange(5), silent)
            return base64.b64encode(sprites.weights(noise, mask)).decode()

        ends = [
            {
                "run": run,
                "units": 6,
                "shown": 5,
                "start": 0,
                "silent": dead,
                "picture": picture(dead),
            }
            for run in examples["run"].unique()
            for dead in [[4] if "/relu/" in run else []]
        ]
        return {
            "height": 7,
            "width": 5,
            "columns": sprites.columns_for(len(kept)),
            "images": base64.b64encode(sprites.images(self.pixels[kept], 15)).decode(),
            "starts": [picture([])] if ends else [],
            "ends": ends,
        }

    def page(self) -> str:
        """The rendered page."""
        data = self.data()
        found = findings.all_findings(self.config, self.records, data, self.selection)
        return render(
            config=self.config,
            manifest=self.manifest,
            study={"study": self.config["study"], "experiment_id": "7"},
            records=self.records,
            mlflow=self.mlflow,
            data=data,
            axes=self.axes,
            found=found,
            catalogue=catalogue(),
            figures=self.figures,
            activations=self.activations,
            looked_at=self.pictures(data["runs"], data["agreement"]),
            selection=self.selection,
            live=self.live,
        )

    def findings(self) -> list[Finding]:
        """All findings."""
        return findings.all_findings(self.config, self.records, self.data(), self.selection)

    def sentences(self) -> str:
        """All findings as one text."""
        return " ".join(text for found in self.findings() for text in found.sentences)


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


def wavy(run: grid.Run) -> float:
    """ReLU ahead of tanh by 0.02 and of sigmoid by 0.10, with a spread over seeds."""
    means = {"relu": 0.9, "tanh": 0.88, "sigmoid": 0.8}
    spread = np.random.default_rng([run.seed, *map(ord, run.activation)]).normal(0, 0.004)
    return round(means[run.activation] + spread, 4)


def test_the_answer_ranks_with_interval_verdict_and_chance(tmp_path: Path) -> None:
    study = Study(tmp_path, wavy, images=10_000, seed=list(range(8)))
    rows = study.data()["groups"].set_index("group")
    best = next(found for found in study.findings() if found.key == "best")
    relu, tanh, sigmoid = (rows.loc[name] for name in ("relu", "tanh", "sigmoid"))
    first, second, last = best.sentences
    assert first == (
        f"At these settings the mean test accuracy over the last 3 epochs is highest for relu, "
        f"{relu['mean']:.4f} (95 % interval {relu['low']:.4f} to {relu['high']:.4f}, over 8 seeds "
        "and the images)."
    )
    points = [wording.rounded(100 * tanh[n]) for n in ("behind", "behind_low", "behind_high")]
    assert second == (
        f"Second is tanh, {points[0]} percentage points behind (95 % interval {points[1]} to "
        f"{points[2]}) and told apart (corrected p = {wording.p_value(tanh['p_corrected'])}); on a "
        f"further seed relu is ahead of it with a probability of 1.00 (8 of 8 seeds; 95 % interval "
        "0.63 to 1.00)."
    )
    assert last.startswith("Last is sigmoid") and "told apart (corrected p" in last
    assert best.headline == " ".join(best.sentences)
    assert best.headline in Tags(study.page()).text
    assert sigmoid["ahead"] == 8


def test_a_tie_is_a_tie(tmp_path: Path) -> None:
    def tied(run: grid.Run) -> float:
        return 0.8 if run.activation == "sigmoid" else 0.9

    text = Study(tmp_path, tied).sentences()
    assert "highest for relu, 0.9000 (on each of 3 seeds)." in text
    assert "Second is tanh, identical on all 3 seeds: a tie." in text
    assert (
        "Last is sigmoid, 10.0 percentage points behind on all 3 seeds: no spread, so no test."
    ) in text

    def third(run: grid.Run) -> float:
        ahead = run.activation == "relu" and run.seed == 2
        return 0.9 + 0.001 * run.seed + (0.001 if ahead else 0)

    level = Study(tmp_path, third, images=1000, activation=["relu", "tanh"]).sentences()
    assert "Second is tanh, level with it, less than one image behind" in level
    assert "not told apart" in level and "0.0000" not in level


def test_of_a_grid_is_said_how_many_may_as_well_be_the_best(tmp_path: Path) -> None:
    def accuracy(run: grid.Run) -> float:
        noise = np.random.default_rng([run.seed, round(100 * run.settings["learning_rate"])])
        near = {0.1: 0.895, 0.2: 0.9, 0.5: 0.7, 1.0: 0.6}[run.settings["learning_rate"]]
        return round(near + noise.normal(0, 0.01), 4)

    rates = [0.1, 0.2, 0.5, 1.0]
    study = Study(
        tmp_path, accuracy, images=10_000, seed=[0, 1, 2, 3, 4, 5, 6, 7],
        implementation=["scratch"], activation=["relu"], learning_rate=rates,
    )  # fmt: skip
    best = next(found for found in study.findings() if found.key == "best")
    verdicts = study.data()["groups"]["verdict"].tolist()
    assert sorted(verdicts) == ["best", "not told apart", "told apart", "told apart"]
    assert best.sentences[-1].startswith("Of 3 others, 1 is not told apart from relu at learning")
    text = study.sentences()
    assert "Of 6 pairs that differ in their learning rate alone, 5 are told apart" in text
    assert "Values of learning rate against each other" in study.page()


def test_an_axis_with_too_many_values_is_not_tested_and_the_page_says_so(tmp_path: Path) -> None:
    study = Study(
        tmp_path, lambda run: 0.8, implementation=["scratch"], activation=["relu"], seed=[0],
        learning_rate=[round(0.01 * n, 2) for n in range(1, 50)],
    )  # fmt: skip
    assert "How results differ by learning rate is not tested" in study.page()


def rising(run: grid.Run) -> float:
    """ReLU ahead of tanh on every seed, by a little more each time."""
    return 0.8 + (0.01 * (run.seed + 1) if run.activation == "relu" else 0)


def compared_of(study: Study, kind: str) -> tuple[list[str], list[str]]:
    """What is said of pairs of a kind: in sentences, and of single pairs."""
    table = study.data()["comparisons"]
    return comparing.told(table, kind), comparing.notable(table, kind)


def test_seeds_that_agree_tell_activations_apart_and_nothing_more(tmp_path: Path) -> None:
    study = Study(tmp_path, rising, activation=["relu", "tanh"], seed=list(range(10)))
    (summary,), (first,) = compared_of(study, "activation")
    assert summary == (
        "Of 1 pair that differs in its activation alone, 1 is told apart (paired over 10 seeds, "
        "Holm’s correction for 1 test)."
    )
    assert first.startswith("relu and tanh (scratch): relu is ahead by 5.5 percentage points (95 %")
    assert first.endswith("after Holm's correction), on 10 of 10 seeds.")
    assert first in Tags(study.page()).text


def test_seeds_that_disagree_do_not_tell_two_activations_apart(tmp_path: Path) -> None:
    def accuracy(run: grid.Run) -> float:
        return 0.8 + (0.03 if (run.activation == "relu") == bool(run.seed % 2) else 0)

    study = Study(tmp_path, accuracy, activation=["relu", "tanh"], seed=list(range(10)))
    said, named = compared_of(study, "activation")
    assert "1 is not told apart (paired over 10 seeds" in said[0] and named == []
    assert said[1] == "Not to be told apart is not to be equal: more seeds may tell."


def test_fewer_than_three_seeds_tell_nothing(tmp_path: Path) -> None:
    study = Study(tmp_path, rising, activation=["relu", "tanh"], seed=[0, 1])
    assert compared_of(study, "activation") == (
        ["Of 1 pair that differs in its activation alone, 1 has too few seeds (a test takes 3)."],
        [],
    )
    assert "behind; not tested, for which 2 seeds are too few." in study.sentences()


def test_survivors_name_no_leader_and_are_never_cut_off(tmp_path: Path) -> None:
    study = Study(
        tmp_path,
        rising,
        lambda run: math.nan if run.activation == "tanh" and run.seed < 6 else 0.4,
        activation=["relu", "tanh"],
        seed=list(range(10)),
    )
    said, named = compared_of(study, "activation")
    assert "1 has runs that did not finish, so that nothing is concluded." in said[0]
    assert named == [
        "relu and tanh (scratch): 6 of 10 seeds left out, on which a run did not finish: the "
        "others are survivors, and nothing is concluded from them."
    ]
    text = " ".join(Tags(study.page()).text.split())
    assert named[0] in text and "is ahead" not in text
    assert "Only relu was run to its end" in text


def test_implementations_are_called_equivalent_only_where_it_is_shown(tmp_path: Path) -> None:
    equal = Study(tmp_path).data()["comparisons"]
    assert comparing.told(equal, "implementation") == [
        "Of 3 pairs that differ in their implementation alone, 3 are identical on every seed."
    ]
    # Equivalence is a test's word.
    assert comparing.equivalent(equal) == []

    def nearly(run: grid.Run) -> float:
        even = 0.001 if run.seed % 2 else -0.001
        return 0.8 + (even if run.implementation == "concise" else 0)

    near = Study(tmp_path, nearly, activation=["relu"], seed=list(range(10)), images=1000)
    assert comparing.equivalent(near.data()["comparisons"]) == [
        "By the same test, on the same seeds, it is shown to be equivalent within ±0.5 percentage "
        "points of mean accuracy."
    ]

    def accuracy(run: grid.Run) -> float:
        return 0.8 + (0.05 * run.seed if run.implementation == "concise" else 0)

    spread = Study(tmp_path, accuracy, activation=["relu"]).data()["comparisons"]
    assert "it is not shown to be equivalent" in comparing.equivalent(spread)[0]


def test_comparison_tables_have_corrected_p_values_intervals_and_margin(tmp_path: Path) -> None:
    study = Study(tmp_path, rising, activation=["relu", "tanh"], seed=list(range(16)))
    table = study.data()["comparisons"]
    for kind, further in (("activation", set()), ("implementation", {"p of equivalence, Holm"})):
        rows = comparing.table(table, (), kind)
        titles = [column.title for column in rows.columns]
        assert {"p, Holm", "over seeds alone", "effect size"} | further <= set(titles)
        assert all(len(row) == len(titles) for row in rows.rows)
    first = dict(zip((c.title for c in comparing.table(table, (), "activation").columns),
                     comparing.table(table, (), "activation").rows[0], strict=True))  # fmt: skip
    assert first["p, Holm"].text == wording.p_value(table["p_holm"][0])
    assert first["n"].text == "16"
    assert first["difference, points"].text == "+8.5"
    assert first["first ahead on a further seed"].note == "0.79 to 1.00"
    same = comparing.table(table, (), "implementation").rows[0]
    assert any(cell.text == "identical on all 16 seeds" for cell in same)
    visible = Tags(study.page()).text
    assert "0.0000" not in visible.partition("Comparisons\n")[2].partition("Right or wrong\n")[0]


def test_the_sampling_error_is_not_that_of_the_best_of_many(study: Study) -> None:
    text = " ".join(Tags(study.page()).text.split())
    assert "The test set’s own sampling error" in text
    # Wilson's intervals of 90 and 78 of 100.
    assert "The 95 % Wilson intervals of single runs are 12 to 16 percentage points wide" in text
    assert "not for the best of many, which was chosen for its luck" in text


def test_images_tell_two_networks_apart_with_a_direction(tmp_path: Path) -> None:
    def turning(run: grid.Run) -> float:
        ahead = (run.activation == "relu") == (run.seed < 2)
        return 0.9 if ahead else 0.8

    study = Study(tmp_path, turning, implementation=["scratch"], activation=["relu", "tanh"])
    text = " ".join(comparing.mcnemar(study.data()["mcnemar"]))
    assert (
        "Of 3 pairs of networks from one seed that differ in their activation alone, McNemar’s "
        "test tells 3 apart on these images at p < 0.05 (not corrected)."
    ) in text
    assert (
        "Which network is better turns with the seed for relu and tanh (scratch): the first on 2, "
        "the second on 1, neither on 0 of 3."
    ) in text
    assert "two trained networks each time, not of what they differ in" in text
    (row,) = comparing.sampling(study.data()["mcnemar"], ()).rows
    assert [cell.text for cell in row] == [
        *("scratch", "relu", "tanh", "3", "2", "1", "0", "10", "0")
    ]


def test_greatest_difference_of_loss_between_implementations(tmp_path: Path) -> None:
    def loss(run: grid.Run) -> float:
        odd = run.implementation == "concise" and run.path.endswith("tanh/seed=1")
        return 0.4 + (3.2e-5 if odd else 0)

    text = Study(tmp_path, loss=loss).sentences()
    assert (
        "training losses differ from those of scratch by at most 3.2 × 10⁻⁵: concise with tanh "
        "(seed 1), epoch 2 (9 pairs of runs compared)."
    ) in text


def test_equal_losses_are_called_equal(study: Study) -> None:
    assert "training losses equal those of scratch in every epoch." in study.sentences()


def test_one_implementation_is_compared_with_the_reference_only(tmp_path: Path) -> None:
    text = Study(tmp_path, implementation=["scratch"]).sentences()
    assert "training losses" not in text
    assert "scratch agrees with concise, the reference" in text
    alone = Study(tmp_path, implementation=["concise"], activation=["relu"])
    assert not [found for found in alone.findings() if found.title.endswith("agree")]
    assert "there is nothing to compare" in Tags(alone.page()).text


def test_bounds_that_all_runs_meet(study: Study) -> None:
    assert (
        "All 18 runs meet the article’s bounds: training loss < 0.5 and "
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
    assert "scratch with relu (seed 0) in epoch 2" in text and "and 1 more" in text
    assert "highest for tanh" in text
    assert "miss the article’s training loss < 0.5 with a value that is not finite" in text
    assert "leaving out 3 epochs without a finite loss" in text
    visible = Tags(study.page()).text
    assert wording.NOTHING in visible and "nan" not in visible.lower()


def test_who_diverged_though_the_reference_did_not_is_told(tmp_path: Path) -> None:
    study = Study(
        tmp_path,
        loss=lambda run: math.nan if run.implementation == "scratch" and run.seed == 1 else 0.4,
    )
    parity = pd.DataFrame(
        {
            "implementation": ["scratch"],
            "quantity": ["loss with scores of ±200"],
            "verdict": ["differs"],
        }
    )
    told = divergence(study.records, "concise", parity).sentences[-1]
    assert told.startswith(
        "scratch diverged where concise, the reference, from the same start and on the same "
        "batches, did not: scratch with relu (seed 1)"
    )
    assert told.endswith("Step by step, scratch differs where scores are great.")
    assert "did not" not in " ".join(divergence(study.records, "scratch", parity[:0]).sentences)


def test_a_study_in_which_all_runs_diverged_is_rendered(tmp_path: Path) -> None:
    page = Study(tmp_path, loss=lambda run: math.inf, activation=["relu"]).page()
    assert "nothing is said of activations" in page


def test_one_seed_has_no_interval_and_says_so(tmp_path: Path) -> None:
    study = Study(tmp_path, seed=[3])
    text = study.sentences()
    assert "From 1 seed no interval is given and nothing is tested" in text
    assert "Second is tanh, 1.0 percentage points behind; not tested, for which 1 seed" in text
    page = study.page()
    assert "nan" not in Tags(page).text.lower()
    assert " ± " not in page.partition("<table")[2].partition("</table")[0]


def test_few_seeds_are_called_few(study: Study) -> None:
    text = study.sentences()
    assert "n = 3 is little: a 95 % interval then rests on 2 degrees of freedom" in text


def test_time_is_compared_with_the_first_implementation(study: Study) -> None:
    text = " ".join(timing.speed(study.data()["speed"], study.records).sentences)
    assert "0.51 s, 0.51 s of the processor (scratch) and 0.25 s, 0.26 s" in text
    assert (
        "Per epoch, concise needs 0.50 times the processor time of scratch (0.50 to 0.50, 9 pairs "
        "of runs)."
    ) in text
    assert "do not compare" not in text


def test_a_ratio_whose_range_contains_1_is_not_told(study: Study) -> None:
    for path in study.records:
        wavers = 0.1 * (study.runs[path].seed - 1) * (1 if "concise" in path else -1)
        study.alter(path, cpu_seconds_per_epoch=0.5 + wavers)
    text = " ".join(timing.speed(study.data()["speed"], study.records).sentences)
    assert "The processor time of concise is not told apart from that of scratch." in text
    assert "times the" not in text


def test_times_of_different_places_are_not_compared_in_silence(tmp_path: Path) -> None:
    study = Study(tmp_path)
    first = next(iter(study.records))
    study.alter(first, device="cuda: NVIDIA H200")
    text = study.page()
    assert "Seconds do not compare where places differ: cuda: NVIDIA H200 with 1 thread" in text
    study.alter(first, device="cpu")
    assert "do not compare" not in study.page()


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
    assert "highest for relu with layers of 16 and 8 at learning rate 0.5" in study.sentences()
    page = study.page()
    assert ">learning rate</th>" in page and "relu with layers of 16 and 8" in page
    assert 'href="runs/scratch/relu/seed=0/hidden_sizes=16x8/learning_rate=0.5/history.csv"' in page


def test_page_shows_every_item_of_the_article_and_where_things_are(study: Study) -> None:
    page = study.page()
    text = " ".join(Tags(page).text.split())
    for item in ("A1", "A2", "A3", "A4", "A5", "A6", "A7", "B2", "B10", "B11", "B12", "C2"):
        assert item in text, item
    for fact in (
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "A. Tailor",
        "c0ffee, with changes or new files",
        "Abacus",
    ):
        assert fact in text, fact
    assert "coat taken for shirt, 21 of 150 times" in text
    ui, kind = "http://127.0.0.1:5000/#/experiments/7/runs", "workflowType=machine_learning"
    assert f'href="{ui}/id0?{kind}"' in page
    # All of them, in the study's own view.
    assert f'href="{ui}?viewStateShareKey=mlplab&amp;compareRunsMode=TABLE&amp;{kind}"' in page
    assert 'href="logs/train/scratch/relu/seed=0.log"' in page
    assert "make ui" in text


def test_interrupted_runs_are_counted(study: Study) -> None:
    assert "<dt>interrupted</dt><dd>no run</dd>" in study.page()
    for path in list(study.records)[:2]:
        study.alter(path, resumed_after=[3])
    assert "<dd>2 runs, gone on with from checkpoints</dd>" in study.page()


def test_hostile_text_stays_text(study: Study) -> None:
    harmless = [tag for tag, _ in Tags(study.page()).elements]
    study.config = copy.deepcopy(study.config)
    study.config["study"] = HOSTILE
    study.config["mirrors"] = [HOSTILE]
    study.manifest = replace(study.manifest, class_names=[HOSTILE, "coat"], title=HOSTILE)
    page = study.page()
    tags = Tags(page)
    assert [tag for tag, _ in tags.elements].count("script") == harmless.count("script")
    images = [attrs for tag, attrs in tags.elements if tag == "img"]
    assert all((attrs["src"] or "").startswith("data:image/png;base64,") for attrs in images)
    assert not [tag for tag, attrs in tags.elements if "onerror" in attrs]
    assert HOSTILE in tags.text


def test_page_requests_nothing(study: Study) -> None:
    page = study.page()
    for tag, attrs in Tags(page).elements:
        assert tag not in ("iframe", "object", "embed", "base"), tag
        assert (attrs.get("src") or "data:").startswith("data:"), (tag, attrs)
        assert "srcset" not in attrs, (tag, attrs)
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
    assert names.count("figure") == names.count("figcaption")
    assert names.count("figure") == names.count("svg") + names.count("img") > names.count("img") > 0
    for tag, attrs in tags.elements:
        if tag == "svg":
            assert attrs["role"] == "img" and attrs["aria-label"]


@pytest.mark.parametrize("per", ["", "group"])
def test_a_new_figure_is_shown_in_its_section(
    study: Study, monkeypatch: pytest.MonkeyPatch, per: str
) -> None:
    words = ("What {of} loses.", "The {split} loss of {of}.")
    figure = Figure("loss", "plot_loss", "Training", *words, items="B99", per=per)
    for of in grid.by_group(study.runs):
        study.figures[figure.path(of if per else "")] = study.figures["samples"]
    figures = [*catalogue(), figure]
    monkeypatch.setattr("test_report.catalogue", lambda: figures)
    page = study.page()
    shown = ["relu", "sigmoid", "tanh"] if per else [""]
    for of in shown:
        assert f'aria-label="What {of} loses."' in page and f"The test loss of {of}." in page
    assert page.count(">B99<") == len(shown)
    section = page.partition('<section id="training"')[2].partition("</section>")[0]
    assert section.count(">B99<") == len(shown)


def test_every_published_sentence_is_in_the_table_of_findings(study: Study) -> None:
    table = findings.findings_table(study.findings())
    assert list(table.columns) == ["finding", "section", "title", "sentence"]
    text = " ".join(Tags(study.page()).text.split())
    for row in table.to_dict("records"):
        assert " ".join(row["sentence"].split()) in text
    assert {"best", "bounds", "activations", "images", "time"} <= set(table["finding"])
    told = [sentence for found in study.findings() for sentence in (*found.sentences, *found.items)]
    assert table["sentence"].tolist() == told


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


def test_formulas_are_those_of_the_activations_file(tmp_path: Path) -> None:
    relu = formulas(activations.source("relu"))
    assert relu.function == "ReLU(x) = max(x, 0)"
    assert relu.items == ("A2", "A3") and relu.summary.startswith("ReLU")
    assert relu.closed_form


def test_an_activation_without_formulas_or_derivative_is_shown_as_such(
    tmp_path: Path, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = tmp_path / "cubic.py"
    plain.write_text("def function(x):\n    return x**3\n")
    assert formulas(plain) == Formulas("cubic", "", "cubic(x)", "from autograd", False, None)
    broken = tmp_path / "broken.py"
    broken.write_text("def function(x:\n")
    assert formulas(broken).function == "broken(x)"
    assert "no derivative in closed form" not in Tags(study.page()).text
    study.activations = [plain, broken]
    study.figures |= {
        f"activations/{name}{shows}": study.figures["samples"]
        for name in ("cubic", "broken")
        for shows in ("", ".gradient")
    }
    data = study.data()
    monkeypatch.setattr(study, "data", lambda: data)
    path, record = next(iter(study.records.items()))
    study.records[path] = replace(record, run=replace(record.run, activation="cubic"))
    text = Tags(study.page()).text
    assert text.count("gives no derivative in closed form") == 1
    assert text.count("No run was trained with it") == 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.02374, "0.024"), (12.3, "12"), (3.24e-7, "3.2 × 10⁻⁷"), (0, "0"), (math.nan, "—"),
     (1.8e308, "—"), (-0.5, "−0.50")],
)  # fmt: skip
def test_rounded(value: float, expected: str) -> None:
    assert wording.rounded(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.25, "0.25"), (1.0, "1"), (0.00123, "0.0012"), (1.5e-5, "< 0.0001"), (0.0, "< 0.0001"),
     (math.nan, "—")],
)  # fmt: skip
def test_p_values_are_never_zero(value: float, expected: str) -> None:
    assert wording.p_value(value) == expected


def test_shares_and_differences_in_words() -> None:
    assert wording.percent(0.1234) == "12.3 %" and wording.percent(None) == "—"
    assert wording.points(0.012) == "+1.2" and wording.points(-0.00035) == "−0.035"
    assert wording.points(0.0) == "0" and wording.points(math.nan) == "—"


def differing(name: str, activation: str) -> list[dict[str, Any]]:
    """The parity rows of an implementation whose gradient has the wrong sign."""
    wrong = {"verdict": "differs", "difference": 2.0, "detail": "the sign is the opposite"}
    return [
        parity_row(name, activation, quantity="logits", of=""),
        parity_row(name, activation, quantity="gradient of a smaller batch", of="W2", **wrong),
        parity_row(name, activation, quantity="parameters", of="b1", step=10, **wrong),
    ]


def failing(name: str, activation: str) -> dict[str, Any]:
    """The parity row of an implementation that breaks the interface."""
    nothing = {"difference": math.nan, "tolerance": math.nan, "dtype": "", "of": "", "step": 0}
    values = {"quantity": "interface", "verdict": "fails", "detail": MESSAGE, **nothing}
    return parity_row(name, activation, **values)


def test_parity_of_implementations_that_agree(study: Study) -> None:
    study.parity[0]["difference"] = 4.2e-14
    study.parity.insert(0, parity_row("scratch", "relu", quantity="logits", of=""))
    matrix = parity.matrix(pd.DataFrame(study.parity))
    assert matrix.reference == "concise" and not matrix.wrong
    cell = matrix.rows["scratch"][0]
    assert cell is not None and (cell.verdict, cell.greatest) == ("agrees", "4.2 × 10⁻¹⁴")
    assert cell.lines[0] == (
        "Greatest difference in float64: 4.2 × 10⁻¹⁴, in the gradient of W1 (allowed there: "
        "1 × 10⁻¹²)."
    )
    assert cell.lines[1].startswith("Greatest difference in float32: 3.0 × 10⁻¹⁶")
    assert "3 values compared, network 784-256-10" in cell.lines[2]
    assert (
        "scratch agrees with concise, the reference: in float64 it differs by at most 4.2 × 10⁻¹⁴"
    ) in study.sentences()
    page = study.page()
    assert page.count('class="agrees"') == 3 and page.count(">reference</td>") == 3
    assert '<th scope="row">concise<small>the reference</small></th>' in page
    assert '<th scope="row">scratch</th>' in page


def test_parity_says_what_differs_first(study: Study) -> None:
    kept = [row for row in study.parity if row["implementation"] != "scratch"]
    study.parity = [
        *differing("scratch", "relu"),
        parity_row("scratch", "sigmoid"),
        failing("scratch", "tanh"),
        *kept,
    ]
    matrix = parity.matrix(pd.DataFrame(study.parity))
    differs, agrees, fails = matrix.rows["scratch"]
    assert differs is not None and agrees is not None and fails is not None
    verdicts = [cell.verdict for cell in (differs, agrees, fails)]
    assert verdicts == ["differs", "agrees", "fails"] and matrix.wrong
    assert differs.lines[:2] == [
        "First to differ: the gradient of W2 on a smaller batch, network 784-256-10, float64: the "
        "sign is the opposite (relative difference 2.0, allowed 1 × 10⁻¹²).",
        "Then also: the parameters (b1).",
    ]
    assert fails.lines == [MESSAGE]
    text = study.sentences()
    assert (
        "Step by step, scratch differs from concise, the reference, with relu, first in the "
        "gradient of W2 on a smaller batch: the sign is the opposite, and breaks down with tanh. "
        "scratch is left out of all that is said of activations, settings and networks."
    ) in text
    # It comes before everything.
    page = study.page()
    assert '<h1 id="answer-title">scratch is wrong</h1>' in page
    first = page.partition('<p class="trouble">')[2]
    assert first.startswith("Step by step, scratch differs from concise")
    assert study.findings()[0].key == "wrong"
    page = study.page()
    assert page.count('class="differs"') == page.count('class="fails"') == 1
    assert "&lt;b&gt;sorry&lt;/b&gt;" in page and "<b>sorry" not in page


def test_where_the_reference_fails_the_others_are_not_blamed(study: Study) -> None:
    study.parity = [
        row for row in study.parity if row["activation"] == "relu"
    ] + [failing(name, "tanh") for name in ("scratch", "concise")]  # fmt: skip
    text = study.sentences()
    assert "scratch agrees with concise" in text and "breaks down" not in text


def test_a_pair_that_was_not_compared_has_no_verdict(study: Study) -> None:
    study.parity = [
        row
        for row in study.parity
        if (row["implementation"], row["activation"]) != ("scratch", "tanh")
    ]
    page = study.page()
    assert ">not compared</td>" in page and page.count('class="agrees"') == 2


def sloppy(run: grid.Run) -> str:
    """The implementation `concise` is broken."""
    return MESSAGE if run.implementation == "concise" else ""


@pytest.mark.slow
def test_failed_runs_are_told_with_each_message_once(tmp_path: Path) -> None:
    study = Study(tmp_path, error=sloppy)
    found = next(found for found in study.findings() if found.title == "Failures")
    assert found.headline == "9 of 18 runs failed, since concise broke down."
    assert found.items == [f"concise with relu, sigmoid and tanh (9 runs): {MESSAGE}"]
    text = study.sentences()
    # What did run is compared all the same.
    assert "highest for relu, 0.9000" in text
    assert "All 9 runs that did not fail meet the article’s bounds" in text
    said, named = compared_of(study, "implementation")
    assert said == [
        "Of 3 pairs that differ in their implementation alone, 3 had no seed that both finished."
    ]
    assert named == []
    assert compared_of(study, "activation")[0][0].startswith("Of 3 pairs that differ in their act")
    page = study.page()
    tags = Tags(page)
    assert found.headline in " ".join(tags.text.split())
    assert page.count('<td data-key="failed"') + page.count("<td>failed</td>") == 9
    assert "nan" not in tags.text.lower() and ">None<" not in page
    assert "All of its runs failed: plugins/sloppy.py:7" in tags.text
    classes = page.partition('<section id="classes"')[2].partition("</section>")[0]
    assert classes.count("0.750") == 3 and classes.count(wording.NOTHING) == 6


@pytest.mark.parametrize(
    ("broken", "suspects"),
    [
        (lambda run: run.activation == "tanh", "tanh"),
        (lambda run: run.activation == "tanh" or run.implementation == "scratch",
         "scratch and tanh"),
        (lambda run: run.cell == "scratch/relu", "scratch with relu"),
    ],
)  # fmt: skip
def test_the_suspect_is_what_failed_throughout(
    tmp_path: Path, broken: Callable[[grid.Run], bool], suspects: str
) -> None:
    study = Study(tmp_path, error=lambda run: MESSAGE if broken(run) else "")
    assert f"failed, since {suspects} broke down." in study.sentences()


def test_a_study_in_which_all_runs_failed_is_rendered(tmp_path: Path) -> None:
    study = Study(tmp_path, error=lambda run: MESSAGE, activation=["relu"])
    study.parity = [failing(name, "relu") for name in ("scratch", "concise")]
    text = Tags(study.page()).text
    assert "6 of 6 runs failed" in text and "nothing is said of activations" in text
    assert "nan" not in text.lower()


@pytest.mark.slow
def test_a_selection_says_what_won_and_that_the_test_set_was_read_once(tmp_path: Path) -> None:
    config = {"selection": True, "training": {"validation_size": 100}}
    study = Study(tmp_path, config=config, learning_rate=[0.1, 0.5])
    study.selection = {
        "criterion": "validation_accuracy",
        "combinations": 12,
        "implementation": "scratch",
        "activation": "relu",
        "point": {"learning_rate": "0.5"},
        "validation_accuracy_mean": 0.9,
        "runner_up_mean": 0.89,
        "test_accuracy_mean": 0.87654,
        "test_accuracy_low": 0.8642,
        "test_accuracy_high": 0.8888,
        "runs": [{"test_accuracy": value} for value in (0.87, 0.88, 0.89)],
        "readings": 1,
        "winners_read": 1,
    }
    found = study.findings()[0]
    assert found.headline == (
        "Of 12 combinations, scratch with relu at learning rate 0.5 has the highest mean "
        "validation accuracy, 0.9000 (the runner-up has 0.8900; not tested); on the test set, "
        "read once, for it, its accuracy is 0.8765 (95 % interval 0.8642 to 0.8888, over 3 seeds)."
    )
    # The answer names one winner.
    assert not any(other.headline.startswith("At these") for other in study.findings())
    text = " ".join(Tags(study.page()).text.split())
    assert "scratch with relu at learning rate 0.5 was selected among 12 combinations" in text
    assert "0.8765 Test accuracy of scratch with relu at learning rate 0.5" in text
    assert "95 % interval 0.8642 to 0.8888, n = 3 seeds Selected on validation images" in text
    assert "(1,100 training, 100 validation and 100 test images)" in text
    assert "the mean validation accuracy over the last 3 epochs is highest for relu" in text
    assert "the test set was read for the winner only, so far 1 time" in text
    study.selection |= {"readings": 2}
    assert "read 2 times, each time for it" in study.findings()[0].headline
    assert "its test accuracy does not" in study.sentences()
    study.selection |= {"readings": 3, "winners_read": 2}
    assert "read 3 times, for 2 different winners" in study.findings()[0].headline
    assert "its test accuracy does not" not in study.sentences()
    assert "test accuracy of every run" not in text.lower()
    assert "mean test accuracy" not in text.lower() and "first six test images" not in text
    assert "the last 100 images of the training set, held out" in text
    assert 'href="selection.json"' in study.page()


def networks_of(study: Study) -> dict[tuple[str, int], Any]:
    """The rows of the table of networks, by activation and depth."""
    rows = study.data()["networks"].itertuples()
    return {(row.activation, row.hidden_layers): row for row in rows}


def test_with_one_hidden_layer_nothing_vanishes(tmp_path: Path) -> None:
    text = Study(tmp_path, activation=["relu", "sigmoid"], seed=[0]).sentences()
    assert "it vanishes" not in text and "multiple of the last layer" not in text
    assert "without a slope on any image of the training set: 50.0 % of hidden units" in text


def test_a_wrong_network_says_nothing_of_activations(tmp_path: Path) -> None:
    def guessing(run: grid.Run) -> float:
        return 0.1 if run.implementation == "scratch" else wavy(run)

    study = Study(
        tmp_path,
        guessing,
        lambda run: 2.0 if run.implementation == "scratch" else 0.4,
        images=10_000,
    )
    study.parity = [
        row for name in ("relu", "sigmoid", "tanh") for row in differing("scratch", name)
    ] + [row for row in study.parity if row["implementation"] != "scratch"]
    data = study.data()
    assert set(data["groups"]["implementation"]) == {"concise"}
    assert set(data["comparisons"].query("kind == 'activation'")["within"]) == {"concise"}
    assert data["groups"]["mean"].min() > 0.75 and set(data["networks"]["runs"]) == {3}
    assert study.findings()[0].key == "wrong"
    text = study.sentences()
    assert "All 9 runs meet the article’s bounds" in text and "miss" not in text
    mended = [row for row in study.parity if row["verdict"] == "agrees"]
    study.parity = [parity_row("scratch", name) for name in ("relu", "sigmoid", "tanh")] + mended
    assert set(study.data()["groups"]["implementation"]) == {"scratch"}


def test_the_vanishing_gradient_is_one_number(tmp_path: Path) -> None:
    study = Study(
        tmp_path, activation=["relu", "sigmoid"], hidden_sizes=[[8], [8, 8, 8]], seed=[0, 1]
    )
    for record in study.records.values():
        if record.run.activation == "sigmoid":
            # Geometric mean of 1 and 1/100 over the seeds.
            for row in record.diagnostics:
                if row["of"] == "W1":
                    row["value"] = 1.0 if record.run.seed else 0.01
    networks = networks_of(study)
    assert set(networks) == {(name, depth) for name in ("relu", "sigmoid") for depth in (1, 3)}
    assert networks["sigmoid", 3].gradient_ratio_before == pytest.approx(0.1)
    deep = networks["relu", 3]
    assert deep.gradient_ratio_before == deep.gradient_ratio_after == pytest.approx(0.25)
    assert networks["relu", 1].dead_at_end == 0.5 and networks["sigmoid", 1].dead_at_end == 0.0
    assert networks["relu", 1].runs == 4
    text = study.sentences()
    assert "with 3 hidden layers" in text and "0.10 (sigmoid) and 0.25 (relu)" in text
    assert "Dead at the end" in text and "50.0 % of hidden units with relu." in text
    assert "12.5 % of values with sigmoid." in text
    assert "Inside the networks" in Tags(study.page()).text


def test_gradients_that_are_zero_or_not_finite_are_no_crash(tmp_path: Path) -> None:
    study = Study(tmp_path, activation=["tanh", "relu"], seed=[0], hidden_sizes=[[8, 8]])
    for record in study.records.values():
        for row in record.diagnostics:
            if row["of"] == "W1":
                row["value"] = 0.0 if record.run.activation == "tanh" else math.nan
    vanished, unknown = networks_of(study).values()
    assert vanished.gradient_ratio_before == 0.0 and math.isnan(unknown.gradient_ratio_before)
    assert "multiple of the last layer’s: 0 (tanh)." in study.sentences()


def test_of_many_groups_the_best_and_those_in_trouble_are_shown(tmp_path: Path) -> None:
    rates = [round(0.01 * n, 2) for n in range(1, 31)]

    def accuracy(run: grid.Run) -> float:
        return round(0.5 + run.settings["learning_rate"], 2)

    study = Study(
        tmp_path,
        accuracy,
        loss=lambda run: math.inf if run.settings["learning_rate"] == 0.02 else 0.4,
        implementation=["scratch"],
        activation=["relu"],
        seed=[0],
        learning_rate=rates,
    )
    groups = shortlist.groups(study.config, study.records, study.data())
    inline, linked = shortlist.choose(groups)
    assert len(inline) == 24 and len(linked) == 6
    assert inline[0].path == "relu/learning_rate=0.3"
    assert inline[-1].path == "relu/learning_rate=0.02" and inline[-1].trouble == "1 run diverged"
    page = study.page()
    assert page.count('href="figures/curves/relu/learning_rate=0.01.svg"') == 1
    assert page.count('href="figures/confusion/scratch/relu/learning_rate=0.01.svg"') == 1
    assert "Of 30, 24 are here: the most accurate first, then some with runs" in Tags(page).text
    # 24 curves, 48 of cells, 2 of the activation, and the overview's eight.
    assert page.count("<svg") == 24 + 48 + 2 + 8
    # Results, details, ranking, classes, runs, and of the rates' pairs two.
    assert page.count('class="sortable" data-filter') == 7


def test_a_small_study_shows_everything_and_no_filter(study: Study) -> None:
    page = study.page()
    assert "as files</summary>" not in page and 'class="sortable" data-filter' not in page
    assert "are here" not in Tags(page).text


def large(folder: Path, seeds: int) -> Study:
    """100 runs and 50 groups for each seed."""
    rates = [round(0.01 * n, 2) for n in range(1, 26)]
    return Study(
        folder,
        accuracy=lambda run: 0.8,
        activation=["relu", "tanh"],
        learning_rate=rates,
        seed=list(range(seeds)),
    )


@pytest.mark.slow
def test_a_thousand_runs_are_a_page_of_less_than_five_megabytes(tmp_path: Path) -> None:
    study = large(tmp_path, 10)
    assert len(study.runs) == 1000
    cell = images.Cell(
        np.add.outer(np.arange(6), np.arange(784).reshape(28, 28) % 251),
        ["coat"] * 6,
        "abcdef",
        np.full((10, 10), 9),
        ["ankle boot"] * 10,
    )
    drawn = {
        "curves": runs.curves(*curves_of(dict.fromkeys("abcd", list(study.records.values())[:3]))),
        "confusion": images.confusion(cell),
        "predictions": images.predictions(cell),
    }
    for name, figure in drawn.items():
        canvas.save(figure, tmp_path / f"{name}.svg")
    for key in study.figures:
        kind = key.partition("/")[0]
        study.figures[key] = tmp_path / f"{kind if kind in drawn else 'curves'}.svg"
    page = study.page()
    assert len(page.encode()) < 5_000_000
    assert page.count('href="runs/') == 1000
    assert "Every dot is one run’s median over its epochs; evaluation" in page


@pytest.mark.slow
def test_more_runs_are_a_file_only(tmp_path: Path) -> None:
    study = large(tmp_path, 11)
    page = study.page()
    assert 'href="runs/' not in page
    assert "All 1,100 rows, too many for this page, are in" in " ".join(Tags(page).text.split())
    assert 'href="tables/runs.csv"' in page
    # The figures may show a range where dots would run into each other.
    assert page.count("every line their range, thick over the middle half") == 2


def test_every_section_is_in_the_contents(study: Study) -> None:
    page = study.page()
    contents = page.partition("<nav")[2].partition("</nav>")[0]
    sections = re.findall(r'<section id="([a-z]+)"', page)
    assert sections == re.findall(r'<li><a href="#([a-z]+)"', contents)
    assert {"parity", "comparisons", "inside"} <= set(sections)


def test_dark_colours_have_a_lighter_one_for_the_dark(tmp_path: Path) -> None:
    path = tmp_path / "picture.svg"
    path.write_text(SVG.replace("#000000", "#440154"))
    markup = svg.inline(path, "p-", "label")
    assert "stroke: #440154; stroke: light-dark(#440154, #ab8db2)" in markup
    # Grey belongs to words that stand on a figure's own ground.
    assert "fill: #222222" in markup and "light-dark(#222222" not in markup


def test_inline_svg_is_slim(tmp_path: Path) -> None:
    path = tmp_path / "picture.svg"
    group = '<g id="a">\n <g>\n  <path d="M 1.23456 -0.001 \nL 7 8.999999"/>\n </g>\n</g>'
    path.write_text(SVG.replace("<clipPath", f"{group}<clipPath"))
    markup = svg.inline(path, "p-", "label")
    assert '<path d="M 1.23 0 L 7 9"' in markup and "\n" not in markup and "<g></g>" not in markup
