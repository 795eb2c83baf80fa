"""What counts, ranks and images say of pairs, as pure functions of numpy arrays.

Differences are 1-D arrays of n finite numbers, first minus second, one for each pair. ValueError
where an array is not so.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from mlplab.analysis.means import CONFIDENCE, TOLERANCE, checked, constant

ALPHA = 0.05


@dataclass(frozen=True)
class Interval:
    """Bounds of a confidence interval."""

    low: float
    high: float


@dataclass(frozen=True)
class WinShare:
    """On how many pairs the first is ahead and on how many neither; the share with its interval."""

    wins: int
    ties: int
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class McNemar:
    """Images that only the first and only the second gets right, and the exact two-sided p."""

    only_first: int
    only_second: int
    p: float


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
    values = checked(differences)
    if len(values) < 2:
        return math.nan
    if not values.any():
        return 0.0
    return math.nan if constant(values) else float(values.mean() / values.std(ddof=1))


def hedges_g_z(differences: ArrayLike) -> float:
    """d_z without its bias in small samples (Hedges, J. Educ. Stat. 6, 1981).

    d_z times Γ(m/2) / (√(m/2) Γ((m - 1)/2)) with m = n - 1. NaN where d_z is, and for n = 2,
    where d_z has no expectation to correct.
    """
    values = checked(differences)
    m = len(values) - 1
    if m < 2:
        return math.nan
    logarithm = special.gammaln(m / 2) - special.gammaln((m - 1) / 2) - math.log(m / 2) / 2
    return math.exp(logarithm) * cohens_d_z(values)


def win_share(differences: ArrayLike) -> WinShare:
    """How often the first of a pair is ahead, with the exact 95 % interval for another pair.

    Clopper & Pearson, Biometrika 26 (1934). A tie counts half; at the lower bound it counts against
    the first, at the upper one for it, so that no less than 95 % is covered. NaN for no pair. As
    the probability that one algorithm beats another: Bouthillier et al., MLSys 2021.
    """
    values = checked(differences)
    n = len(values)
    if not n:
        return WinShare(0, 0, math.nan, math.nan, math.nan)
    tied = np.isclose(values, 0.0, rtol=0.0, atol=TOLERANCE)
    wins, ties = int(np.count_nonzero((values > 0) & ~tied)), int(np.count_nonzero(tied))
    tail = (1 - CONFIDENCE) / 2
    at_most = wins + ties
    low = float(special.betaincinv(wins, n - wins + 1, tail)) if wins else 0.0
    high = float(special.betaincinv(at_most + 1, n - at_most, 1 - tail)) if at_most < n else 1.0
    return WinShare(wins, ties, (wins + ties / 2) / n, low, high)


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


def mcnemar_test(only_first: int, only_second: int) -> McNemar:
    """Exact test that two classifiers have the same accuracy (McNemar, Psychometrika 12, 1947).

    From how many of the same images only the first and only the second gets right. p is two-sided
    binomial over these, 1 where there is none.
    """
    # With a probability of 1/2 both tails are alike.
    tail = float(special.bdtr(min(only_first, only_second), only_first + only_second, 0.5))
    return McNemar(only_first, only_second, min(1.0, 2 * tail))
