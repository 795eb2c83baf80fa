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
from mlplab.analysis.sampling import sampling_table, wilson_table
from mlplab.errors import UserError
from mlplab.training.predictions import prediction_table

MARGIN = 0.005
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
            "test_accuracy": score(implementation, activation, seed),
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


def only_row(runs: pd.DataFrame, margin: float = MARGIN) -> dict[str, Any]:
    (row,) = comparisons.comparisons_table(runs, [], margin).to_dict("records")
    return {str(name): value for name, value in row.items()}


def test_every_pair_within_an_implementation_and_within_an_activation() -> None:
    table = comparisons.comparisons_table(study(3), [], MARGIN)
    named = table[["kind", "within", "first", "second"]].values.tolist()
    assert named == [
        ["activation", "scratch", "relu", "sigmoid"],
        ["activation", "scratch", "relu", "tanh"],
        ["activation", "scratch", "sigmoid", "tanh"],
        ["activation", "concise", "relu", "sigmoid"],
        ["activation", "concise", "relu", "tanh"],
        ["activation", "concise", "sigmoid", "tanh"],
        ["implementation", "relu", "scratch", "concise"],
        ["implementation", "sigmoid", "scratch", "concise"],
        ["implementation", "tanh", "scratch", "concise"],
    ]


def test_columns() -> None:
    table = comparisons.comparisons_table(study(3, hidden_sizes="8 4"), ["hidden_sizes"], MARGIN)
    assert table.columns.tolist() == [
        *("kind", "within", "hidden_sizes", "first", "second", "n", "left_out"),
        *("mean_first", "mean_second", "difference", "low", "high", "p_t", "p_t_holm"),
        *("p_permutation", "p_permutation_holm", "p_least", "p_least_holm"),
        *("exact", "effect_size"),
        *("margin", "p_equivalence", "equivalent", "equivalence_low", "equivalence_high"),
        *("alpha", "seeds_needed", "verdict", "conclusion"),
    ]


def test_a_row_is_the_tests_of_differences_paired_by_seed() -> None:
    runs = study(6)
    # The order of the rows within a cell does not matter: seeds are matched.
    scratch_rows = runs["implementation"] == "scratch"
    table = comparisons.comparisons_table(
        pd.concat([runs[scratch_rows], runs[~scratch_rows][::-1]]), [], MARGIN
    )
    (row,) = table[(table["kind"] == "implementation") & (table["within"] == "relu")].to_dict(
        "records"
    )
    assert (row["first"], row["second"]) == ("scratch", "concise")
    scratch = np.array([noise("scratch", "relu", seed) for seed in range(6)])
    concise = np.array([noise("concise", "relu", seed) for seed in range(6)])
    paired = stats.ttest_rel(scratch, concise)
    interval = paired.confidence_interval(0.95)
    assert (row["n"], row["left_out"]) == (6, 0)
    assert row["mean_first"] == pytest.approx(scratch.mean())
    assert row["mean_second"] == pytest.approx(concise.mean())
    assert row["difference"] == pytest.approx((scratch - concise).mean())
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))
    assert row["p_t"] == pytest.approx(paired.pvalue)
    permutation = statistics.permutation_test(scratch - concise)
    assert (row["p_permutation"], row["p_least"]) == (permutation.p, 2 / 2**6)
    assert bool(row["exact"])
    assert row["effect_size"] == pytest.approx(statistics.hedges_g_z(scratch - concise))
    equivalence = statistics.equivalence_test(scratch - concise, MARGIN)
    assert row["margin"] == MARGIN
    assert row["p_equivalence"] == pytest.approx(equivalence.p)
    assert row["equivalent"] is equivalence.equivalent
    assert row["equivalence_low"] == pytest.approx(equivalence.low)
    assert row["equivalence_high"] == pytest.approx(equivalence.high)


def test_activations_are_not_tested_for_equivalence() -> None:
    table = comparisons.comparisons_table(study(3), [], MARGIN)
    activations = table[table["kind"] == "activation"]
    for name in ("margin", "p_equivalence", "equivalence_low", "equivalence_high"):
        assert activations[name].isna().all()
    assert activations["equivalent"].tolist() == [None] * 6
    assert not activations["conclusion"].str.contains("equivalen").any()


def test_holms_family_is_all_rows_of_a_kind() -> None:
    axes = ["learning_rate"]
    runs = pd.concat([study(8, learning_rate=0.1), study(8, learning_rate=0.5)])
    table = comparisons.comparisons_table(runs, axes, MARGIN)
    assert table["kind"].value_counts().to_dict() == {"activation": 12, "implementation": 6}
    for _, family in table.groupby("kind"):
        for name in ("p_t", "p_permutation"):
            assert family[f"{name}_holm"].tolist() == statistics.holm(family[name]).tolist()
            least = min(1, len(family) * family[name].min())
            assert family[f"{name}_holm"].min() == pytest.approx(least)


