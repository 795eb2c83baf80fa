"""Images to look at, accuracy on each class, weights as pictures: against other computations."""

import io
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy import special, stats

from mlplab.analysis import examples
from mlplab.analysis.classes import class_accuracies_table
from mlplab.analysis.diagnostics import diagnostics_table, histograms_table, silent_units
from mlplab.analysis.examples import Looked, chosen, examples_table
from mlplab.analysis.images import Correct
from mlplab.figures import diagnostics as drawing
from mlplab.figures import sprites
from mlplab.study.predictions import Predictions

NAMES = ["shirt", "coat", "bag"]


def looked(run: str, seed: int, count: int = 60, first: int = 0) -> Looked:
    """A network with logits at random for images that have the same labels for every seed."""
    labels = (first + np.arange(count)) * 7 % 11 % 3
    logits = np.random.default_rng(seed).normal(size=(count, 3)) + 2 * (labels[:, None] == range(3))
    return Looked(run, Predictions(labels, logits.astype(np.float32)), first)


def told(one: Looked) -> list[tuple[int, int, int, NDArray[np.float64]]]:
    """Number, label, predicted class and probabilities of each image, with SciPy's softmax."""
    softmax = special.softmax(one.predictions.logits.astype(np.float64), axis=1)
    rows = zip(one.predictions.labels.tolist(), one.predictions.logits, softmax, strict=True)
    return [
        (one.first + n, label, max(range(3), key=lambda c: logits[c]), p)
        for n, (label, logits, p) in enumerate(rows)
    ]


def of(table: pd.DataFrame, **values: Any) -> list[dict[str, Any]]:
    """The rows with these values, in order."""
    for name, value in values.items():
        table = table[table[name] == value]
    return table.to_dict("records")  # type: ignore[return-value]


def test_each_image_is_in_its_cell_the_most_surely_told_first() -> None:
    one = looked("scratch/relu/seed=0", 1)
    table, _ = examples_table([one], NAMES, pixels=4)
    cells = 0
    for true in range(3):
        for predicted in range(3):
            expected = [each for each in told(one) if each[1:3] == (true, predicted)]
            expected.sort(key=lambda each: -each[3][predicted])
            most = 4 if true == predicted else 8
            rows = of(table, kind="confusion", true=NAMES[true], predicted=NAMES[predicted])
            assert [row["image"] for row in rows] == [each[0] for each in expected[:most]]
            assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
            assert {row["of"] for row in rows} <= {len(expected)}
            assert [row["p"] for row in rows] == pytest.approx(
                [e[3][predicted] for e in expected[:most]]
            )
            assert [row["p_true"] for row in rows] == pytest.approx(
                [e[3][true] for e in expected[:most]]
            )
            cells += bool(rows)
    assert cells > 6


def test_the_most_surely_wrong_come_first() -> None:
    one = looked("scratch/relu/seed=0", 2, count=200)
    table, _ = examples_table([one], NAMES, pixels=4)
    wrong = [each for each in told(one) if each[1] != each[2]]
    wrong.sort(key=lambda each: -each[3].max())
    rows = of(table, kind="wrong")
    assert [row["image"] for row in rows] == [each[0] for each in wrong[:24]]
    assert {row["of"] for row in rows} == {len(wrong)} and len(wrong) > 24


def test_networks_disagree_on_the_images_that_both_have_seen() -> None:
    # One has 60 images held out, from number 40 on, the other 30, from number 70.
    one, other = looked("scratch/relu/seed=0", 3, 60, 40), looked("scratch/tanh/seed=0", 4, 30, 70)
    table, _ = examples_table([one, other], NAMES, pixels=4)
    others = {each[0]: each for each in told(other)}
    differ = [
        (each, others[each[0]])
        for each in told(one)
        if each[0] in others and each[2] != others[each[0]][2]
    ]
    differ.sort(key=lambda pair: -min(pair[0][3].max(), pair[1][3].max()))
    rows = of(table, kind="disagreement")
    assert [row["image"] for row in rows] == [a[0] for a, _ in differ[:16]] and len(differ) > 5
    for row, (a, b) in zip(rows, differ, strict=False):
        assert (row["run"], row["other"]) == (one.run, other.run) and row["of"] == len(differ)
        assert (row["predicted"], row["other_predicted"]) == (NAMES[a[2]], NAMES[b[2]])
        assert (row["p"], row["other_p"]) == pytest.approx((a[3].max(), b[3].max()))


