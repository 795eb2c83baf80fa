"""Comparisons of a study's groups: which pairs there are, and never more said than is shown."""

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from numpy.typing import NDArray
from scipy import stats

from mlplab.analysis import comparisons, statistics, tables
from mlplab.analysis.images import Correct
from mlplab.analysis.means import Means
from mlplab.analysis.pairs import pairs_of
from mlplab.analysis.sampling import mcnemar_table, sampling_table, wilson_table
from mlplab.errors import UserError
from mlplab.training.predictions import prediction_table

MARGIN = 0.005
METRIC = "late_test_accuracy"
LABELS = np.arange(40) % 4
Score = Callable[[str, str, int], float]


def noise(implementation: str, activation: str, seed: int) -> float:
    """An accuracy that depends on all of a run's identity, near 0.85."""
    generator = np.random.default_rng([*map(ord, implementation + activation), seed])
    return 0.85 + 0.01 * float(generator.normal())


def study(
    seeds: int,
    score: Score = noise,
    implementations: tuple[str, ...] = ("scratch", "concise"),
    activations: tuple[str, ...] = ("relu", "sigmoid", "tanh"),
    **axes: Any,
) -> pd.DataFrame:
    """A table of runs of a whole grid at one point of the axes."""
    point = "".join(f"/{axis}={value}" for axis, value in axes.items())
    rows = [
        {
            "run": f"{implementation}/{activation}/seed={seed}{point}",
            "implementation": implementation,
            "activation": activation,
            "seed": seed,
            "status": "finished",
            METRIC: score(implementation, activation, seed),
            **axes,
        }
        for implementation, activation, seed in itertools.product(
            implementations, activations, range(seeds)
        )
    ]
    return pd.DataFrame(rows)


def two_implementations(*differences: float) -> pd.DataFrame:
    """Runs of one activation whose implementations differ by so much at each seed."""
    return study(
        len(differences),
        lambda implementation, _, seed: (
            0.85 + (differences[seed] if implementation == "scratch" else 0)
        ),
        activations=("relu",),
    )


def alike(runs: pd.DataFrame) -> Correct:
    """Runs that get the same images right, so that other images would change no difference."""
    correct = Correct()
    for run in runs["run"]:
        correct.add(run, LABELS, np.zeros_like(LABELS))
    return correct


def compare(
    runs: pd.DataFrame, *axes: str, margin: float = MARGIN, metric: str = METRIC
) -> pd.DataFrame:
    """The table of comparisons of runs that get the same images right."""
    pairs = list(pairs_of(runs, axes, metric, "scratch"))
    return comparisons.comparisons_table(pairs, alike(runs), axes, margin, metric)


def sample(runs: pd.DataFrame, correct: Correct, *axes: str) -> pd.DataFrame:
    """The table of McNemar's tests."""
    return sampling_table(list(pairs_of(runs, axes, METRIC, "scratch")), correct, axes)


def only_row(runs: pd.DataFrame, margin: float = MARGIN) -> dict[str, Any]:
    (row,) = compare(runs, margin=margin).to_dict("records")
    return {str(name): value for name, value in row.items()}


def test_every_pair_within_the_implementation_that_stands_for_all_and_within_an_activation() -> (
    None
):
    named = compare(study(3))[["kind", "within", "first", "second"]].values.tolist()
    assert named == [
        ["activation", "scratch", "relu", "sigmoid"],
        ["activation", "scratch", "relu", "tanh"],
        ["activation", "scratch", "sigmoid", "tanh"],
        ["implementation", "relu", "scratch", "concise"],
        ["implementation", "sigmoid", "scratch", "concise"],
        ["implementation", "tanh", "scratch", "concise"],
    ]


