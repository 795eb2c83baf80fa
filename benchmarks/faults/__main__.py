"""`python -m benchmarks.faults [NAME …]`: make faults, and say what becomes of a study.

Without a name all of them, two side by side; else those with a NAME in theirs. docs/faults.md has
what became of each the last time.
"""

import argparse
import os
import re
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.faults import page
from benchmarks.faults.catalogue import FAULTS
from benchmarks.faults.fault import Fault
from benchmarks.faults.judging import Outcome, judge, words
from benchmarks.faults.making import NotMade
from benchmarks.faults.project import Project, made

# The command that a message ends in.
ADVISED = re.compile(r"\S+ -m snakemake --configfile small\.yaml .*--forcerun .*")


def advised(output: str) -> list[str]:
    """The arguments of the command that was advised last; none where none was."""
    found = ADVISED.findall(output)
    # Python, -m, snakemake, --configfile and the file come by themselves.
    return shlex.split(found[-1])[5:] if found else []


def outcome(fault: Fault, undisturbed: Project, place: Path) -> Outcome:
    """Make a fault in a copy of the finished project, and see what becomes of it."""
    found = Outcome()
    project = undisturbed.copy(place)
    begun = time.monotonic()
    try:
        answer = fault.strike(project)
    except NotMade as reason:
        found.wrong.append(f"not made: {reason}")
        return found
    found.said = answer.stdout
    found.wrong += words(answer.stdout, fault.says)
    found.survived = "at once"
    if answer.returncode:
        if fault.advice:
            fault.advice(project)
        arguments = advised(answer.stdout)
        again = project.run(*arguments)
        found.survived = "advised command" if arguments else "same command"
        if again.returncode:
            found.survived = ""
            found.wrong.append(f"then: {again.stdout[-1500:]}")
    found.seconds = time.monotonic() - begun
    if found.survived:
        judge(project, undisturbed, found)
    return found


def make_all(faults: Sequence[Fault], at_once: int = 2, keep: bool = False) -> list[Outcome]:
    """Make faults, so many side by side; what became of each is printed as soon as it is known."""
    place = Path(tempfile.mkdtemp(prefix="mlplab-faults-"))
    # A user without rights must get there.
    place.chmod(0o755)
    try:
        undisturbed = made(place / "undisturbed")

        def one(number: int) -> Outcome:
            own = place / str(number)
            found = outcome(faults[number], undisturbed, own)
            print(page.line(faults[number], found), flush=True)
            if not keep:
                shutil.rmtree(own, ignore_errors=True)
            return found

        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(one, range(len(faults))))
    finally:
        print(f"kept: {place}") if keep else shutil.rmtree(place)


def main() -> int:
    """Make the faults that are named; returns how many were not got over as they should be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="part of a fault's name")
    parser.add_argument("--list", action="store_true", help="only print the names")
    parser.add_argument("--keep", action="store_true", help="keep the folders, and print all")
    given = parser.parse_args()
    chosen = [
        fault
        for fault in FAULTS
        if not given.names or any(name in fault.name for name in given.names)
    ]
    if given.list:
        print("\n".join(f"{fault.group}: {fault.name}" for fault in chosen))
        return 0
    begun = time.monotonic()
    outcomes = make_all(chosen, keep=given.keep)
    if given.keep:
        for fault, found in zip(chosen, outcomes, strict=True):
            print(f"\n=== {fault.name}\n{found.said}\n{found}")
    bad = sum(not found.good for found in outcomes)
    print(f"{len(chosen)} faults in {time.monotonic() - begun:.0f} s, {bad} not as they should be")
    page.write(FAULTS, page.keep(chosen, outcomes))
    return min(bad, 100)


if __name__ == "__main__":
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    sys.exit(main())
