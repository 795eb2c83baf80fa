"""What all parts share: cases that alternate, medians, the facts of a machine, tables.

Imports nothing large: the part `scale` measures the memory of processes that it starts.
"""

import os
import statistics
import textwrap
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from mlplab.study import provenance

FOLDER = Path("results/benchmarks")
DATA = Path("results/data/fashion_mnist")

Key = TypeVar("Key", bound=Hashable)
Measured = TypeVar("Measured")


class Seconds(NamedTuple):
    """Seconds of one epoch: its pass over the training set and its pass over the test set."""

    training: float
    test: float

    @property
    def epoch(self) -> float:
        """Seconds of both passes."""
        return self.training + self.test


def alternate(
    cases: Mapping[Key, Callable[[], Measured]], passes: Mapping[Key, int] | int
) -> dict[Key, list[Measured]]:
    """What each case measured, pass by pass: every pass runs the cases in order, one after another.

    So a machine that is slower for a while is so for all of them. One pass more than `passes` is
    made: the first warms caches and is not counted. A case with fewer passes sits the last ones
    out, so that the n-th results of two cases always come from the same pass.
    """
    counted = passes if isinstance(passes, Mapping) else dict.fromkeys(cases, passes)
    measured: dict[Key, list[Measured]] = {key: [] for key in cases}
    last = max(counted.values())
    for number in range(last + 1):
        for key, case in cases.items():
            if number > counted[key]:
                continue
            found = case()
            if number:
                measured[key].append(found)
        print(f"pass {number} of {last}{'' if number else ' (not counted)'}", flush=True)
    return measured


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Number, median, least, greatest and all of some measured values."""
    return {
        "n": len(values),
        "median": statistics.median(values),
        "min": min(values),
        "max": max(values),
        "values": list(values),
    }


def spreads(seconds: Sequence[Seconds]) -> dict[str, Any]:
    """Spread of the training pass, of the test pass and of the whole epoch."""
    return {
        name: spread([getattr(each, name) for each in seconds])
        for name in ("training", "test", "epoch")
    }


def ratio(numerator: Sequence[float], denominator: Sequence[float]) -> float:
    """Median of the quotients of two cases, taken pass by pass."""
    return statistics.median(n / d for n, d in zip(numerator, denominator, strict=False))


@contextmanager
def torch_setting(threads: int, products: str) -> Iterator[None]:
    """Torch's number of threads and precision of products for one case, put back after it."""
    import torch

    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision(products)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.set_float32_matmul_precision(before[1])


def facts() -> dict[str, Any]:
    """When, where and with what code and packages something is measured."""
    return {
        "measured": datetime.now(UTC).isoformat(timespec="minutes"),
        "machine": provenance.machine(),
        # Of the last minute, before anything is measured: other work on the machine makes noise.
        "load": round(os.getloadavg()[0], 2),
        "versions": provenance.versions(),
        "git": provenance.git_state(),
    }


def data_file(name: str) -> Path:
    """A file of Fashion-MNIST as the workflow leaves it; ends the benchmark where it is not."""
    path = DATA / name
    if not path.is_file():
        raise SystemExit(
            f"{path} is not there; this makes it: "
            f".venv/bin/snakemake --cores all {DATA / 'data.safetensors'}"
        )
    return path


def paragraph(text: str) -> str:
    """A paragraph of Markdown, wrapped anew."""
    return textwrap.fill(" ".join(text.split()), 100, break_on_hyphens=False) + "\n"


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown that a terminal shows well: text to the left, all further to the right.

    Columns are as wide as their longest entry; the first one holds text.
    """
    lines = [list(heading), *map(list, rows)]
    widths = [max(3, *map(len, column)) for column in zip(*lines, strict=True)]
    rule = ["-" * widths[0], *(f"{'-' * (width - 1)}:" for width in widths[1:])]

    def line(entries: Sequence[str]) -> str:
        first, *others = zip(entries, widths, strict=True)
        padded = [first[0].ljust(first[1]), *(entry.rjust(width) for entry, width in others)]
        return f"| {' | '.join(padded)} |\n"

    return "".join(map(line, [lines[0], rule, *lines[1:]]))
