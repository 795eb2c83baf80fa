"""Implementations that are not right, said before anything else."""

from collections.abc import Mapping

import pandas as pd

from mlplab.report.findings._finding import Finding, first_of
from mlplab.report.findings.parity import Compared, Matrix
from mlplab.report.wording import listed


def wrong(agreement: pd.DataFrame, shown: Matrix) -> Finding | None:
    """Which implementations differ from the reference or break down, by what, and what follows."""
    rows = agreement[agreement["verdict"] != "agrees"].to_dict("records")
    if not rows:
        return None
    activations = {row["implementation"]: row["activations"].split() for row in rows}
    sentences = [_mistaken(name, of, shown) for name, of in activations.items()]
    names = listed(activations)
    verb = "is" if len(rows) == 1 else "are"
    sentences.append(
        f"{names} {verb} left out of all that is said of activations, settings and networks."
    )
    return Finding("wrong", "What is wrong", sentences, " ".join(sentences))


def _mistaken(name: str, activations: list[str], shown: Matrix) -> str:
    """With which activations an implementation differs, and with which it breaks down."""
    cells = dict(zip(shown.activations, shown.rows[name], strict=True))
    differs, fails = (_of(verdict, activations, cells) for verdict in ("differs", "fails"))
    clauses = []
    if differs:
        first = next(iter(differs.values())).first
        clauses.append(
            f"differs from {shown.reference}, the reference, with {first_of(list(differs))}, first "
            f"in {first}"
        )
    if fails:
        clauses.append(f"breaks down with {first_of(list(fails))}")
    return f"Step by step, {name} {', and '.join(clauses)}."


def _of(
    verdict: str, activations: list[str], cells: Mapping[str, Compared | None]
) -> dict[str, Compared]:
    found = {name: cells[name] for name in activations}
    return {name: cell for name, cell in found.items() if cell and cell.verdict == verdict}
