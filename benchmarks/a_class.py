"""A made-up class for `mlplab grade`: `python -m benchmarks.a_class FOLDER`, then grade it.

The submissions are the right and wrong networks of tests/mistakes, in an order that looks like
none: files, notebooks and folders as Moodle exports them, and one each that exits, that never
ends, and that is an archive.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

from mlplab.files import write_text
from mlplab.judging.benchmark import CORPUS
from mlplab.judging.corpus import read

ODD = {
    "exits": "import os\nos._exit(0)\n",
    "never_ends": "while True:\n    pass\n",
}


def networks() -> Iterator[str]:
    """The text of every network, right or wrong, again and again in the same order."""
    corpus = read(CORPUS)
    texts = [path.read_text(encoding="utf-8") for path in corpus.right]
    texts += [wrong.source() for wrong in corpus.wrong.values()]
    random.Random(0).shuffle(texts)
    return cycle(texts)


def make(folder: Path, count: int) -> None:
    """Write a class of `count` submissions."""
    texts = networks()
    for number in range(1, count - len(ODD)):
        name, text = f"student_{number:03}", next(texts)
        if number % 5 == 0:
            file = (
                folder / f"Student {number}_{1000 + number}_assignsubmission_file_" / "network.py"
            )
            write_text(file, text)
        elif number % 7 == 0:
            cell = {"cell_type": "code", "source": text.splitlines(keepends=True)}
            write_text(folder / f"{name}.ipynb", json.dumps({"cells": [cell]}))
        else:
            write_text(folder / f"{name}.py", text)
    for name, text in ODD.items():
        write_text(folder / f"{name}.py", text)
    write_text(folder / "an_archive.zip", "")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.a_class", description=__doc__)
    parser.add_argument("folder", type=Path, help="a new folder for the submissions")
    parser.add_argument("--count", type=int, default=200, help="how many (default: 200)")
    asked = parser.parse_args()
    if asked.folder.exists():
        sys.exit(f"{asked.folder}: this is there already; name a new folder")
    make(asked.folder, asked.count)


if __name__ == "__main__":
    main()
