"""Numbers and lists in words, as the report prints them."""

import math
from collections.abc import Sequence
from typing import Any

from mlplab.study.words import human as human
from mlplab.study.words import listed as listed
from mlplab.study.words import setting as setting

NOTHING = "—"
# A p-value that is less is not worth its digits.
LEAST_P = 1e-4


def is_finite(value: Any) -> bool:
    """Whether `value` is a number that can be printed as one."""
    return isinstance(value, int | float) and math.isfinite(value)


def number(value: Any, decimals: int = 4) -> str:
    """A number with a fixed count of decimals; a dash where there is none."""
    return f"{value:.{decimals}f}".replace("-", "\N{MINUS SIGN}") if is_finite(value) else NOTHING


def rounded(value: Any, digits: int = 2) -> str:
    """A number of any size with a few significant digits: 0.0239, 12, 3.2 × 10⁻⁷."""
    if not is_finite(value):
        return NOTHING
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if exponent < -4:
        mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
        superscript = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"{mantissa} × 10{superscript}".replace("-", "\N{MINUS SIGN}")
    return number(value, max(digits - 1 - exponent, 0))


def p_value(value: Any) -> str:
    """A p-value with two significant digits, never as 0: 0.25, 0.0012, < 0.0001."""
    if is_finite(value) and value < LEAST_P:
        return f"< {LEAST_P:f}".rstrip("0")
    return "1" if value == 1 else rounded(value)


def percent(share: Any) -> str:
    """A share in per cent, with one decimal: 12.3 %."""
    return f"{number(100 * share, 1)} %" if is_finite(share) else NOTHING


def points(difference: Any, digits: int = 2) -> str:
    """A difference of two shares in percentage points, with its sign: +1.2, −0.035, 0."""
    if not is_finite(difference):
        return NOTHING
    return f"{'+' if difference > 0 else ''}{rounded(100 * difference, digits)}"


def count(amount: int, noun: str) -> str:
    """An amount with its noun in singular or plural: 1 run, 1,437 images."""
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{amount:,} {noun if amount == 1 else plural}"


def spread(values: Sequence[float], decimals: int = 4) -> str:
    """The range of some values: 0.8944 to 0.9056, or the one value where they agree."""
    low, high = number(min(values), decimals), number(max(values), decimals)
    return low if low == high else f"{low} to {high}"