def test_points_of_the_axes_are_kept_apart() -> None:
    runs = pd.concat(
        [
            study(3, hidden_sizes=sizes, learning_rate=rate).assign(test_accuracy=accuracy)
            for sizes, accuracy in (("256 128", 0.9), ("8", 0.8))
            for rate in (0.1, 1)
        ]
    )
    axes = ["hidden_sizes", "learning_rate"]
    table = comparisons.comparisons_table(runs, axes, MARGIN)
    assert len(table) == 4 * 9
    points = table[axes].drop_duplicates().values.tolist()
    assert points == [["256 128", 0.1], ["256 128", 1.0], ["8", 0.1], ["8", 1.0]]
    expected = table["hidden_sizes"].map({"256 128": 0.9, "8": 0.8})
    assert table["mean_first"].tolist() == pytest.approx(expected.tolist())
    assert (table["difference"] == 0).all()


def test_an_axis_that_is_forgotten_is_noticed() -> None:
    runs = pd.concat([study(3, learning_rate=0.1), study(3, learning_rate=0.5)])
    with pytest.raises(ValueError, match="same seed"):
        comparisons.comparisons_table(runs, [], MARGIN)


def test_runs_that_did_not_finish_are_left_out_with_their_partners() -> None:
    runs = two_implementations(0.01, 0.02, 0.03, 0.5, 0.6, 0.7)
    runs.loc[3, "status"] = "diverged"
    runs.loc[4, "status"] = "failed"
    runs.loc[5, "test_accuracy"] = math.nan
    row = only_row(runs)
    assert (row["n"], row["left_out"]) == (3, 3)
    assert row["difference"] == pytest.approx(0.02)
    assert row["mean_second"] == pytest.approx(0.85)
    assert row["conclusion"].endswith("; 3 of 6 seeds left out")


def test_a_run_that_is_missing_is_left_out() -> None:
    row = only_row(two_implementations(0.01, 0.02, 0.03).drop(index=1))
    assert (row["n"], row["left_out"]) == (2, 1)
    assert row["difference"] == pytest.approx(0.02)


def test_from_one_seed_nothing_is_concluded() -> None:
    row = only_row(two_implementations(0.3))
    assert row["conclusion"] == "one seed: nothing can be concluded"
    assert (row["n"], row["difference"], row["equivalent"]) == (1, pytest.approx(0.3), None)
    for name in ("low", "high", "p_t", "p_t_holm", "effect_size", "p_equivalence"):
        assert math.isnan(row[name])


def test_from_no_seed_nothing_is_concluded() -> None:
    row = only_row(two_implementations(0.3, 0.2).assign(status="diverged"))
    assert (row["n"], row["left_out"]) == (0, 2)
    assert row["conclusion"] == "no seed: nothing can be concluded"
    for name in ("mean_first", "mean_second", "difference", "p_permutation", "p_least"):
        assert math.isnan(row[name])


def test_a_study_of_which_every_run_failed_still_has_its_tables() -> None:
    runs = study(2).assign(status="failed").drop(columns="test_accuracy")
    table = comparisons.comparisons_table(runs, [], MARGIN)
    assert table["conclusion"].tolist() == ["no seed: nothing can be concluded"] * 9
    assert table["left_out"].tolist() == [2] * 9
    assert sampling_table(runs, {}, []).empty
    wilson = wilson_table(runs, 360, [])
    assert wilson[["test_accuracy", "wilson_low", "wilson_high"]].isna().all(axis=None)


def test_a_metric_that_finished_runs_lack_is_an_error() -> None:
    with pytest.raises(KeyError):
        comparisons.comparisons_table(study(2), [], MARGIN, "validation_accuracy")


def test_three_seeds_cannot_show_a_difference_however_great() -> None:
    row = only_row(two_implementations(0.3, 0.3001, 0.3002))
    assert row["p_t"] < 1e-6
    assert row["conclusion"] == (
        "n = 3: no permutation p can fall under 0.25, so these seeds cannot show a difference; "
        "not shown to be equivalent within ±0.5 percentage points "
        "(two one-sided t-tests: p = 1)"
    )


