"""What holds for every input: paths of a grid, configurations, statistics, figures in a page.

The same inputs every time; `pytest --hypothesis-profile=search tests/unit/test_properties.py` looks
for others.
"""

import json
import math
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mlplab import activations, implementations
from mlplab.analysis import statistics
from mlplab.analysis.means import Means
from mlplab.config.resolve import resolve
from mlplab.report import svg
from mlplab.study import grid

# Settings as a configuration may have them, those of a network and those of a training.
NETWORK = {
    "hidden_sizes": st.lists(st.integers(1, 10_000), min_size=1, max_size=8),
    "weight_std": st.floats(0, 1e300),
    "bias_init": st.sampled_from(["zeros", "framework"]),
}
TRAINING = {
    "epochs": st.integers(1, 10**6),
    "batch_size": st.integers(1, 10**6),
    "learning_rate": st.floats(0, 1e300, exclude_min=True),
    "validation_size": st.integers(1, 1_000),
}
DEFAULTS = resolve({"study": "test"})
# To resolve a configuration takes long: fewer examples do, and what fails is not made smaller.
FEW = settings(max_examples=settings().max_examples // 3, phases=(Phase.explicit, Phase.generate))


def axis(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=1, max_size=3, unique_by=str)


GRIDS = st.fixed_dictionaries(
    {},
    optional={
        "implementation": axis(st.sampled_from(implementations.names())),
        "activation": axis(st.sampled_from(activations.names())),
        "seed": axis(st.integers(0, 2**32 - 1)),
        **{name: axis(values) for name, values in (NETWORK | TRAINING).items()},
    },
)
CONFIGS = st.fixed_dictionaries(
    {
        "study": st.from_regex(r"\A[a-z0-9]{1,20}\Z").filter(
            lambda name: name not in ("data", "mlflow")
        )
    },
    optional={
        "dataset": st.sampled_from(["digits", "fashion_mnist"]),
        "reference": st.sampled_from(implementations.names()),
        "grid": GRIDS,
        "network": st.fixed_dictionaries({}, optional=NETWORK),
        "training": st.fixed_dictionaries({}, optional=TRAINING),
        "device": st.sampled_from(["auto", "cpu", "cuda"]),
        "checkpoint_epochs": st.integers(0, 100),
        "comparisons": st.fixed_dictionaries(
            {"equivalence_margin": st.floats(0, 1, exclude_min=True)}
        ),
        "tracking": st.fixed_dictionaries({"wait_seconds": st.floats(0, 1e6)}),
        "mirrors": st.lists(st.text("abc/ é:'\"#-", min_size=1), max_size=2, unique=True),
    },
)


def with_grid(axes: dict[str, list[Any]]) -> dict[str, Any]:
    return {**DEFAULTS, "grid": {**DEFAULTS["grid"], **axes}}


@given(GRIDS)
def test_distinct_runs_have_distinct_paths(axes: dict[str, list[Any]]) -> None:
    config = with_grid(axes)
    runs = grid.runs(config)
    assert len(runs) == math.prod(map(len, config["grid"].values()))
    # In a file system that takes Relu and relu for one, too.
    assert len({path.lower() for path in runs}) == len(runs)


@given(GRIDS)
def test_a_path_is_safe_and_names_its_run(axes: dict[str, list[Any]]) -> None:
    for path, run in grid.runs(with_grid(axes)).items():
        assert re.fullmatch(r"[A-Za-z0-9_.+=/-]+", path)
        pure = PurePosixPath(path)
        assert str(pure) == path and not pure.is_absolute()
        assert all(part.strip(".") and len(part) < 256 for part in pure.parts)
        implementation, activation, *pairs = pure.parts
        assert (implementation, activation) == (run.implementation, run.activation)
        named = dict(pair.split("=", 1) for pair in pairs)
        assert list(named) == ["seed", *run.axes]
        assert int(named.pop("seed")) == run.seed
        for name, text in named.items():
            value = run.settings[name]
            parse: Callable[[str], Any] = type(value)
            if isinstance(value, list):
                assert [int(size) for size in text.split("x")] == value
            else:
                assert parse(text) == value


@FEW
@given(CONFIGS)
def test_a_saved_configuration_is_read_back_as_it_was(config: dict[str, Any]) -> None:
    resolved = resolve(config)
    saved = yaml.safe_dump(resolved, sort_keys=False)
    again = resolve(yaml.safe_load(saved))
    # As JSON, which tells 1 from 1.0 and keeps the order.
    assert json.dumps(again) == json.dumps(resolved)


@FEW
@given(CONFIGS)
def test_resolving_keeps_what_was_said_and_changes_no_argument(config: dict[str, Any]) -> None:
    before = json.dumps(config)
    resolved = resolve(config)
    assert json.dumps(config) == before
    for key, value in config.items():
        if isinstance(value, dict):
            assert {name: resolved[key][name] for name in value} == value
        else:
            assert resolved[key] == value


# Differences of accuracies in thousandths: exact, so that ties are ties on every scale.
DIFFERENCES = st.lists(st.integers(-1000, 1000), min_size=2, max_size=12).map(
    lambda values: np.array(values) / 1000
)
SCALES = st.sampled_from([1e-9, 0.01, 0.3, 7.0, 1e6])


def numbers(*values: float) -> Any:
    return pytest.approx(values, rel=1e-6, abs=1e-12, nan_ok=True)


def interval(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean and bounds."""
    means = Means.of([values])
    (low,), (high,) = means.interval()
    return float(means.mean[0]), float(low), float(high)


@given(DIFFERENCES, SCALES)
def test_the_unit_of_differences_does_not_matter(values: NDArray[np.float64], scale: float) -> None:
    assert tuple(bound / scale for bound in interval(values * scale)) == numbers(*interval(values))
    here, there = Means.of([values]), Means.of([values * scale])
    assert (there.p_within(0.1 * scale)[0],) == numbers(here.p_within(0.1)[0])


@given(DIFFERENCES, st.integers(-1000, 1000))
def test_an_interval_moves_with_its_differences(
    values: NDArray[np.float64], thousandths: int
) -> None:
    assume(np.ptp(values) > 0)
    shift = thousandths / 1000
    moved = tuple(bound - shift for bound in interval(values + shift))
    assert moved == numbers(*interval(values))


@given(DIFFERENCES)
def test_swapped_sides_turn_signs_and_nothing_else(values: NDArray[np.float64]) -> None:
    mean, low, high = interval(values)
    assert interval(-values) == numbers(-mean, -high, -low)
    here, there = Means.of([values]), Means.of([-values])
    assert (there.p_other(0.0)[0],) == numbers(here.p_other(0.0)[0])
    assert (there.p_within(0.1)[0],) == numbers(here.p_within(0.1)[0])
    first, second = statistics.win_share(values), statistics.win_share(-values)
    assert (second.share, second.low, second.high) == numbers(
        1 - first.share, 1 - first.high, 1 - first.low
    )
    assert (statistics.hedges_g_z(-values),) == numbers(-statistics.hedges_g_z(values))


@given(DIFFERENCES, st.randoms(use_true_random=False))
def test_the_order_of_pairs_does_not_matter(values: NDArray[np.float64], random: Any) -> None:
    order = list(range(len(values)))
    random.shuffle(order)
    assert interval(values[order]) == numbers(*interval(values))
    here, there = Means.of([values]), Means.of([values[order]])
    assert (there.p_other(0.0)[0],) == numbers(here.p_other(0.0)[0])
    assert statistics.win_share(values[order]) == statistics.win_share(values)


@given(DIFFERENCES, st.floats(0.001, 1))
def test_an_interval_lies_around_its_mean_and_excludes_what_is_told_apart(
    values: NDArray[np.float64], images: float
) -> None:
    means = Means.of([values], images)
    (low,), (high,), (p,) = *means.interval(), means.p_other(0.0)
    if not np.isnan(p):
        assert low <= values.mean() <= high
        assert (p < 0.05) == (low > 0 or high < 0) or abs(p - 0.05) < 1e-6


@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemar_takes_both_networks_alike(first: int, second: int) -> None:
    p = statistics.mcnemar_test(first, second).p
    assert p == statistics.mcnemar_test(second, first).p
    assert 0 < p <= 1


@given(st.integers(1, 10**6), st.integers(0, 10**6))
def test_an_interval_of_successes_mirrors_that_of_failures(trials: int, successes: int) -> None:
    assume(successes <= trials)
    of_successes = statistics.wilson_interval(successes, trials)
    of_failures = statistics.wilson_interval(trials - successes, trials)
    assert (1 - of_failures.high, 1 - of_failures.low) == numbers(
        of_successes.low, of_successes.high
    )
    assert 0 <= of_successes.low <= successes / trials <= of_successes.high <= 1


@given(
    st.lists(st.floats(0, 1) | st.just(math.nan), max_size=12), st.randoms(use_true_random=False)
)
def test_holm_is_the_same_in_every_order_and_lowers_no_p(values: list[float], random: Any) -> None:
    order = list(range(len(values)))
    random.shuffle(order)
    adjusted = statistics.holm(values)
    assert tuple(statistics.holm([values[index] for index in order])) == numbers(*adjusted[order])
    kept = ~np.isnan(values)
    assert np.isnan(adjusted).tolist() == (~kept).tolist()
    assert ((adjusted >= np.array(values))[kept] & (adjusted <= 1)[kept]).all()


# What XML can hold; it reads a carriage return as a new line.
WORDS = st.text(
    st.characters(
        exclude_categories=["Cs", "Cc"],
        include_characters="\n\t",
        exclude_characters="\ufffe\uffff",
    )
)
TEXTS = WORDS | WORDS.map(" {} ".format)
NAMES = st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_.-]{0,8}\Z")
NAMESPACE = "http://www.w3.org/2000/svg"


class Page(HTMLParser):
    """The words, labels, ids and references of a piece of HTML, as a browser reads them."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.words = ""
        self.found: dict[str, list[str]] = {"aria-label": [], "id": [], "reference": []}
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in self.found:
                self.found[name].append(value or "")
            else:
                self.found["reference"] += re.findall(r"^#(.+)|url\(#(.+)\)", value or "")

    def handle_data(self, data: str) -> None:
        self.words += data


def figure(words: str = "", names: list[str] | None = None) -> ElementTree.Element:
    """A figure with words, with parts of these names, and with a reference to every second one."""
    root = ElementTree.Element(f"{{{NAMESPACE}}}svg", {"viewBox": "0 0 9 9"})
    ElementTree.SubElement(root, f"{{{NAMESPACE}}}text").text = words
    for index, name in enumerate(names or []):
        ElementTree.SubElement(root, f"{{{NAMESPACE}}}path", {"id": name, "d": "M 0 0"})
        if index % 2 == 0:
            reference = {"href": f"#{name}"} if index % 4 else {"clip-path": f"url(#{name})"}
            ElementTree.SubElement(root, f"{{{NAMESPACE}}}use", reference)
    return root


def embedded(root: ElementTree.Element, folder: Path, prefix: str, label: str = "") -> str:
    path = folder / "figure.svg"
    path.write_bytes(ElementTree.tostring(root, encoding="utf-8"))
    return svg.inline(path, prefix, label)


@given(words=TEXTS, label=TEXTS)
def test_any_title_survives_in_a_page(
    tmp_path_factory: pytest.TempPathFactory, words: str, label: str
) -> None:
    page = Page(embedded(figure(words), tmp_path_factory.getbasetemp(), "p1-", label))
    assert page.words == words
    assert page.found["aria-label"] == [label]


@given(
    first=st.lists(NAMES, max_size=8, unique=True), second=st.lists(NAMES, max_size=8, unique=True)
)
def test_ids_of_two_figures_do_not_collide(
    tmp_path_factory: pytest.TempPathFactory, first: list[str], second: list[str]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    ids: list[str] = []
    for prefix, names in (("p1-", first), ("p11-", second)):
        page = Page(embedded(figure(names=names), folder, prefix))
        referred = ["".join(found) for found in page.found["reference"]]
        assert page.found["id"] == referred == [f"{prefix}{name}" for name in names[::2]]
        ids += page.found["id"]
    assert len(set(ids)) == len(ids)