def test_values_of_an_axis_are_compared_with_all_else_alike() -> None:
    runs = pd.concat(
        [
            study(3, activations=("relu", "tanh"), learning_rate=rate, hidden_sizes=sizes)
            for rate in (0.1, 0.5, 1)
            for sizes in ("8", "8 4")
        ]
    )
    table = compare(runs, "hidden_sizes", "learning_rate")
    assert list(table["kind"].unique()) == [
        *("activation", "hidden_sizes", "learning_rate", "implementation")
    ]
    rates = table[table["kind"] == "learning_rate"]
    named = rates[["within", "hidden_sizes", "learning_rate", "first", "second"]].values.tolist()
    assert sorted(named) == [
        [f"scratch, {activation}", sizes, "", first, second]
        for activation in ("relu", "tanh")
        for sizes in ("8", "8 4")
        for first, second in (("0.1", "0.5"), ("0.1", "1.0"), ("0.5", "1.0"))
    ]
    # Holm's family is the axis, not the table.
    assert rates["p_holm"].tolist() == pytest.approx(statistics.holm(rates["p"]), nan_ok=True)


def test_an_axis_of_too_many_values_is_not_compared() -> None:
    runs = pd.concat(
        [study(3, implementations=("scratch",), learning_rate=rate / 100) for rate in range(1, 28)]
    )
    assert "learning_rate" not in set(compare(runs, "learning_rate")["kind"])
    few = runs[runs["learning_rate"] < 0.26]
    assert (compare(few, "learning_rate")["kind"] == "learning_rate").sum() == 3 * 25 * 24 / 2


def test_runs_scored_on_other_images_are_not_compared_by_them() -> None:
    late = "late_validation_accuracy"
    runs = pd.concat([study(3, validation_size=size) for size in (10, 20)])
    runs = runs.rename(columns={METRIC: late})
    kinds = set(compare(runs, "validation_size", metric=late)["kind"])
    assert kinds == {"activation", "implementation"}


def test_columns() -> None:
    table = compare(study(3, hidden_sizes="8 4"), "hidden_sizes")
    assert table.columns.tolist() == [
        *("kind", "within", "hidden_sizes", "first", "second", "metric", "n", "left_out"),
        *("mean_first", "mean_second", "difference", "low", "high", "seeds_low", "seeds_high"),
        *("p", "p_holm", "effect_size", "ahead", "ties", "ahead_share", "ahead_low"),
        *("ahead_high", "margin", "p_equivalence", "p_equivalence_holm", "equivalent"),
        *("alpha", "verdict", "conclusion"),
    ]


def test_a_row_is_what_the_differences_paired_by_seed_say() -> None:
    runs = study(6)
    # The order of the rows within a cell does not matter: seeds are matched.
    scratch_rows = runs["implementation"] == "scratch"
    table = compare(pd.concat([runs[scratch_rows], runs[~scratch_rows][::-1]]))
    (row,) = table[(table["kind"] == "implementation") & (table["within"] == "relu")].to_dict(
        "records"
    )
    assert (row["first"], row["second"]) == ("scratch", "concise")
    scratch = np.array([noise("scratch", "relu", seed) for seed in range(6)])
    concise = np.array([noise("concise", "relu", seed) for seed in range(6)])
    means = Means.of([scratch - concise])
    (low,), (high,) = means.interval()
    assert (row["n"], row["left_out"]) == (6, 0)
    assert row["mean_first"] == pytest.approx(scratch.mean())
    assert row["mean_second"] == pytest.approx(concise.mean())
    assert row["difference"] == pytest.approx((scratch - concise).mean())
    assert (row["low"], row["high"]) == pytest.approx((low, high))
    assert (row["seeds_low"], row["seeds_high"]) == pytest.approx((low, high))
    assert row["p"] == pytest.approx(means.p_other(0.0)[0])
    assert row["effect_size"] == pytest.approx(statistics.hedges_g_z(scratch - concise))
    assert row["ahead"] == int((scratch > concise).sum()) and row["ties"] == 0
    assert row["margin"] == MARGIN
    assert row["p_equivalence"] == pytest.approx(means.p_within(MARGIN)[0])
    family = table[table["kind"] == "implementation"]
    # One standard: both are corrected for the same family and stand against the same level.
    for name in ("p", "p_equivalence"):
        assert family[f"{name}_holm"].tolist() == statistics.holm(family[name]).tolist()
    assert row["equivalent"] is (row["p_equivalence_holm"] < row["alpha"])


