"""Statistics of pairs: against scipy, against sums done by hand, and by simulation."""

import itertools
import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from mlplab.analysis import statistics
from mlplab.analysis.means import Means

STUDIES = 2000


def normal(studies: int, n: int, mean: float = 0.0, seed: int = 0) -> NDArray[np.float64]:
    """Differences of many studies without (or with) a true difference, studies × n."""
    return np.random.default_rng(seed).normal(mean, 1.0, (studies, n))


def at_most(level: float, studies: int = STUDIES) -> float:
    """What a rate of `level` stays under in 999 of 1000 simulations."""
    return float(stats.binom.ppf(0.999, studies, level)) / studies


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


@pytest.mark.parametrize("differences", [[0.1, math.nan], [math.inf, 0.1], [[0.1, 0.2]]])
def test_differences_that_are_not_finite_numbers_are_refused(differences: list[float]) -> None:
    for function in (
        statistics.cohens_d_z,
        statistics.hedges_g_z,
        statistics.win_share,
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


@pytest.mark.parametrize(("b", "c"), [(9, 2), (2, 9), (1, 0), (30, 31), (120, 80)])
def test_mcnemar_is_a_binomial_test_of_the_discordant(b: int, c: int) -> None:
    ours = statistics.mcnemar_test(b, c)
    assert (ours.only_first, ours.only_second) == (b, c)
    assert ours.p == pytest.approx(stats.binomtest(b, b + c, 0.5).pvalue)
    tail = sum(math.comb(b + c, k) for k in range(min(b, c) + 1)) / 2 ** (b + c)
    assert ours.p == pytest.approx(min(1, 2 * tail))


def test_mcnemar_without_discordance_has_p_one() -> None:
    assert statistics.mcnemar_test(0, 0) == statistics.McNemar(0, 0, 1.0)


@pytest.mark.parametrize(("wins", "losses"), [(3, 0), (0, 4), (23, 1), (7, 13)])
def test_the_chance_to_be_ahead_has_scipys_exact_interval(wins: int, losses: int) -> None:
    ours = statistics.win_share([0.1] * wins + [-0.2] * losses)
    theirs = stats.binomtest(wins, wins + losses).proportion_ci(0.95, method="exact")
    assert (ours.wins, ours.ties, ours.share) == (wins, 0, wins / (wins + losses))
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))


def test_a_tie_is_half_a_win_and_at_a_bound_counts_against_it() -> None:
    ours = statistics.win_share([0.1, 0.85 - 0.8 - 0.05, 0.0, -0.1])
    assert (ours.wins, ours.ties, ours.share) == (1, 2, 0.5)
    low = stats.binomtest(1, 4).proportion_ci(0.95, method="exact").low
    high = stats.binomtest(3, 4).proportion_ci(0.95, method="exact").high
    assert (ours.low, ours.high) == pytest.approx((low, high))
    all_tied = statistics.win_share([0.0, 0.0])
    assert (all_tied.share, all_tied.low, all_tied.high) == (0.5, 0.0, 1.0)
    assert math.isnan(statistics.win_share([]).share)


def test_a_family_without_a_difference_has_a_finding_in_at_most_5_of_100_studies() -> None:
    # Six comparisons of four groups over shared seeds, so that their p-values depend on each other.
    groups = np.random.default_rng(6).normal(size=(STUDIES, 4, 9))
    pairs = list(itertools.combinations(range(4), 2))
    p = np.array([Means.of(groups[:, a] - groups[:, b]).p_other(0.0) for a, b in pairs]).T
    adjusted = np.array([statistics.holm(family) for family in p])
    assert np.mean(adjusted.min(axis=1) < 0.05) <= at_most(0.05)
    # Without correction there are far more.
    assert np.mean(p.min(axis=1) < 0.05) > 0.1


def test_hedges_correction_takes_the_bias_away() -> None:
    studies = normal(5_000, 4, 1.0, seed=8)
    g = [statistics.hedges_g_z(study) for study in studies]
    d = [statistics.cohens_d_z(study) for study in studies]
    assert np.mean(g) == pytest.approx(1.0, abs=0.03)
    assert np.mean(d) > 1.3
