"""Means over seeds: intervals and tests that hold where the outcomes are skewed.

The last epoch's accuracy is skewed over seeds: most end high, some well below. Student's t then
claims too much, on the long side. Hall's transformation corrects for the skewness, but too much
where there is none. So a bound is the farther one of the two, and a p-value the greater one. What
that covers, on real seeds and on simulated ones, is in docs/coverage.md.

Images are the other source of chance: a test set is a sample too (Dietterich, Neural Computation
10, 1998; Bouthillier et al., MLSys 2021). Their error is added to that of the seeds as a bound's
distance, in squares (Zou & Donner, Statistics in Medicine 27, 2008). Training sets are not drawn
anew, so what another one would give (Nadeau & Bengio, NIPS 1999) is not in it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

CONFIDENCE = 0.95
# From fewer values nothing is said: two have neither a shape nor much of a spread.
LEAST = 3
# Equal accuracies give values that are equal up to rounding only.
TOLERANCE = 1e-9
# p-values are looked for from 10 to this power, by halving so many times.
_LEAST_P, _STEPS = -30.0, 50

Values = NDArray[np.float64]


def checked(values: ArrayLike) -> Values:
    """The values as a 1-D array; ValueError where they are not finite or not 1-D."""
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or not np.isfinite(sample).all():
        raise ValueError("expected a 1-D array of finite numbers")
    return sample


def constant(values: Values) -> bool:
    """Whether all of n >= 1 values are equal up to rounding: their spread then says nothing."""
    return bool(np.ptp(values) <= TOLERANCE * np.abs(values).max())


def unsettled(differences: Values) -> str:
    """Why n >= 1 differences allow no test; "" where they do.

    "too few seeds", "identical", where all are 0, or "same difference on every seed".
    """
    if len(differences) < LEAST:
        return "too few seeds"
    if not constant(differences):
        return ""
    zero = np.abs(differences).max() <= TOLERANCE
    return "identical" if zero else "same difference on every seed"


@dataclass(frozen=True)
class Means:
    """The means of m samples, with what is known of how far they may be off; arrays of m.

    `n` values each, the standard `error` of the mean over seeds, the `skewness` of the values, and
    the standard error of the mean over images (`images`, 0 where these are taken as they are);
    `least` is what the error over seeds cannot be less than in truth, 0 where that is not known.
    `error` is NaN for fewer than 3 values, and for values that are all equal: nothing is said then.
    """

    n: NDArray[np.int64]
    mean: Values
    error: Values
    skewness: Values
    images: Values
    least: Values

    @classmethod
    def of(
        cls, samples: Sequence[ArrayLike], images: ArrayLike = 0.0, least: ArrayLike = 0.0
    ) -> "Means":
        """Those of samples of any sizes; mean NaN for none. ValueError where one is not finite.

        `images` are the standard errors over images, and `least` what the standard error over seeds
        cannot be less than, as far as they are known.
        """
        rows = [_moments(checked(sample)) for sample in samples]
        n, mean, error, skewness = np.array(rows, dtype=np.float64).reshape(-1, 4).T
        known = (np.asarray(each, dtype=np.float64) for each in (images, least))
        errors, floor = (np.broadcast_to(each, mean.shape) for each in known)
        return cls(n.astype(np.int64), mean, error, skewness, errors, np.nan_to_num(floor))

    def seeds_alone(self) -> "Means":
        """The same for the images as they are."""
        return replace(self, images=np.zeros_like(self.images))

    def interval(
        self, least: float = -math.inf, greatest: float = math.inf, confidence: float = CONFIDENCE
    ) -> tuple[Values, Values]:
        """Lower and upper bounds of the means, each m; NaN where nothing can be said.

        They end where values can be no less or greater: the mean is not beyond, so that what an
        interval leaves out there it did not cover.
        """
        below, above = self._distances(np.full(self.mean.shape, (1 - confidence) / 2))
        return np.maximum(self.mean - below, least), np.minimum(self.mean + above, greatest)

    def p_above(self, value: float) -> Values:
        """One-sided p of the claim that a mean is greater than `value`; NaN where none."""
        return self._tail(self.mean - value, below=True)

    def p_below(self, value: float) -> Values:
        """One-sided p of the claim that a mean is less than `value`; NaN where none."""
        return self._tail(value - self.mean, below=False)

    def p_other(self, value: float) -> Values:
        """Two-sided p of the claim that a mean is another one than `value`; NaN where none."""
        return np.minimum(1.0, 2 * np.fmin(self.p_above(value), self.p_below(value)))

    def p_within(self, margin: float) -> Values:
        """The p of the claim that a mean is within ±margin, of two one-sided tests the greater.

        Schuirmann, J. Pharmacokinetics and Biopharmaceutics 15 (1987). ValueError where the margin
        is not above 0 and finite.
        """
        if not (margin > 0 and math.isfinite(margin)):
            raise ValueError(f"margin must be above 0 and finite, not {margin}")
        return np.maximum(self.p_above(-margin), self.p_below(margin))

    def _distances(self, tail: Values) -> tuple[Values, Values]:
        """How far below and above the mean the bounds lie that leave `tail` beyond each."""
        quantile = -_widening(self.n) * special.stdtrit(np.maximum(self.n - 1, 1), tail)
        slope = self.skewness / np.sqrt(np.maximum(self.n, 1))
        normal = -special.ndtri(tail)

        def distance(sign: int) -> Values:
            farther = np.maximum(quantile, sign * _inverse(sign * quantile, slope))
            # What is known of many images does not rest on a few seeds' degrees of freedom.
            seeds = np.maximum(self.error * np.maximum(farther, 0.0), normal * self.least)
            found: Values = np.hypot(seeds, normal * self.images)
            return found

        return distance(1), distance(-1)

    def _tail(self, distance: Values, below: bool) -> Values:
        """The probability beyond a bound that lies so far from the mean: at most 1/2, or 1."""
        low, high = np.full(distance.shape, _LEAST_P), np.full(distance.shape, math.log10(0.5))
        for _ in range(_STEPS):
            middle = (low + high) / 2
            reached = self._distances(10**middle)[0 if below else 1] >= distance
            low, high = np.where(reached, middle, low), np.where(reached, high, middle)
        p: Values = np.where(distance > 0, 10**high, 1.0)
        return np.where(np.isnan(self.error), math.nan, p)


def _moments(values: Values) -> tuple[float, float, float, float]:
    """n, mean, standard error of it, skewness without bias."""
    n = len(values)
    mean = float(values.mean()) if n else math.nan
    if n < LEAST or constant(values):
        return n, mean, math.nan, math.nan
    deviation = float(values.std(ddof=1))
    third = float(((values - mean) ** 3).mean())
    return n, mean, deviation / math.sqrt(n), third / deviation**3 * n**2 / ((n - 1) * (n - 2))


def _widening(n: NDArray[np.int64]) -> Values:
    """A factor of t for few seeds, of which it covers too little: 1.1 for 3, 1.02 for 5."""
    return 1 + 0.4 / np.maximum(n - 1, 1) ** 2


def _inverse(quantile: Values, slope: Values) -> Values:
    """The statistic that Hall's transformation takes to a quantile.

    With a = skewness/√n it takes t to t + a t²/3 + a² t³/27 + a/6. Hall, On the removal of skewness
    by transformation, J. R. Statist. Soc. B 54 (1992).
    """
    a = np.where(np.abs(slope) < 1e-6, 1e-6, slope)
    found: Values = 3 / a * (np.cbrt(1 + a * (quantile - a / 6)) - 1)
    return found
