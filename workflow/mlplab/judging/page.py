"""docs/mistakes.md, written from the catalogue: `mlplab mistakes docs/mistakes.md`."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from mlplab.files import write_text

# Imported for what its modules put into the catalogue.
from mlplab.judging.mistakes import diagnosis
from mlplab.judging.mistakes.catalogue import CATALOGUE, KINDS, Mistake

assert diagnosis.KINDS

START, END = "<!-- The benchmark's table. -->", "<!-- The end of the table. -->"

HEAD = f"""# Known mistakes

<!-- Written by `make docs` from workflow/mlplab/judging/mistakes/; the table by
`mlplab benchmark-mistakes --page docs/mistakes.md`. -->

`mlplab check FILE` runs a network beside the framework's own. Where they differ it looks for a
known mistake: a small network that makes the mistake must give the same answers as the file, in all
that the file shows, with several starts, batches and learning rates. Then its first line names the
mistake; else it says the place, with the values found and expected, and nothing more.

## How well it does

{START}
{END}

The corpus is `tests/mistakes/`: right networks in many styles, and wrong ones that are made from
them by a few lines, each with the report that its kind of fault is known from. The recognisers were
written beside 75 of the wrong ones. 56 further ones, written from other reports, then were a first
test: 54 were detected (two need great scores, which were not tried yet), of the 51 with a cause
that can be told 40 were named, and three got a false one. What they taught was built in. The last
row but one has those that were written after that; nothing has been changed for their sake. Some
entries have no cause that could be told: they count as not named.

`mlplab benchmark-mistakes` runs it again, or another corpus. The seconds were measured with
`--isolation off`; the process that a stranger's file has of its own takes about two more.

What no such check can see: a fault outside of the file (data that are loaded wrongly, a test set
that is trained on, a network that is saved or evaluated wrongly elsewhere), one that shows only
later than the steps that are run, at sizes or with values that are not tried, or only on another
device; slowness and memory; a right network with settings that do not learn; and whether the file
is one's own work. Where two mistakes meet, the first one that shows is named at best.
"""

ENTRY = """### {name}

{said}

{mend}

Known from: <{known}> ({date}).
"""


def page(table: str = "") -> str:
    """The whole page, with the benchmark's table in it."""
    parts = [with_table(HEAD, table)]
    for kind, title in KINDS.items():
        parts.append(f"## {title}\n")
        parts += [_entry(entry) for entry in CATALOGUE.values() if entry.kind == kind]
    return "\n".join(parts)


def _entry(entry: Mistake) -> str:
    said = entry.said(entry.example)
    # Not the name of a method, nor of a parameter.
    if re.match(r"[a-z]+[ ']", said):
        said = said[0].upper() + said[1:]
    if entry.example:
        said = f"{said}, for example"
    return ENTRY.format(
        name=entry.name, said=f"{said}.", mend=entry.mend, known=entry.known, date=entry.date
    )


def with_table(text: str, table: str) -> str:
    """A page with another table of the benchmark."""
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n{table}{END}{after}"


def table_of(text: str) -> str:
    """The benchmark's table in a page; "" where there is none."""
    return text.partition(START)[2].partition(END)[0].removeprefix("\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="mlplab mistakes", description=__doc__)
    parser.add_argument("page", type=Path, help="the page; its table is kept")
    chosen = parser.parse_args(arguments)
    old = chosen.page.read_text(encoding="utf-8") if chosen.page.is_file() else ""
    write_text(chosen.page, page(table_of(old)))
    return 0