def test_of_many_images_the_heads_of_all_lists_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [looked("scratch/relu/seed=0", 1, 300), looked("scratch/tanh/seed=0", 2, 300)]
    full, _ = examples_table(both, NAMES, pixels=4)
    monkeypatch.setattr(examples, "PIXELS_AT_MOST", 4 * 70)
    table, kept = examples_table(both, NAMES, pixels=4)
    assert len(kept) == 70 and sorted(set(table["tile"])) == list(range(70))
    assert [kept[tile] for tile in table["tile"]] == table["image"].tolist()
    lists = ["kind", "run", "other", "true", "predicted"]
    cells = table[table["kind"] == "confusion"].groupby(lists[1:2] + lists[3:])["rank"]
    # Ranks have no gap, and what could not be kept is the tail alone.
    assert all(sorted(ranks) == list(range(1, len(ranks) + 1)) for _, ranks in cells)
    heads = full[full["kind"] == "confusion"].merge(table, on=[*lists, "rank", "image"])
    assert len(heads) == (table["kind"] == "confusion").sum() < (full["kind"] == "confusion").sum()
    # One image always finds room.
    _, single = examples_table(both, NAMES, pixels=10**9)
    assert len(single) == 1


def test_without_networks_there_is_nothing() -> None:
    table, kept = examples_table([], NAMES, pixels=4)
    assert table.empty and list(table) == examples.EXAMPLES and kept == []


def runs_of(**status: str) -> pd.DataFrame:
    """Runs of two implementations, seeds and learning rates; all finished but those named."""
    rows = [
        {"run": run, "implementation": implementation, "activation": activation,
         "status": status.get(f"{activation}_{seed}_{rate}", "finished")}
        for implementation in ("wrong", "scratch")
        for activation in ("relu", "tanh")
        for seed in (0, 1)
        for rate in (1, 2)
        for run in [f"{implementation}/{activation}/seed={seed}/rate={rate}"]
    ]  # fmt: skip
    return pd.DataFrame(rows)


def groups_of(**means: float) -> pd.DataFrame:
    rows = [(name.replace("_", "/rate="), mean) for name, mean in means.items()]
    return pd.DataFrame(rows, columns=["group", "mean"])


MEANS = groups_of(relu_1=0.7, relu_2=0.8, tanh_1=0.9, tanh_2=math.nan)


def test_one_network_of_each_activation_is_chosen_at_its_best() -> None:
    found = chosen(runs_of(), MEANS, "scratch")
    assert found == ["scratch/relu/seed=0/rate=2", "scratch/tanh/seed=0/rate=1"]
    assert chosen(runs_of(), MEANS, "scratch", most=1) == ["scratch/tanh/seed=0/rate=1"]


def test_a_run_that_did_not_finish_is_not_looked_at() -> None:
    found = chosen(runs_of(relu_0_2="diverged", tanh_0_1="failed"), MEANS, "scratch")
    assert found == ["scratch/relu/seed=1/rate=2", "scratch/tanh/seed=1/rate=1"]
    broken = {f"relu_{seed}_{rate}": "failed" for seed in (0, 1) for rate in (1, 2)}
    assert chosen(runs_of(**broken), MEANS, "scratch") == ["scratch/tanh/seed=0/rate=1"]
    assert chosen(runs_of(), MEANS, "") == []


