"""How the user calls snakemake: what a message must advise to be of use."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

# Options that decide which study it is and how it runs, with how many values they take; "+" stands
# for all up to the next option. All others are of one call alone: targets, dry run, what is forced.
KEPT: dict[str, int | str] = {
    "--snakefile": 1,
    "-s": 1,
    "--directory": 1,
    "-d": 1,
    "--configfile": "+",
    "--configfiles": "+",
    "--config": "+",
    "-C": "+",
    "--profile": 1,
    "--workflow-profile": 1,
    "--cores": 1,
    "-c": 1,
    "--jobs": 1,
    "-j": 1,
    "--executor": 1,
    "-e": 1,
    "--software-deployment-method": "+",
    "--sdm": "+",
}


def own_command(arguments: Sequence[str]) -> str:
    """The command line `arguments` without what is of one call alone."""
    program, *rest = arguments
    as_module = os.path.basename(program) == "__main__.py"
    called = [_program(sys.executable), "-m", "snakemake"] if as_module else [_program(program)]
    return shlex.join([*called, *_kept(rest)])


def _program(path: str) -> str:
    """As short as it can be called from here."""
    found = shutil.which(os.path.basename(path))
    if found and os.path.realpath(found) == os.path.realpath(path):
        return os.path.basename(path)
    place = Path(os.path.abspath(path))
    return str(place.relative_to(Path.cwd()) if place.is_relative_to(Path.cwd()) else place)


def _kept(arguments: Sequence[str]) -> Iterator[str]:
    wanted: int | str = 0
    for argument in arguments:
        if argument.startswith("-") and argument != "-":
            name, equals, _ = argument.partition("=")
            # -c4 is short for -c 4.
            short = argument[:2] if not argument.startswith("--") and len(argument) > 2 else name
            wanted = KEPT.get(name, KEPT.get(short, 0))
            if wanted:
                yield argument
            if wanted == 1 and (equals or short != name):
                wanted = 0
        elif wanted:
            yield argument
            wanted = 0 if wanted == 1 else wanted