def test_activations_are_not_tested_for_equivalence() -> None:
    activations = compare(study(3)).query("kind == 'activation'")
    for name in ("margin", "p_equivalence", "p_equivalence_holm"):
        assert activations[name].isna().all()
    assert activations["equivalent"].tolist() == [None] * 3
    assert not activations["conclusion"].str.contains("equivalen").any()


def test_points_of_the_axes_are_kept_apart() -> None:
    runs = pd.concat(
        [
            study(3, hidden_sizes=sizes, learning_rate=rate).assign(**{METRIC: accuracy})
            for sizes, accuracy in (("256 128", 0.9), ("8", 0.8))
            for rate in (0.1, 1)
        ]
    )
    axes = ["hidden_sizes", "learning_rate"]
    table = compare(runs, *axes).query("kind in ('activation', 'implementation')")
    assert len(table) == 4 * 6
    points = table[axes].drop_duplicates().values.tolist()
    assert points == [["256 128", "0.1"], ["256 128", "1.0"], ["8", "0.1"], ["8", "1.0"]]
    expected = table["hidden_sizes"].map({"256 128": 0.9, "8": 0.8})
    assert table["mean_first"].tolist() == pytest.approx(expected.tolist())
    assert (table["difference"] == 0).all()


def test_an_axis_that_is_forgotten_is_noticed() -> None:
    runs = pd.concat([study(3, learning_rate=0.1), study(3, learning_rate=0.5)])
    with pytest.raises(ValueError, match="same seed"):
        compare(runs)


def test_from_survivors_nothing_is_concluded() -> None:
    runs = two_implementations(0.01, 0.02, 0.03, 0.01, 0.5, 0.6, 0.7)
    runs.loc[4, "status"] = "diverged"
    runs.loc[5, "status"] = "failed"
    runs.loc[6, METRIC] = math.nan
    row = only_row(runs)
    assert (row["n"], row["left_out"], row["verdict"]) == (4, 3, "runs missing")
    assert row["difference"] == pytest.approx(0.0175)
    assert row["conclusion"] == (
        "3 of 7 seeds left out, on which a run did not finish: the others are survivors, and "
        "nothing is concluded from them"
    )
    for name in ("p", "p_holm", "p_equivalence", "p_equivalence_holm"):
        assert math.isnan(row[name])
    assert row["equivalent"] is None


def test_survivors_do_not_count_in_a_family() -> None:
    runs = study(9, lambda _, activation, seed: 0.8 + 0.01 * len(activation) + 1e-4 * seed**2)
    runs.loc[(runs["activation"] == "tanh") & (runs["seed"] == 2), "status"] = "diverged"
    runs[METRIC] += np.random.default_rng(0).normal(0, 1e-4, len(runs))
    rows = compare(runs).query("kind == 'activation'").set_index(["first", "second"])
    assert rows.loc[("relu", "sigmoid"), "p_holm"] == rows.loc[("relu", "sigmoid"), "p"]
    assert rows["verdict"].tolist() == ["told apart", "runs missing", "runs missing"]


def test_a_run_that_is_missing_is_left_out() -> None:
    row = only_row(two_implementations(0.01, 0.02, 0.03).drop(index=1))
    assert (row["n"], row["left_out"], row["verdict"]) == (2, 1, "runs missing")
    assert row["difference"] == pytest.approx(0.02)


