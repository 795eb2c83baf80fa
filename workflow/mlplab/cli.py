"""The command `mlplab`: what can be done without running a study."""

import importlib
import sys
from collections.abc import Sequence
from typing import NamedTuple

from mlplab.garbage import collect_rarely


class Command(NamedTuple):
    """A function that gets the further arguments and returns the exit status, or None for 0."""

    place: str
    takes: str
    does: str


COMMANDS = {
    "benchmark-mistakes": Command(
        "judging.benchmark:main", "[FOLDER]", "how many known mistakes are detected and named"
    ),
    "check": Command("judging.check:main", "FILE", "is this implementation or activation right?"),
    "checklist": Command(
        "crate.make:print_checklist", "STUDY", "what a reviewer asks, answered by a finished study"
    ),
    "config": Command(
        "config.check:main",
        "FILE",
        "is this configuration right? prints it with all defaults filled in",
    ),
    "crate": Command(
        "crate.make:main", "STUDY", "a finished study as one package for others (docs/crates.md)"
    ),
    "docs": Command(
        "config.docs:main", "", "print the table of all configuration keys (config/README.md)"
    ),
    "grade": Command(
        "grading.command:main", "FOLDER", "check all that a class has handed in (docs/teaching.md)"
    ),
    "mistakes": Command(
        "judging.page:main", "FILE", "write the page of known mistakes (docs/mistakes.md)"
    ),
    "reproduce": Command(
        "crate.reproduce:main",
        "CRATE",
        "run the study of a crate again, elsewhere: is it the same?",
    ),
    "schema": Command(
        "config.docs:print_schema",
        "",
        "print the JSON schema of a configuration, for editors (config/schema.json)",
    ),
    "server": Command(
        "tracking.server:main", "", "start a tracking server for a team (docs/tracking-server.md)"
    ),
    "ui": Command("tracking.ui:main", "[STUDY]", "open MLflow's UI on the runs of a study"),
    "watch": Command(
        "terminal.watch:main", "[STUDY]", "show how far a study is that runs elsewhere"
    ),
}


def usage() -> str:
    """What the commands are, a line for each."""
    calls = {name: f"{name} {command.takes}".strip() for name, command in COMMANDS.items()}
    width = max(map(len, calls.values()))
    lines = [f"  {call:{width}}  {COMMANDS[name].does}\n" for name, call in calls.items()]
    return f"""\
usage: mlplab COMMAND …

{"".join(lines)}
`mlplab COMMAND --help` says more.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit status: 2 where there is no such command."""
    command, *rest = list(sys.argv[1:] if arguments is None else arguments) or [""]
    if command in ("-h", "--help"):
        print(usage(), end="")
        return 0
    if command not in COMMANDS:
        found = f"there is no command {command!r}\n\n" if command else ""
        print(f"{found}{usage()}", end="", file=sys.stderr)
        return 2
    collect_rarely()
    # Only what is needed is imported: torch and MLflow take seconds.
    module, _, function = COMMANDS[command].place.partition(":")
    return getattr(importlib.import_module(f"mlplab.{module}"), function)(rest) or 0


if __name__ == "__main__":
    sys.exit(main())