def test_seeds_that_would_do_for_one_comparison_may_be_too_few_for_a_family() -> None:
    def score(implementation: str, activation: str, seed: int) -> float:
        return 0.9 + 0.001 * seed if activation == "relu" else 0.5 - 0.002 * seed

    table = comparisons.comparisons_table(
        study(7, score, implementations=("scratch",), activations=("relu", "tanh")), [], MARGIN
    )
    assert table["conclusion"].tolist() == [
        "relu is ahead: by 41 percentage points on average over 7 seeds "
        "(permutation p = 0.016 after Holm's correction)"
    ]
    six = comparisons.comparisons_table(study(7, score), [], MARGIN)
    assert six["conclusion"][0] == (
        "n = 7: no permutation p can fall under 0.0156, or under 0.0938 after Holm's correction, "
        "so these seeds cannot show a difference"
    )


def test_a_comparison_with_more_seeds_than_the_others_of_its_family_may_still_succeed() -> None:
    runs = study(
        10,
        lambda _, activation, seed: (
            {"relu": 0.9, "sigmoid": 0.5, "tanh": 0.7}[activation]
            + 0.001 * seed**2 * len(activation)
        ),
        implementations=("scratch",),
    )
    few = runs[(runs["activation"] != "tanh") | (runs["seed"] < 4)]
    conclusions = comparisons.comparisons_table(few, [], MARGIN)["conclusion"].tolist()
    assert conclusions[0].startswith("relu is ahead")
    for conclusion in conclusions[1:]:
        assert conclusion.startswith("n = 4: no permutation p can fall under 0.125, so")


def test_who_is_ahead_is_who_has_the_greater_mean() -> None:
    differences = [-0.02, -0.01, -0.03, -0.01, -0.02, -0.04, -0.03, -0.01]
    assert only_row(two_implementations(*differences))["conclusion"] == (
        "concise is ahead: by 2.1 percentage points on average over 8 seeds "
        "(permutation p = 0.0078 after Holm's correction); "
        "not shown to be equivalent within ±0.5 percentage points "
        "(two one-sided t-tests: p = 1)"
    )


def test_a_difference_may_be_both_shown_and_within_the_margin() -> None:
    small = [0.0011, 0.0012, 0.001, 0.0013, 0.0011, 0.0012, 0.0009, 0.0012]
    row = only_row(two_implementations(*small))
    assert row["equivalent"] is True
    assert "scratch is ahead: by 0.11 percentage points" in row["conclusion"]
    assert "; equivalent within ±0.5 percentage points (two" in row["conclusion"]


def test_what_is_not_told_apart_is_not_called_equal() -> None:
    row = only_row(two_implementations(0.02, -0.02, 0.01, -0.03, 0.04, -0.01, 0.02, -0.02))
    assert row["conclusion"].startswith("not told apart (permutation p = ")
    assert "not shown to be equivalent" in row["conclusion"]
    assert row["equivalent"] is False


def test_a_p_that_is_small_only_before_correction_names_no_leader() -> None:
    # Of the 2^8 signed sums of 1 to 8, ten are as far from 0 as 30.
    found = two_implementations(*(0.001 * np.array([8, 7, 6, 5, 4, -3, 2, 1])))
    null = two_implementations(0.02, -0.02, 0.01, -0.03, 0.04, -0.01, 0.02, -0.02)
    runs = pd.concat([found.assign(learning_rate=0.1), null.assign(learning_rate=0.5)])
    table = comparisons.comparisons_table(runs, ["learning_rate"], MARGIN)
    assert table["p_permutation"][0] == 10 / 256
    assert table["p_permutation_holm"][0] == 20 / 256
    assert table["conclusion"][0].startswith("not told apart (permutation p = 0.078 after Holm")


def test_a_leader_is_named_by_the_permutation_test_not_by_t() -> None:
    row = only_row(two_implementations(0.01, 0.011, 0.009, 0.01, 0.0105, -0.0001))
    assert row["p_t_holm"] < 0.01
    assert row["p_permutation"] == 4 / 64
    assert row["conclusion"].startswith("not told apart")


def test_implementations_with_the_same_results_are_equivalent_by_inspection() -> None:
    row = only_row(two_implementations(0, 0, 0))
    assert (row["p_t"], row["p_permutation"], row["equivalent"]) == (1, 1, True)
    assert math.isnan(row["p_equivalence"])
    assert row["conclusion"].endswith(
        "equivalent within ±0.5 percentage points "
        "(by inspection, not by a test: all 3 differences are 0 percentage points)"
    )
    unequal = only_row(two_implementations(0.02, 0.02, 0.02))
    assert unequal["equivalent"] is False
    assert math.isnan(unequal["p_t"])
    assert "not shown to be equivalent" in unequal["conclusion"]


def test_many_seeds_are_marked_as_not_exact() -> None:
    row = only_row(two_implementations(*np.linspace(0.001, 0.02, 25)))
    assert not row["exact"]
    assert row["p_permutation"] == row["p_least"] == 1 / 100_001