@pytest.mark.parametrize("differences", [(0.3,), (0.3, 0.31), (0.0, 0.0)])
def test_from_fewer_than_three_seeds_nothing_is_concluded(differences: tuple[float, ...]) -> None:
    row = only_row(two_implementations(*differences))
    n = len(differences)
    assert row["conclusion"] == f"n = {n}: nothing is concluded from fewer than 3 seeds"
    assert (row["n"], row["verdict"], row["equivalent"]) == (n, "too few seeds", None)
    assert row["difference"] == pytest.approx(np.mean(differences))
    for name in ("low", "high", "p", "p_holm", "p_equivalence"):
        assert math.isnan(row[name])


def test_from_no_seed_nothing_is_concluded() -> None:
    row = only_row(two_implementations(0.3, 0.2).assign(status="diverged"))
    assert (row["n"], row["left_out"], row["verdict"]) == (0, 2, "no pair")
    assert row["conclusion"] == "no seed on which both finished"
    for name in ("mean_first", "mean_second", "difference", "p", "ahead_share"):
        assert math.isnan(row[name])


def test_a_study_of_which_every_run_failed_still_has_its_tables() -> None:
    runs = study(2).assign(status="failed").drop(columns=METRIC)
    table = compare(runs)
    assert table["conclusion"].tolist() == ["no seed on which both finished"] * 6
    assert table["left_out"].tolist() == [2] * 6
    assert sample(runs, Correct()).empty
    wilson = wilson_table(runs, 360, [])
    assert wilson[["test_accuracy", "wilson_low", "wilson_high"]].isna().all(axis=None)


def test_without_an_implementation_that_agrees_activations_are_not_compared() -> None:
    pairs = pairs_of(study(3), [], METRIC, "")
    assert {pair.kind for pair in pairs} == {"implementation"}


def test_a_metric_that_finished_runs_lack_is_an_error() -> None:
    with pytest.raises(KeyError):
        compare(study(2), metric="late_validation_accuracy")


def test_who_is_ahead_is_who_has_the_greater_mean() -> None:
    differences = [-0.02, -0.01, -0.03, -0.01, -0.02, -0.04, -0.03, -0.01]
    row = only_row(two_implementations(*differences))
    assert row["conclusion"] == (
        f"concise is ahead by 2.1 percentage points (95 % interval {-100 * row['high']:.2g} to "
        f"{-100 * row['low']:.2g}; p = {row['p']:.2g} after Holm's correction), on 8 of 8 seeds; "
        "not shown to be equivalent within ±0.5 percentage points (p = 1 after Holm's correction)"
    )


def test_a_difference_may_be_both_shown_and_within_the_margin() -> None:
    small = [0.0011, 0.0012, 0.001, 0.0013, 0.0011, 0.0012, 0.0009, 0.0012]
    row = only_row(two_implementations(*small))
    assert row["equivalent"] is True
    assert "scratch is ahead by 0.11 percentage points" in row["conclusion"]
    assert "; equivalent within ±0.5 percentage points (p = " in row["conclusion"]


def test_what_is_not_told_apart_is_not_called_equal() -> None:
    row = only_row(two_implementations(0.02, -0.02, 0.01, -0.03, 0.04, -0.01, 0.02, -0.02))
    assert row["conclusion"].startswith("not told apart (p = ")
    assert "not shown to be equivalent" in row["conclusion"]
    assert row["equivalent"] is False


def test_a_p_that_is_small_only_before_correction_names_no_leader() -> None:
    found = two_implementations(0.031, 0.013, 0.021, -0.003, 0.015, 0.008)
    null = two_implementations(0.02, -0.02, 0.01, -0.03, 0.04, -0.01)
    runs = pd.concat([found.assign(learning_rate=0.1), null.assign(learning_rate=0.5)])
    row = compare(runs, "learning_rate").query("kind == 'implementation'").iloc[0]
    assert row["p"] < 0.05 < row["p_holm"] == 2 * row["p"]
    assert row["conclusion"].startswith("not told apart (p = ")