def accuracies(counts: dict[str, list[int]], images: tuple[int, int]) -> pd.DataFrame:
    """The table where runs of seeds 0, 1 … get so many of the images of two classes right."""
    labels, correct, rows = np.repeat([0, 1], images), Correct(), []
    seeds = len(counts["first"])
    for seed in range(seeds):
        run = f"scratch/relu/seed={seed}"
        right = np.concatenate(
            [np.arange(n) < counts[name][seed] for name, n in zip(counts, images, strict=True)]
        )
        correct.add(run, labels, np.where(right, labels, 1 - labels))
        rows.append({"run": run, "implementation": "scratch", "status": "finished"})
    return class_accuracies_table(pd.DataFrame(rows), correct, "scratch", list(counts))


def wilson(k: int, n: int) -> tuple[float, float]:
    interval = stats.binomtest(k, n).proportion_ci(method="wilson")
    return interval.low, interval.high


def test_with_one_seed_the_accuracy_of_a_class_has_wilsons_interval() -> None:
    first, second = of(accuracies({"first": [30], "second": [7]}, (40, 10)))
    assert (first["accuracy"], first["images"], first["seeds"]) == (0.75, 40, 1)
    assert (first["low"], first["high"]) == pytest.approx(wilson(30, 40))
    assert (second["low"], second["high"]) == pytest.approx(wilson(7, 10))
    assert first["interval"] == second["interval"] == "images"


def test_over_seeds_the_interval_of_a_class_is_over_seeds_and_images() -> None:
    first, second = of(accuracies({"first": [30, 34, 33], "second": [7, 7, 7]}, (40, 10)))
    values = np.array([30, 34, 33]) / 40
    assert first["accuracy"] == pytest.approx(values.mean()) and first["seeds"] == 3
    assert (first["lowest"], first["highest"]) == (0.75, 0.85)
    assert first["interval"] == "seeds and images"
    # No narrower than Student's over seeds, nor than the images alone allow.
    low, high = stats.t.interval(0.95, 2, values.mean(), values.std(ddof=1) / math.sqrt(3))
    assert first["low"] < low and first["high"] > min(high, 1 - 1e-9)
    # Seeds that all have the same say nothing of seeds.
    assert second["interval"] == "images"
    assert (second["low"], second["high"]) == pytest.approx(wilson(7, 10))


def test_two_seeds_that_differ_and_a_class_without_images_have_no_interval() -> None:
    first, second = of(accuracies({"first": [30, 34], "second": [0, 0]}, (40, 0)))
    assert first["accuracy"] == pytest.approx(0.8) and math.isnan(first["low"])
    assert math.isnan(second["accuracy"]) and first["interval"] == second["interval"] == ""


def test_the_ratio_of_update_to_weight_is_of_the_rate_and_both_norms() -> None:
    def rows(gradient: float, weight: float) -> list[dict[str, Any]]:
        return [
            {"epoch": epoch, "quantity": name, "of": of, "value": value * (1 + epoch)}
            for epoch in (0, 1)
            for name, of, value in (
                ("gradient_norm", "W1", gradient),
                ("gradient_norm", "W2", 2.0),
                ("weight_norm", "W1", weight),
                ("weight_norm", "W2", 8.0),
                ("dead", "H1", 0.0),
                ("saturated", "H1", 0.0),
            )
        ]

    table = diagnostics_table([("relu", 0.1, rows(3.0, 6.0)), ("relu", 0.4, rows(5.0, 4.0))])
    expected = stats.gmean([0.1 * 3 / 6, 0.4 * 5 / 4]), stats.gmean([0.1 * 2 / 8, 0.4 * 2 / 8])
    for _, moment in table.groupby(["epoch", "end"]):
        assert moment["update_ratio"].tolist() == pytest.approx(expected)
    # Weights that are all 0 have no ratio: such a run is left out.
    zero = diagnostics_table([("relu", 0.1, rows(3.0, 0.0)), ("relu", 0.4, rows(5.0, 4.0))])
    assert zero["update_ratio"].iloc[0] == pytest.approx(0.4 * 5 / 4)
    figure = drawing.updates({"diagnostics": table})
    lines = [line.get_ydata() for line in figure.axes[0].lines[:2]]
    assert np.allclose(lines, [[expected[0]] * 2, [expected[1]] * 2])


