"""Means over seeds: bounds and p-values against formulas, other libraries and simulation."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import optimize, stats

from mlplab.analysis.means import LEAST, Means, unsettled

SKEWED = np.array([0.861, 0.874, 0.868, 0.809, 0.871, 0.866, 0.880])
EVEN = np.array([-0.02, -0.01, 0.0, 0.01, 0.02])


def bounds(values: NDArray[np.float64], images: float = 0.0) -> tuple[float, float]:
    (low,), (high,) = Means.of([values], images).interval()
    return float(low), float(high)


def hall(t: float, skewness: float, n: int) -> float:
    """Hall's transformation of a t statistic, as he prints it."""
    a = skewness / math.sqrt(n)
    return t + a * t**2 / 3 + a**2 * t**3 / 27 + a / 6


def test_without_skewness_it_is_students_t() -> None:
    (low, high), n = bounds(EVEN), len(EVEN)
    error = stats.sem(EVEN)
    # A few seeds' t is widened by 1 + 0.4/(n - 1)².
    half = stats.t.ppf(0.975, n - 1) * error * (1 + 0.4 / (n - 1) ** 2)
    assert (low, high) == pytest.approx((-half, half), rel=1e-5)
    many = np.tile(EVEN, 40)
    theirs = stats.t.interval(0.95, len(many) - 1, loc=many.mean(), scale=stats.sem(many))
    assert bounds(many) == pytest.approx(theirs, rel=1e-3)


def test_a_bound_is_the_farther_one_of_students_and_halls() -> None:
    n, mean, error = len(SKEWED), SKEWED.mean(), stats.sem(SKEWED)
    skewness = float(stats.skew(SKEWED, bias=False))
    quantile = stats.t.ppf(0.975, n - 1) * (1 + 0.4 / (n - 1) ** 2)
    inverse = [
        optimize.brentq(lambda t, q=q: hall(t, skewness, n) - q, -1e3, 1e3)
        for q in (quantile, -quantile)
    ]
    expected = mean - error * max(inverse[0], quantile), mean - error * min(inverse[1], -quantile)
    assert bounds(SKEWED) == pytest.approx(expected)
    # The long side is the lower one.
    low, high = bounds(SKEWED)
    assert mean - low > high - mean


def test_images_are_added_in_squares() -> None:
    (low, high), (lower, higher) = bounds(EVEN), bounds(EVEN, 0.01)
    z = 1.959964
    assert lower == pytest.approx(-math.hypot(low, 0.01 * z))
    assert higher == pytest.approx(math.hypot(high, 0.01 * z))
    means = Means.of([EVEN], 0.01).seeds_alone()
    assert means.interval()[0][0] == pytest.approx(low)


@pytest.mark.parametrize("images", [0.0, 0.004])
def test_p_is_the_level_at_which_an_interval_just_ends(images: float) -> None:
    generator = np.random.default_rng(0)
    samples = [generator.normal(0.01, 0.01, n) ** 3 * 1e3 for n in (3, 4, 7, 20)]
    means = Means.of(samples, images)
    for level, p in zip((0.01, 0.2, 0.6), (0.01, 0.2, 0.6), strict=True):
        low, high = means.interval(confidence=1 - level)
        for value, claimed in ((low, means.p_above), (high, means.p_below)):
            for index, bound in enumerate(value):
                assert claimed(float(bound))[index] == pytest.approx(p / 2, rel=1e-6)
                assert means.p_other(float(bound))[index] == pytest.approx(p, rel=1e-6)


def test_p_without_skewness_is_students() -> None:
    many = np.tile(EVEN + 0.001, 40)
    theirs = stats.ttest_1samp(many, 0)
    assert Means.of([many]).p_other(0.0)[0] == pytest.approx(theirs.pvalue, rel=1e-2)
    above = stats.ttest_1samp(many, -0.002, alternative="greater").pvalue
    below = stats.ttest_1samp(many, 0.002, alternative="less").pvalue
    assert Means.of([many]).p_within(0.002)[0] == pytest.approx(max(above, below), rel=2e-2)