@pytest.mark.parametrize("seeds", [3, 20])
def test_equal_results_are_called_identical_and_nothing_is_tested(seeds: int) -> None:
    row = only_row(two_implementations(*[0.0] * seeds))
    assert (row["verdict"], row["conclusion"]) == ("identical", f"identical on all {seeds} seeds")
    assert row["equivalent"] is None
    unequal = only_row(two_implementations(*[0.002] * seeds))
    assert unequal["conclusion"] == (
        f"0.2 percentage points apart on all {seeds} seeds: no spread, so no test"
    )
    assert unequal["equivalent"] is None
    for found in (row, unequal):
        assert math.isnan(found["low"]) and math.isnan(found["p"])


def test_more_seeds_never_tell_less() -> None:
    """The same spread on 20 and on 24 seeds, and in a family of hundreds: no p has a floor."""
    generator = np.random.default_rng(3)
    shape = generator.normal(0.02, 0.002, 20).tolist()
    twenty = only_row(two_implementations(*shape))
    more = only_row(two_implementations(*shape, *shape[:4]))
    assert more["p"] < twenty["p"] < 1e-9


def test_only_scores_of_which_more_is_better_have_a_leader() -> None:
    with pytest.raises(ValueError, match="test_loss"):
        compare(study(3).assign(test_loss=0.1), metric="test_loss")
    runs = study(3).assign(macro_f1=lambda table: 1 - table[METRIC])
    f1, accuracy = compare(runs, metric="macro_f1"), compare(runs)
    assert f1["difference"].tolist() == pytest.approx((-accuracy["difference"]).tolist())


def test_without_a_difference_a_family_names_a_leader_in_at_most_5_of_100_studies() -> None:
    runs = study(9, implementations=("scratch",))
    findings = []
    for accuracies in np.random.default_rng(1).normal(0.85, 0.01, (100, len(runs))):
        table = compare(runs.assign(**{METRIC: accuracies}))
        findings.append(table["conclusion"].str.contains("ahead").any())
    assert 0 < sum(findings) <= stats.binom.ppf(0.999, len(findings), 0.05)


def test_a_study_of_one_group_has_tables_without_rows() -> None:
    runs = study(3, implementations=("scratch",), activations=("relu",))
    assert compare(runs).shape == (0, 4 + len(comparisons.COMPARED))
    assert sample(runs, alike(runs)).shape == (0, 8)


def test_tables_can_be_written_and_read_back(tmp_path: Path) -> None:
    mixed = study(3, lambda *_: 0.85)
    for name, table in (
        ("mixed", compare(mixed)),
        ("one", compare(study(1))),
        ("empty", compare(mixed[:1])),
        ("wilson", wilson_table(mixed.assign(test_accuracy=0.85), 100, [])),
    ):
        csv, parquet = tmp_path / f"{name}.csv", tmp_path / f"{name}.parquet"
        tables.write(table, csv, parquet)
        read = pd.read_parquet(parquet)
        pd.testing.assert_frame_equal(read, table, check_dtype=len(table) > 0)
        assert pd.read_csv(csv).shape == table.shape


def write_predictions(
    folder: Path, runs: pd.DataFrame, labels: NDArray[np.int64] = LABELS
) -> tuple[dict[str, Path], dict[str, NDArray[np.bool_]]]:
    """Parquet files of random predictions of these runs, and which images each gets right."""
    paths, correct = {}, {}
    for number, run in enumerate(runs["run"]):
        logits = np.random.default_rng(number).normal(size=(len(labels), 4))
        logits[np.arange(len(labels)), labels] += 1
        paths[run] = folder / run.replace("/", "_")
        pyarrow.parquet.write_table(prediction_table(logits, labels), paths[run])
        correct[run] = logits.argmax(axis=1) == labels
    return paths, correct


