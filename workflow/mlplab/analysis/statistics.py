"""Paired comparisons over seeds and over test images, as pure functions of numpy arrays.

Differences are 1-D arrays of n finite numbers, first minus second, one for each pair; means, bounds
of intervals and margins have their unit. ValueError where an array is not so.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

CONFIDENCE = 0.95
ALPHA = 0.05
# Up to this many pairs all 2^n flips of signs are counted, above it as many as FLIPS are drawn.
MOST_EXACT = 20
FLIPS = 100_000
# So many flips of so many samples are in memory at a time.
_BLOCK, _SAMPLES = 10_000, 100
# Equal accuracies give differences that are equal up to rounding only.
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class PairedMean:
    """Mean difference of n pairs, its t-interval [low, high] and the p of the paired t-test."""

    n: int
    mean: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Permutation:
    """Two-sided p of a sign-flip test, the least p that n pairs can give; exact or drawn."""

    p: float
    least: float
    exact: bool


@dataclass(frozen=True)
class Equivalence:
    """p of two one-sided tests and their interval; `equivalent` is None for fewer than two pairs.

    `constant` says that all differences are equal: there is then no test, and p is NaN.
    """

    p: float
    equivalent: bool | None
    low: float
    high: float
    constant: bool


@dataclass(frozen=True)
class Interval:
    """Bounds of a confidence interval."""

    low: float
    high: float


@dataclass(frozen=True)
class McNemar:
    """Images that only the first and only the second gets right, and the exact two-sided p."""

    only_first: int
    only_second: int
    p: float


def _checked(differences: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ValueError("differences must be a 1-D array of finite numbers")
    return values


def _constant(values: NDArray[np.float64]) -> bool:
    """Whether all of n >= 1 values are equal up to rounding: their variance then says nothing."""
    return bool(np.ptp(values) <= _TOLERANCE * np.abs(values).max())


def t_quantile(probability: float, freedom: int) -> float:
    """Quantile of Student's t with so many degrees of freedom."""
    return float(special.stdtrit(freedom, probability))


def _t_tail(t: float, freedom: int) -> float:
    """Probability of more than t under Student's t with so many degrees of freedom."""
    return float(special.stdtr(freedom, -t))


def _standard_error(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1)) / math.sqrt(len(values))


def paired_mean(differences: ArrayLike) -> PairedMean:
    """Mean, 95 % t-interval and two-sided paired t-test (Student, Biometrika 6, 1908).

    NaN for n < 2, but for the mean of one. Differences that are all 0 have p 1 and the interval
    [0, 0]; where all are equal but not 0 the test is not defined, and interval and p are NaN.
    """
    values = _checked(differences)
    n = len(values)
    mean = float(values.mean()) if n else math.nan
    if n >= 2 and not values.any():
        return PairedMean(n, 0.0, 0.0, 0.0, 1.0)
    if n < 2 or _constant(values):
        return PairedMean(n, mean, math.nan, math.nan, math.nan)
    error = _standard_error(values)
    half = t_quantile((1 + CONFIDENCE) / 2, n - 1) * error
    p = 2 * _t_tail(abs(mean) / error, n - 1)
    return PairedMean(n, mean, mean - half, mean + half, p)


def least_permutation_p(n: int) -> float:
    """The least two-sided p that n pairs can give: 2/2^n, or 1/(FLIPS + 1) where flips are drawn.

    NaN for n = 0.
    """
    if n == 0:
        return math.nan
    return 2.0 ** (1 - n) if n <= MOST_EXACT else 1 / (FLIPS + 1)


def permutation_test(differences: ArrayLike) -> Permutation:
    """Two-sided sign-flip test of the mean difference (Fisher, The Design of Experiments, 1935).

    p is the share of the 2^n flips whose mean is at least as far from 0 as the one found, ties
    included. For n > MOST_EXACT it is (b + 1)/(m + 1) of m = FLIPS flips drawn from a fixed seed
    (Phipson & Smyth 2010). p is NaN for n = 0.
    """
    return permutation_tests([differences])[0]


def permutation_tests(samples: Sequence[ArrayLike]) -> list[Permutation]:
    """The permutation_test of each sample; samples of the same n > MOST_EXACT share their flips."""
    checked = [_checked(differences) for differences in samples]
    found = {index: _exact_test(v) for index, v in enumerate(checked) if len(v) <= MOST_EXACT}
    drawn: dict[int, list[int]] = {}
    for index, values in enumerate(checked):
        if index not in found:
            drawn.setdefault(len(values), []).append(index)
    for n, members in drawn.items():
        extremes = _drawn_extremes(np.array([checked[index] for index in members]))
        least = least_permutation_p(n)
        for index, count in zip(members, extremes.tolist(), strict=True):
            found[index] = Permutation((count + 1) / (FLIPS + 1), least, False)
    return [found[index] for index in range(len(checked))]


def _threshold(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum from which a flip of the values along the last axis is as extreme as they are."""
    return np.abs(values.sum(axis=-1)) - _TOLERANCE * np.abs(values).sum(axis=-1)


def _exact_test(values: NDArray[np.float64]) -> Permutation:
    n = len(values)
    least = least_permutation_p(n)
    if n == 0:
        return Permutation(math.nan, least, True)
    # For each flip its opposite is as extreme on the other side.
    p = min(1.0, 2 * _sums_from(values, float(_threshold(values))) / 2**n)
    return Permutation(p, least, True)


def _signed_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sums of n values with all 2^n choices of their signs."""
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums - value, sums + value])
    return sums