def counted(layer: str, epoch: int, low: float, high: float, counts: list[int]) -> list[Any]:
    named = [("value_low", layer, low), ("value_high", layer, high)]
    named += [("value_count", f"{layer}/{n}", float(count)) for n, count in enumerate(counts)]
    return [{"epoch": epoch, "quantity": q, "of": of, "value": v} for q, of, v in named]


def test_histograms_have_the_counts_of_the_diagnostics() -> None:
    rows = [
        *counted("H1", 0, 0.0, 1.0, [3, 0, 1, 6]),
        *counted("H2", 0, -1.0, 1.0, [1, 2, 3, 4]),
        *counted("H1", 5, 0.0, 8.0, [4, 4, 1, 1]),
        {"epoch": 5, "quantity": "dead_throughout", "of": "H1", "value": 0.5},
        *(
            {"epoch": 5, "quantity": "dead_unit", "of": of, "value": 1.0}
            for of in ("H1/2", "H1/11", "H11/3")
        ),
    ]
    table = histograms_table({"scratch/relu/seed=0": rows})
    assert len(table) == 12 and set(table["values"]) == {10}
    end = table[table["epoch"] == 5]
    assert end["count"].tolist() == [4, 4, 1, 1] and set(end["layer"]) == {1}
    assert end[["low", "high"]].values.tolist() == [[0, 2], [2, 4], [4, 6], [6, 8]]
    assert silent_units(rows, layer=1) == [2, 11] and silent_units(rows, layer=11) == [3]
    figure = drawing.histograms({"histograms": table})
    before, after = figure.axes[0].patches
    assert np.allclose(after.get_data().values, [1, 1, 0.25, 0.25])  # type: ignore[attr-defined]
    assert np.allclose(before.get_data().edges, [0, 0.25, 0.5, 0.75, 1])  # type: ignore[attr-defined]
    empty = drawing.histograms({"histograms": histograms_table({"scratch/relu/seed=0": []})})
    assert "no network" in empty.axes[0].texts[0].get_text()


def tiles(png: bytes, height: int, width: int) -> list[NDArray[np.uint8]]:
    """What a PNG holds, side by side."""
    picture = np.array(Image.open(io.BytesIO(png)).convert("RGB"))
    return [
        picture[y : y + height, x : x + width]
        for y in range(0, picture.shape[0], height)
        for x in range(0, picture.shape[1], width)
    ]


@pytest.mark.parametrize("pixel_max", [1, 16, 255])
def test_images_side_by_side_are_the_data_sets_within_half_a_shade(pixel_max: int) -> None:
    pixels = np.random.default_rng(0).integers(pixel_max + 1, size=(7, 3, 5)).astype(np.uint8)
    found = tiles(sprites.images(pixels, pixel_max), 3, 5)
    for image, tile in zip(pixels, found, strict=False):
        assert np.abs(tile[..., 0] - 255 * (image / pixel_max)).max() <= 255 / 31 / 2 + 0.5
        assert (tile[..., 0] == tile[..., 2]).all()


def test_weights_are_blue_below_zero_orange_above_and_grey_where_silent() -> None:
    weights = np.array([[[0.5, -1.0], [0.0, 0.25]], [[2.0, 0.0], [0.0, 0.0]]])
    one, silent, *_ = tiles(sprites.weights(weights, np.array([False, True])), 3, 3)
    (most, least), (zero, some) = one[:2, :2].astype(int)
    assert most[0] > most[2] and least[2] > least[0] and abs(zero[0] - zero[2]) < 5
    assert zero.sum() > some.sum() > most.sum()
    assert (silent[:2, :2].std(axis=2) == 0).all() and silent[0, 0, 0] < silent[1, 1, 0]
    nothing = sprites.weights(np.zeros((1, 2, 2)), np.array([False]))
    assert (tiles(nothing, 3, 3)[0][0, 0] == sprites.WHITE).all()