def test_mcnemar_per_pair_and_seed(tmp_path: Path) -> None:
    axes = ["hidden_sizes"]
    runs = pd.concat([study(2, hidden_sizes=sizes) for sizes in ("8", "8 4")])
    paths, right = write_predictions(tmp_path, runs)
    table = sample(runs, Correct.read(runs["run"], paths), *axes)
    assert table.columns.tolist() == [
        *("kind", "within", "hidden_sizes", "first", "second", "seed"),
        *("only_first", "only_second", "p_mcnemar"),
    ]
    pairs = compare(runs, *axes)
    named = ["kind", "within", *axes, "first", "second"]
    assert len(table) == 2 * len(pairs)
    assert table[named].drop_duplicates().values.tolist() == pairs[named].values.tolist()
    for row in table.query("kind != 'hidden_sizes'").to_dict("records"):
        first, second = (
            "/".join(
                [row["within"], row[side]]
                if row["kind"] == "activation"
                else [row[side], row["within"]]
            )
            + f"/seed={row['seed']}/hidden_sizes={row['hidden_sizes']}"
            for side in ("first", "second")
        )
        b = int((right[first] & ~right[second]).sum())
        c = int((~right[first] & right[second]).sum())
        assert (row["only_first"], row["only_second"]) == (b, c)
        assert row["p_mcnemar"] == pytest.approx(stats.binomtest(b, b + c, 0.5).pvalue)


def test_mcnemar_counts_which_way_the_test_goes() -> None:
    names = {"kind": "activation", "within": "scratch", "first": "relu", "second": "tanh"}
    told = {"p_mcnemar": 0.01}
    rows = [
        {**names, "seed": 0, "only_first": 90, "only_second": 40, **told},
        {**names, "seed": 1, "only_first": 80, "only_second": 50, **told},
        {**names, "seed": 2, "only_first": 30, "only_second": 70, **told},
        {**names, "seed": 3, "only_first": 50, "only_second": 49, "p_mcnemar": 1.0},
    ]
    every, pair = mcnemar_table(pd.DataFrame(rows), []).to_dict("records")
    assert (pair["seeds"], pair["first_better"], pair["second_better"]) == (4, 2, 1)
    assert pair["not_told_apart"] == 1
    assert (pair["only_first_median"], pair["only_second_median"]) == (65, 49.5)
    # Over pairs, first and second are not the same things.
    assert math.isnan(every["only_first_median"]) and math.isnan(every["only_second_median"])


def test_each_file_of_predictions_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = study(2)
    paths, _ = write_predictions(tmp_path, runs)
    read: list[Path] = []
    original = pyarrow.parquet.ParquetFile

    def counted(path: Path) -> pyarrow.parquet.ParquetFile:
        read.append(path)
        return original(path)

    monkeypatch.setattr(pyarrow.parquet, "ParquetFile", counted)
    Correct.read(runs["run"], paths)
    assert sorted(read) == sorted(paths.values())


def test_runs_that_did_not_finish_are_not_compared_image_by_image(tmp_path: Path) -> None:
    runs = study(2, activations=("relu",))
    paths, _ = write_predictions(tmp_path, runs)
    runs.loc[0, "status"] = "diverged"
    del paths["scratch/relu/seed=0"]
    assert sample(runs, Correct.read(paths, paths))["seed"].tolist() == [1]


def test_predictions_on_other_images_are_refused(tmp_path: Path) -> None:
    runs = study(1, activations=("relu",))
    paths, _ = write_predictions(tmp_path, runs)
    for labels in (LABELS[::-1], LABELS[:-1]):
        other, _ = write_predictions(tmp_path / "..", runs[1:], labels)
        with pytest.raises(UserError, match="not the test images"):
            sample(runs, Correct.read(runs["run"], paths | other))


def of_right(right: NDArray[np.bool_]) -> tuple[Correct, list[str]]:
    """Runs of seeds, seeds × images."""
    correct, runs = Correct(), [str(seed) for seed in range(len(right))]
    for run, images in zip(runs, right, strict=True):
        correct.add(run, np.zeros(len(images), int), (~images).astype(int))
    return correct, runs


def test_the_error_over_images_of_one_run_is_the_binomial_one() -> None:
    right = np.random.default_rng(0).random((1, 500)) < 0.8
    correct, runs = of_right(right)
    share = right.mean()
    assert correct.error(runs).shared == pytest.approx(math.sqrt(share * (1 - share) / 499))
    assert math.isnan(correct.error([]).shared)