def _sums_from(values: NDArray[np.float64], threshold: float) -> int:
    """How many of the 2^n signed sums are at least `threshold`, in memory of 2^(n/2).

    Each sum is one of the first half of the values plus one of the rest (meet in the middle).
    """
    half = len(values) // 2
    rest = np.sort(_signed_sums(values[half:]))
    below = np.searchsorted(rest, threshold - _signed_sums(values[:half]))
    return int((len(rest) - below).sum())


def _drawn_extremes(samples: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many of FLIPS drawn signed sums are as extreme, for each of m samples of n values."""
    generator = np.random.default_rng(0)
    thresholds = _threshold(samples)
    extremes = np.zeros(len(samples), dtype=np.int64)
    for start in range(0, FLIPS, _BLOCK):
        shape = (min(_BLOCK, FLIPS - start), samples.shape[1])
        signs = 2.0 * generator.integers(0, 2, shape, dtype=np.int8) - 1
        for first in range(0, len(samples), _SAMPLES):
            some = slice(first, first + _SAMPLES)
            extremes[some] += (np.abs(signs @ samples[some].T) >= thresholds[some]).sum(axis=0)
    return extremes


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjusted p-values of a family, in its order (Holm, Scand. J. Statist. 6, 1979).

    The i-th smallest of m is multiplied by m - i + 1, is no less than the one before it, and at
    most 1. NaN stays NaN and does not count.
    """
    p = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p.shape, math.nan)
    order = np.argsort(p)[: np.count_nonzero(~np.isnan(p))]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(factors * p[order]))
    return adjusted


def cohens_d_z(differences: ArrayLike) -> float:
    """Effect size of pairs: mean over standard deviation of the differences (Cohen 1988).

    0 where all differences are 0; NaN for n < 2 and where all are equal but not 0.
    """
    values = _checked(differences)
    if len(values) < 2:
        return math.nan
    if not values.any():
        return 0.0
    return math.nan if _constant(values) else float(values.mean() / values.std(ddof=1))


def hedges_g_z(differences: ArrayLike) -> float:
    """d_z without its bias in small samples (Hedges, J. Educ. Stat. 6, 1981).

    d_z times Γ(m/2) / (√(m/2) Γ((m - 1)/2)) with m = n - 1. NaN where d_z is, and for n = 2,
    where d_z has no expectation to correct.
    """
    values = _checked(differences)
    m = len(values) - 1
    if m < 2:
        return math.nan
    logarithm = special.gammaln(m / 2) - special.gammaln((m - 1) / 2) - math.log(m / 2) / 2
    return math.exp(logarithm) * cohens_d_z(values)


def equivalence_test(differences: ArrayLike, margin: float) -> Equivalence:
    """Two one-sided t-tests that the mean is within ±margin (Schuirmann, JPB 15, 1987).

    p is the greater of the two; p < 0.05 exactly where the 90 % interval lies within ±margin.
    Where all differences are equal no test is possible: that they are equivalent then says that
    each of them is within the margin, the interval is that one value, and p is NaN. For n < 2
    nothing is said. ValueError where the margin is not above 0 and finite.
    """
    values = _checked(differences)
    if not (margin > 0 and math.isfinite(margin)):
        raise ValueError(f"margin must be above 0 and finite, not {margin}")
    n = len(values)
    if n < 2:
        return Equivalence(math.nan, None, math.nan, math.nan, False)
    mean = float(values.mean())
    if _constant(values):
        within = abs(mean) < margin * (1 - _TOLERANCE)
        return Equivalence(math.nan, within, mean, mean, True)
    error = _standard_error(values)
    p = _t_tail((margin - abs(mean)) / error, n - 1)
    half = t_quantile(1 - ALPHA, n - 1) * error
    return Equivalence(p, p < ALPHA, mean - half, mean + half, False)


def wilson_interval(successes: int, trials: int) -> Interval:
    """95 % score interval of a proportion (Wilson, JASA 22, 1927); ValueError for no trials."""
    if not 0 <= successes <= trials or trials == 0:
        raise ValueError(f"{successes} successes of {trials} trials are no proportion")
    z = float(special.ndtri((1 + CONFIDENCE) / 2))
    share, scale = successes / trials, 2 * (trials + z**2)
    center = (2 * trials * share + z**2) / scale
    half = z / scale * math.sqrt(4 * trials * share * (1 - share) + z**2)
    return Interval(
        center - half if successes else 0.0, center + half if successes < trials else 1.0
    )


def mcnemar_test(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> McNemar:
    """Exact test that two classifiers have the same accuracy (McNemar, Psychometrika 12, 1947).

    `first` and `second`, n booleans each, say which of the same n images each gets right. p is
    two-sided binomial over the images that just one of them gets right, 1 where there is none.
    """
    if first.shape != second.shape or first.ndim != 1 or not first.dtype == second.dtype == bool:
        raise ValueError("correct must be two 1-D arrays of booleans of the same length")
    only_first = int(np.count_nonzero(first & ~second))
    only_second = int(np.count_nonzero(second & ~first))
    discordant = only_first + only_second
    # With a probability of 1/2 both tails are alike.
    tail = float(special.bdtr(min(only_first, only_second), discordant, 0.5))
    return McNemar(only_first, only_second, min(1.0, 2 * tail))
