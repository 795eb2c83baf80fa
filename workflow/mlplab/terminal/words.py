"""Numbers and curves as a terminal shows them."""

import math
from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"


def duration(seconds: float, roughly: bool = False) -> str:
    """Seconds in words: 3.1 s (roughly 3 s), 40 s, 3 min, 2 h 5 min."""
    if seconds < 10 and not roughly:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def number(amount: int, noun: str) -> str:
    """An amount with its noun: 1 network, 3 networks."""
    return f"{amount:,} {noun if amount == 1 else noun + 's'}"


def curve(values: Sequence[float], width: int) -> str:
    """A small curve of the last `width` values, between their least and their greatest."""
    recent = [value for value in values if math.isfinite(value)][-width:]
    if not recent or width < 1:
        return ""
    low, high = min(recent), max(recent)
    steps = (len(BARS) - 1) / (high - low) if high > low else 0
    return "".join(BARS[round((value - low) * steps)] for value in recent)


def bar(share: float, width: int, plain: bool) -> tuple[str, str]:
    """What is done and what is left of a bar of `width` characters."""
    done = min(int(share * width), width)
    marks = ("#", "-") if plain else ("━", "─")
    return marks[0] * done, marks[1] * (width - done)