def test_the_error_over_images_is_what_seeds_share() -> None:
    generator = np.random.default_rng(1)
    hard = generator.random(4000) < 0.3
    correct, runs = of_right(np.tile(~hard, (5, 1)))
    # All seeds alike: five of them know no more of the images than one.
    assert correct.error(runs).shared == pytest.approx(correct.error(runs[:1]).shared)
    independent, names = of_right(generator.random((5, 4000)) < 0.7)
    # Nothing shared: it is all part of the spread over seeds.
    assert independent.error(names).shared < 0.2 * independent.error(names[:1]).shared
    # By hand, as an analysis of variance with two ways and no replication.
    right = generator.random((4, 60)) < np.linspace(0.2, 0.9, 60)
    found, names = of_right(right)
    values = right.astype(float)
    rest = values - values.mean(0) - values.mean(1)[:, None] + values.mean()
    between = values.mean(0).var(ddof=1) - (rest**2).sum() / (3 * 59) / 4
    assert found.error(names).shared == pytest.approx(math.sqrt(between / 60))
    assert found.error(names).own == pytest.approx(math.sqrt((rest**2).sum() / (3 * 59) / 4 / 60))


def test_the_error_of_a_difference_is_that_of_what_differs() -> None:
    right = np.random.default_rng(2).random((6, 300)) < 0.8
    correct, runs = of_right(right)
    assert correct.error(runs[:3], runs[:3]) == (0, 0)
    first, second = right[0].astype(float), right[1].astype(float)
    expected = (first - second).std(ddof=1) / math.sqrt(300)
    assert correct.error(runs[:1], runs[1:2]).shared == pytest.approx(expected)


def test_seeds_that_happen_to_lie_near_each_other_show_no_more_than_their_images() -> None:
    """Three seeds on which the same number of images differs, but other ones each time."""
    images, extra = 10_000, (17, 20, 18)
    correct, runs = Correct(), two_implementations(*(n / images for n in extra))
    generator = np.random.default_rng(0)
    for run in runs["run"]:
        seed = int(run[-1])
        moved = generator.permutation(images)[: 200 + (extra[seed] if "scratch" in run else 0)]
        predictions = np.ones(images, dtype=int)
        predictions[moved] = 0
        correct.add(run, np.zeros(images, dtype=int), predictions)
    pairs = list(pairs_of(runs, [], METRIC, "scratch"))
    (row,) = comparisons.comparisons_table(pairs, correct, [], MARGIN, METRIC).to_dict("records")
    assert row["verdict"] == "not told apart"
    # Taken for themselves, the three numbers would tell them apart.
    assert Means.of([[n / images for n in extra]]).p_other(0.0)[0] < 0.01


def test_wilson_interval_of_each_run() -> None:
    runs = study(2, hidden_sizes="8 4").assign(test_accuracy=0.8712)
    runs.loc[1, "test_accuracy"] = math.nan
    runs.index = pd.Index([7] * len(runs))
    table = wilson_table(runs, 10_000, ["hidden_sizes"])
    assert table.columns.tolist() == [
        *("run", "implementation", "activation", "seed", "hidden_sizes"),
        *("test_accuracy", "wilson_low", "wilson_high", "wilson_width"),
    ]
    assert table["run"].tolist() == runs["run"].tolist()
    expected = stats.binomtest(8712, 10_000).proportion_ci(0.95, method="wilson")
    bounds = table[["wilson_low", "wilson_high"]].to_numpy()
    assert np.isnan(bounds[1]).all()
    assert (np.delete(bounds, 1, axis=0) == [expected.low, expected.high]).all()


def test_an_accuracy_that_is_no_share_of_the_images_is_refused() -> None:
    with pytest.raises(ValueError, match="no share of 360 images"):
        wilson_table(study(1).assign(test_accuracy=0.8712), 360, [])
