"""Statistics of pairs: against scipy, against sums done by hand, and by simulation."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from mlplab.analysis import statistics

FIRST = np.array([0.861, 0.874, 0.868, 0.859, 0.871, 0.866, 0.880])
SECOND = np.array([0.858, 0.869, 0.871, 0.850, 0.868, 0.861, 0.872])
STUDIES = 2000


def normal(studies: int, n: int, mean: float = 0.0, seed: int = 0) -> NDArray[np.float64]:
    """Differences of many studies without (or with) a true difference, studies × n."""
    return np.random.default_rng(seed).normal(mean, 1.0, (studies, n))


def at_most(level: float, studies: int = STUDIES) -> float:
    """What a rate of `level` stays under in 999 of 1000 simulations."""
    return float(stats.binom.ppf(0.999, studies, level)) / studies


@pytest.mark.parametrize("n", [2, 3, 7])
def test_paired_t_is_scipys(n: int) -> None:
    ours = statistics.paired_mean(FIRST[:n] - SECOND[:n])
    theirs = stats.ttest_rel(FIRST[:n], SECOND[:n])
    interval = theirs.confidence_interval(0.95)
    assert ours.n == n
    assert ours.mean == pytest.approx((FIRST[:n] - SECOND[:n]).mean())
    assert ours.p == pytest.approx(theirs.pvalue)
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high))


def test_paired_t_of_three_by_hand() -> None:
    # Differences 1, 2, 6: mean 3, s = √7, t = 3/√(7/3) = 1.9640; t for 2 and 97.5 % is 4.302653.
    ours = statistics.paired_mean([1.0, 2.0, 6.0])
    assert ours.low == pytest.approx(3 - 4.302653 * math.sqrt(7 / 3))
    assert ours.high == pytest.approx(3 + 4.302653 * math.sqrt(7 / 3))
    # With 2 degrees of freedom the two-sided p is 1 - t/√(t² + 2).
    t = 3 / math.sqrt(7 / 3)
    assert ours.p == pytest.approx(1 - t / math.sqrt(t**2 + 2))


def test_fewer_than_two_pairs_have_no_t_test() -> None:
    one, none = statistics.paired_mean([0.01]), statistics.paired_mean([])
    assert (one.n, one.mean, none.n) == (1, 0.01, 0)
    for value in (one.low, one.high, one.p, none.mean, none.low, none.high, none.p):
        assert math.isnan(value)


def test_differences_that_are_all_zero_have_p_one() -> None:
    ours = statistics.paired_mean(np.zeros(4))
    assert (ours.mean, ours.low, ours.high, ours.p) == (0, 0, 0, 1)
    assert statistics.permutation_test(np.zeros(4)).p == 1
    assert statistics.permutation_test(np.zeros(30)).p == 1


def test_equal_differences_give_no_p_of_zero_whatever_their_rounding() -> None:
    first, second = np.array([0.85, 0.9, 0.3]), np.array([0.8, 0.85, 0.25])
    differences = first - second
    assert len(set(differences.tolist())) > 1
    ours = statistics.paired_mean(differences)
    assert ours.mean == pytest.approx(0.05)
    for value in (ours.low, ours.high, ours.p, statistics.cohens_d_z(differences)):
        assert math.isnan(value)
    assert statistics.permutation_test(differences).p == 0.25


def scipys_permutation(differences: NDArray[np.float64], **options: float) -> float:
    result = stats.permutation_test(
        (differences, np.zeros_like(differences)),
        lambda first, second, axis: (first - second).mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        **options,
    )
    return float(result.pvalue)


@pytest.mark.parametrize("n", [2, 3, 5, 8, 11])
@pytest.mark.parametrize("mean", [0.0, 0.8, -1.5])
def test_permutation_p_is_scipys(n: int, mean: float) -> None:
    (differences,) = normal(1, n, mean, seed=n)
    ours = statistics.permutation_test(differences)
    assert ours.exact
    assert ours.p == pytest.approx(scipys_permutation(differences, n_resamples=np.inf))


def test_ties_of_rounded_accuracies_count_as_extreme() -> None:
    differences = FIRST - SECOND
    assert statistics.permutation_test(differences).p == pytest.approx(
        scipys_permutation(np.round(1000 * differences), n_resamples=np.inf)
    )


def test_permutation_p_by_hand() -> None:
    # Of the 8 signed sums ±1 ±2 ±4, as far from 0 as 5 = 4 + 2 - 1 are ±5 and ±7.
    assert statistics.permutation_test([-1.0, 2.0, 4.0]).p == 4 / 8
    # A mean of 0 up to rounding is no evidence, and its p is not above 1.
    assert statistics.permutation_test([0.85 - 0.84, 0.84 - 0.85]).p == 1


@pytest.mark.parametrize("n", [1, 2, 3, 6, 20])
def test_the_least_p_is_reached_when_all_differences_have_one_sign(n: int) -> None:
    test = statistics.permutation_test(-np.arange(1.0, n + 1))
    assert test.p == test.least == 2 / 2**n
    assert test.exact


def test_all_flips_of_twenty_pairs_are_counted() -> None:
    differences = np.random.default_rng(1).integers(-9, 15, 20)
    # How many of the 2^20 signed sums have each value, by adding one difference after the other.
    counts = {0: 1}
    for value in differences.tolist():
        sums: dict[int, int] = {}
        for sign, (total, ways) in itertools.product((-1, 1), counts.items()):
            sums[total + sign * value] = sums.get(total + sign * value, 0) + ways
        counts = sums
    extreme = sum(
        ways for total, ways in counts.items() if abs(total) >= abs(int(differences.sum()))
    )
    p = statistics.permutation_test(differences.astype(float)).p
    assert 0.001 < p < 0.9
    assert p == extreme / 2**20


def test_above_twenty_pairs_flips_are_drawn_and_the_p_is_the_same_each_time() -> None:
    (differences,) = normal(1, 40, 0.3)
    ours = statistics.permutation_test(differences)
    assert not ours.exact
    assert ours == statistics.permutation_test(differences)
    # The sum of flips is nearly normal, with the squares' sum as its variance.
    expected = 2 * stats.norm.sf(abs(differences.sum()) / math.sqrt((differences**2).sum()))
    assert ours.p == pytest.approx(expected, abs=0.005)
    assert 0.005 < ours.p < 0.2


def test_drawn_flips_never_give_a_p_of_zero() -> None:
    ours = statistics.permutation_test(np.ones(50))
    assert ours.p == ours.least == 1 / 100_001


def test_samples_tested_together_have_the_p_of_each_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(statistics, "FLIPS", 2500)
    monkeypatch.setattr(statistics, "_BLOCK", 1000)
    monkeypatch.setattr(statistics, "_SAMPLES", 2)
    random = np.random.default_rng(5)
    # Accuracies of 10,000 images, which tie often; some samples need all flips and some draw them.
    samples = [random.integers(-9, 12, n) / 10_000 for n in (30, 5, 30, 0, 30, 21, 30, 20, 30)]
    together = statistics.permutation_tests(samples)
    alone = [statistics.permutation_test(sample) for sample in samples]
    for ours, own in zip(together, alone, strict=True):
        assert (repr(ours), ours.exact) == (repr(own), own.exact)
    assert len({test.p for test in together if not test.exact}) > 3
    assert statistics.permutation_tests([]) == []


def test_students_t_is_scipys() -> None:
    for freedom in (1, 2, 9, 99):
        for probability in (0.95, 0.975):
            expected = stats.t.ppf(probability, freedom)
            assert statistics.t_quantile(probability, freedom) == expected


def test_no_pairs_no_permutation_p() -> None:
    assert math.isnan(statistics.permutation_test([]).p)
    assert math.isnan(statistics.least_permutation_p(0))


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        # 4 × 0.005, 3 × 0.01, 2 × 0.03, and 0.04, which is raised to the one before it.
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        # 3 × 0.02 = 0.06 holds up 2 × 0.025 = 0.05.
        ([0.02, 0.025, 0.5], [0.06, 0.06, 0.5]),
        ([0.6, 0.5], [1.0, 1.0]),
        ([0.25, 0.25, 0.25], [0.75, 0.75, 0.75]),
        ([0.03], [0.03]),
        ([], []),
    ],
)
def test_holm_by_hand(p_values: list[float], adjusted: list[float]) -> None:
    assert statistics.holm(p_values).tolist() == pytest.approx(adjusted)


def test_holm_does_not_count_nan() -> None:
    adjusted = statistics.holm([math.nan, 0.02, 0.03, math.nan])
    assert adjusted.tolist() == pytest.approx([math.nan, 0.04, 0.04, math.nan], nan_ok=True)
    assert np.isnan(statistics.holm([math.nan])).all()


def test_smaller_p_values_never_give_a_greater_corrected_one() -> None:
    greater = np.random.default_rng(3).random((200, 6)) ** 3
    less = greater * np.random.default_rng(4).random((200, 6))
    for p, least in zip(greater, less, strict=True):
        assert (statistics.holm(p) >= statistics.holm(least)).all()


def test_effect_sizes_by_hand() -> None:
    # Differences 1, 2, 6: mean 3, s = √7. For m = 2 the correction is Γ(1)/(1·Γ(1/2)) = 1/√π.
    assert statistics.cohens_d_z([1, 2, 6]) == pytest.approx(3 / math.sqrt(7))
    assert statistics.hedges_g_z([1, 2, 6]) == pytest.approx(3 / math.sqrt(7 * math.pi))
    assert statistics.hedges_g_z([-1, -2, -6]) == pytest.approx(-3 / math.sqrt(7 * math.pi))


@pytest.mark.parametrize("n", [10, 50])
def test_hedges_correction_is_near_its_usual_approximation(n: int) -> None:
    (differences,) = normal(1, n, 1.0)
    ratio = statistics.hedges_g_z(differences) / statistics.cohens_d_z(differences)
    assert ratio == pytest.approx(1 - 3 / (4 * (n - 1) - 1), abs=1e-3)


def test_effect_sizes_where_there_is_none() -> None:
    assert statistics.cohens_d_z([0, 0, 0]) == statistics.hedges_g_z([0, 0, 0]) == 0
    assert math.isnan(statistics.cohens_d_z([1]))
    assert math.isnan(statistics.hedges_g_z([1, 3]))
    assert math.isnan(statistics.hedges_g_z([2, 2, 2]))


@pytest.mark.parametrize("margin", [0.002, 0.005, 0.02])
@pytest.mark.parametrize("sign", [1, -1])
def test_equivalence_is_two_of_scipys_one_sided_tests(margin: float, sign: int) -> None:
    differences = sign * (FIRST - SECOND)
    ours = statistics.equivalence_test(differences, margin)
    above = stats.ttest_1samp(differences, -margin, alternative="greater").pvalue
    below = stats.ttest_1samp(differences, margin, alternative="less").pvalue
    interval = stats.ttest_1samp(differences, 0).confidence_interval(0.9)
    assert ours.p == pytest.approx(max(above, below))
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high))
    assert ours.equivalent == (margin == 0.02)
    assert not ours.constant


def test_equivalence_is_an_interval_within_the_margin() -> None:
    for differences in normal(200, 5, 0.3, seed=2):
        ours = statistics.equivalence_test(differences, 1.2)
        assert ours.equivalent == (max(-ours.low, ours.high) < 1.2)


def test_equal_differences_are_equivalent_by_inspection() -> None:
    zeros = statistics.equivalence_test(np.zeros(3), 0.005)
    assert (zeros.equivalent, zeros.low, zeros.high, zeros.constant) == (True, 0, 0, True)
    assert math.isnan(zeros.p)
    assert statistics.equivalence_test(np.array([0.85, 0.9]) - [0.846, 0.896], 0.005).equivalent
    # Exactly at the margin is not within it, on whichever side rounding puts it.
    for low, high in ((0.845, 0.85), (0.3, 0.305), (0.1, 0.105), (0.85, 0.845)):
        assert not statistics.equivalence_test([high - low] * 2, 0.005).equivalent


def test_equivalence_of_a_single_pair_is_open() -> None:
    ours = statistics.equivalence_test([0.0], 0.005)
    assert ours.equivalent is None
    assert math.isnan(ours.p)


@pytest.mark.parametrize("margin", [0.0, -0.01, math.nan, math.inf])
def test_a_margin_that_is_none_is_refused(margin: float) -> None:
    with pytest.raises(ValueError, match="margin"):
        statistics.equivalence_test([0.1, 0.2], margin)


@pytest.mark.parametrize("differences", [[0.1, math.nan], [math.inf, 0.1], [[0.1, 0.2]]])
def test_differences_that_are_not_finite_numbers_are_refused(differences: list[float]) -> None:
    for function in (
        statistics.paired_mean,
        statistics.permutation_test,
        statistics.cohens_d_z,
        statistics.hedges_g_z,
        lambda values: statistics.equivalence_test(values, 0.1),
    ):
        with pytest.raises(ValueError, match="finite"):
            function(differences)


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (10, 10), (81, 263), (8712, 10_000)])
def test_wilson_interval_is_scipys_and_the_formulas(successes: int, trials: int) -> None:
    ours = statistics.wilson_interval(successes, trials)
    theirs = stats.binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert (ours.low, ours.high) == (theirs.low, theirs.high)
    z, share = 1.959963984540054, successes / trials
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = math.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2)) / (1 + z**2 / trials)
    assert (ours.low, ours.high) == pytest.approx((centre - z * half, centre + z * half))


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (-1, 5), (6, 5)])
def test_what_is_no_proportion_is_refused(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="no proportion"):
        statistics.wilson_interval(successes, trials)


def correct(both: int, only_first: int, only_second: int, neither: int) -> NDArray[np.bool_]:
    """Two rows of right and wrong with these counts of images."""
    counts = (both, only_first, only_second, neither)
    return np.repeat(np.array([[1, 1, 0, 0], [1, 0, 1, 0]], dtype=bool), counts, axis=1)


@pytest.mark.parametrize(("b", "c"), [(9, 2), (2, 9), (1, 0), (30, 31), (120, 80)])
def test_mcnemar_is_a_binomial_test_of_the_discordant(b: int, c: int) -> None:
    ours = statistics.mcnemar_test(*correct(500, b, c, 40))
    assert (ours.only_first, ours.only_second) == (b, c)
    assert ours.p == pytest.approx(stats.binomtest(b, b + c, 0.5).pvalue)
    tail = sum(math.comb(b + c, k) for k in range(min(b, c) + 1)) / 2 ** (b + c)
    assert ours.p == pytest.approx(min(1, 2 * tail))


def test_mcnemar_without_discordance_has_p_one() -> None:
    assert statistics.mcnemar_test(*correct(5, 0, 0, 5)) == statistics.McNemar(0, 0, 1.0)


def test_predictions_that_do_not_fit_are_refused() -> None:
    hit = np.ones(3, dtype=bool)
    others: list[NDArray[Any]] = [np.ones(4, bool), np.ones(3), np.ones((3, 1), bool)]
    for other in others:
        with pytest.raises(ValueError, match="correct"):
            statistics.mcnemar_test(hit, other)


@pytest.mark.parametrize("n", [3, 10])
def test_intervals_cover_the_true_difference_in_95_of_100_studies(n: int) -> None:
    intervals = [statistics.paired_mean(study) for study in normal(STUDIES, n, 0.7, seed=n)]
    covered = np.mean([interval.low <= 0.7 <= interval.high for interval in intervals])
    assert 0.94 <= covered <= 0.96


def test_without_a_difference_no_test_finds_one_more_often_than_its_level() -> None:
    studies = normal(STUDIES, 8, seed=4)
    t = np.array([statistics.paired_mean(study).p for study in studies])
    permutation = np.array([statistics.permutation_test(study).p for study in studies])
    for p in (t, permutation):
        for level in (0.01, 0.05, 0.2):
            assert np.mean(p <= level) <= at_most(level)
    # Not by finding nothing: at a level that 8 pairs can give, the rate is that level.
    assert np.mean(t <= 0.05) == pytest.approx(0.05, abs=0.01)
    assert np.mean(permutation <= 6 / 128) == pytest.approx(6 / 128, abs=0.01)


def test_a_true_difference_is_found() -> None:
    studies = normal(200, 8, 2.0, seed=5)
    assert np.mean([statistics.permutation_test(study).p < 0.05 for study in studies]) > 0.9


def test_a_family_without_a_difference_has_a_finding_in_at_most_5_of_100_studies() -> None:
    # Six comparisons of four groups over shared seeds, so that their p-values depend on each other.
    groups = np.random.default_rng(6).normal(size=(STUDIES // 2, 4, 9))
    pairs = list(itertools.combinations(range(4), 2))
    for test in (statistics.paired_mean, statistics.permutation_test):
        p = np.array([[test(study[a] - study[b]).p for a, b in pairs] for study in groups])
        adjusted = np.array([statistics.holm(family) for family in p])
        assert np.mean(adjusted.min(axis=1) < 0.05) <= at_most(0.05, STUDIES // 2)
        # Without correction there are far more.
        assert np.mean(p.min(axis=1) < 0.05) > 0.12


@pytest.mark.parametrize("sign", [1, -1])
def test_at_the_margin_equivalence_is_claimed_in_at_most_5_of_100_studies(sign: int) -> None:
    margin = 3.0
    studies = normal(STUDIES, 6, sign * margin, seed=7)
    claimed = np.mean([statistics.equivalence_test(study, margin).equivalent for study in studies])
    assert 0.03 <= claimed <= at_most(0.05)


def test_hedges_correction_takes_the_bias_away() -> None:
    studies = normal(5_000, 4, 1.0, seed=8)
    g = [statistics.hedges_g_z(study) for study in studies]
    d = [statistics.cohens_d_z(study) for study in studies]
    assert np.mean(g) == pytest.approx(1.0, abs=0.03)
    assert np.mean(d) > 1.3