@pytest.mark.parametrize("values", [[], [0.8], [0.8, 0.9], [0.8, 0.8, 0.8], [0.3, 0.1 + 0.2, 0.3]])
def test_where_seeds_say_nothing_there_is_neither_interval_nor_p(values: list[float]) -> None:
    means = Means.of([values])
    found = [*means.interval(), means.p_above(0.0), means.p_other(0.0), means.p_within(0.1)]
    assert all(math.isnan(each[0]) for each in found)
    assert means.mean[0] == pytest.approx(np.mean(values) if values else math.nan, nan_ok=True)


def test_the_spread_over_seeds_is_at_least_what_is_known_of_it() -> None:
    low, high = bounds(EVEN)
    # A normal one, since it is not known from these few seeds.
    least = 2 * high / 1.959964
    (lower,), (higher,) = Means.of([EVEN], 0.0, least).interval()
    assert (lower, higher) == pytest.approx((-2 * high, 2 * high))
    (lower,), (higher,) = Means.of([EVEN], 0.0, least / 3).interval()
    assert (lower, higher) == pytest.approx((low, high))
    assert math.isnan(Means.of([[0.1, 0.1, 0.1]], 0.0, 1.0).interval()[0][0])


def test_an_interval_ends_where_values_do() -> None:
    nearly = [0.9, 0.99, 0.995, 1.0]
    (low,), (high,) = Means.of([nearly]).interval(0.0, 1.0)
    assert high == 1.0 and 0 < low < 0.9
    assert bounds(np.array(nearly))[1] > 1


@pytest.mark.parametrize(
    ("differences", "why"),
    [
        ([0.1, 0.2], "too few seeds"),
        ([0.0, 0.0], "too few seeds"),
        ([0.0, 0.0, 0.0], "identical"),
        ([0.85 - 0.8, 0.9 - 0.85, 0.3 - 0.25], "same difference on every seed"),
        ([0.1, 0.2, 0.1], ""),
    ],
)
def test_why_differences_allow_no_test(differences: list[float], why: str) -> None:
    assert unsettled(np.array(differences)) == why
    assert LEAST == 3


@pytest.mark.parametrize("values", [[0.1, math.nan], [math.inf, 0.1], [[0.1, 0.2]]])
def test_what_is_no_row_of_finite_numbers_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        Means.of([values])


@pytest.mark.parametrize("margin", [0.0, -0.01, math.nan, math.inf])
def test_a_margin_that_is_none_is_refused(margin: float) -> None:
    with pytest.raises(ValueError, match="margin"):
        Means.of([[0.1, 0.2, 0.4]]).p_within(margin)


def left_skewed(shape: tuple[int, int]) -> NDArray[np.float64]:
    """Values with a mean of 0 and a skewness of −1.5: a gamma distribution turned round."""
    form = (2 / 1.5) ** 2
    return form - np.random.default_rng(4).gamma(form, 1, shape)


@pytest.mark.parametrize("n", [3, 5, 10, 20])
def test_skewed_outcomes_are_covered_as_claimed_and_better_than_by_t(n: int) -> None:
    samples = left_skewed((4000, n))
    low, high = Means.of(list(samples)).interval()
    covered = float(np.mean((low <= 0) & (high >= 0)))
    assert 0.935 <= covered <= 0.965
    half = stats.t.ppf(0.975, n - 1) * stats.sem(samples, axis=1)
    assert np.mean(np.abs(samples.mean(axis=1)) <= half) < covered


@pytest.mark.parametrize("n", [3, 5, 10, 20])
def test_normal_outcomes_are_covered_too(n: int) -> None:
    samples = np.random.default_rng(5).normal(size=(4000, n))
    low, high = Means.of(list(samples)).interval()
    assert 0.945 <= np.mean((low <= 0) & (high >= 0)) <= (0.98 if n == 3 else 0.972)


def test_two_means_are_shown_to_be_within_a_margin_at_its_edge_in_5_of_100_studies() -> None:
    samples = np.random.default_rng(6).normal(0.1, 0.1, (4000, 10))
    assert np.mean(Means.of(list(samples)).p_within(0.1) < 0.05) <= 0.06