def test_only_scores_of_which_more_is_better_have_a_leader() -> None:
    with pytest.raises(ValueError, match="test_loss"):
        comparisons.comparisons_table(study(3).assign(test_loss=0.1), [], MARGIN, "test_loss")
    runs = study(3).assign(macro_f1=lambda table: 1 - table["test_accuracy"])
    f1 = comparisons.comparisons_table(runs, [], MARGIN, "macro_f1")
    accuracy = comparisons.comparisons_table(runs, [], MARGIN)
    assert f1["difference"].tolist() == pytest.approx((-accuracy["difference"]).tolist())


def test_without_a_difference_a_family_names_a_leader_in_at_most_5_of_100_studies() -> None:
    runs = study(9, implementations=("scratch",))
    findings = []
    for accuracies in np.random.default_rng(1).normal(0.85, 0.01, (100, len(runs))):
        table = comparisons.comparisons_table(runs.assign(test_accuracy=accuracies), [], MARGIN)
        findings.append(table["conclusion"].str.contains("ahead").any())
    assert 0 < sum(findings) <= stats.binom.ppf(0.999, len(findings), 0.05)


def test_a_study_of_one_group_has_tables_without_rows() -> None:
    runs = study(3, implementations=("scratch",), activations=("relu",))
    assert comparisons.comparisons_table(runs, [], MARGIN).shape == (0, 28)
    assert sampling_table(runs, {}, []).shape == (0, 8)


def test_tables_can_be_written_and_read_back(tmp_path: Path) -> None:
    mixed = study(3, lambda *_: 0.85)
    for name, table in (
        ("mixed", comparisons.comparisons_table(mixed, [], MARGIN)),
        ("one", comparisons.comparisons_table(study(1), [], MARGIN)),
        ("empty", comparisons.comparisons_table(mixed[:1], [], MARGIN)),
        ("wilson", wilson_table(mixed, 100, [])),
    ):
        csv, parquet = tmp_path / f"{name}.csv", tmp_path / f"{name}.parquet"
        tables.write(table, csv, parquet)
        read = pd.read_parquet(parquet)
        pd.testing.assert_frame_equal(read, table, check_dtype=len(table) > 0)
        assert pd.read_csv(csv).shape == table.shape


LABELS = np.arange(40) % 4


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
    paths, correct = write_predictions(tmp_path, runs)
    table = sampling_table(runs, paths, axes)
    assert table.columns.tolist() == [
        *("kind", "within", "hidden_sizes", "first", "second", "seed"),
        *("only_first", "only_second", "p_mcnemar"),
    ]
    pairs = comparisons.comparisons_table(runs, axes, MARGIN)
    named = ["kind", "within", *axes, "first", "second"]
    assert len(table) == 2 * len(pairs)
    assert table[named].drop_duplicates().values.tolist() == pairs[named].values.tolist()
    for row in table.to_dict("records"):
        first, second = (
            "/".join(
                [row["within"], row[side]]
                if row["kind"] == "activation"
                else [row[side], row["within"]]
            )
            + f"/seed={row['seed']}/hidden_sizes={row['hidden_sizes']}"
            for side in ("first", "second")
        )
        b = int((correct[first] & ~correct[second]).sum())
        c = int((~correct[first] & correct[second]).sum())
        assert (row["only_first"], row["only_second"]) == (b, c)
        assert row["p_mcnemar"] == pytest.approx(stats.binomtest(b, b + c, 0.5).pvalue)


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
    sampling_table(runs, paths, [])
    assert sorted(read) == sorted(paths.values())


def test_runs_that_did_not_finish_are_not_compared_image_by_image(tmp_path: Path) -> None:
    runs = study(2, activations=("relu",))
    paths, _ = write_predictions(tmp_path, runs)
    runs.loc[0, "status"] = "diverged"
    del paths["scratch/relu/seed=0"]
    assert sampling_table(runs, paths, [])["seed"].tolist() == [1]


def test_predictions_on_other_images_are_refused(tmp_path: Path) -> None:
    runs = study(1, activations=("relu",))
    paths, _ = write_predictions(tmp_path, runs)
    for labels in (LABELS[::-1], LABELS[:-1]):
        other, _ = write_predictions(tmp_path / "..", runs[1:], labels)
        with pytest.raises(UserError, match="not the test images"):
            sampling_table(runs, paths | other, [])


def test_wilson_interval_of_each_run() -> None:
    runs = study(2, lambda *_: 0.8712, hidden_sizes="8 4")
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
        wilson_table(study(1, lambda *_: 0.8712), 360, [])
