"""The command `mlplab`: what can be done without running a study."""

import sys
from collections.abc import Callable, Sequence

USAGE = """\
usage: mlplab COMMAND …

  check FILE        is this implementation or activation right?
  checklist STUDY   what a reviewer asks, answered by a finished study
  config FILE       is this configuration right? prints it with all defaults filled in
  crate STUDY       a finished study as one package for others (docs/crates.md)
  docs              print the table of all configuration keys (config/README.md)
  reproduce CRATE   run the study of a crate again, elsewhere: is it the same?
  schema            print the JSON schema of a configuration, for editors (config/schema.json)
  server            start a tracking server for a team (docs/tracking-server.md)
  ui [STUDY]        open MLflow's UI on the runs of a study
  watch [STUDY]     show how far a study is that runs elsewhere

`mlplab COMMAND --help` says more.
"""


def _check(arguments: Sequence[str]) -> int:
    from mlplab.judging.check import main

    return main(arguments)


def _checklist(arguments: Sequence[str]) -> int:
    from mlplab.crate.make import print_checklist

    return print_checklist(arguments)


def _config(arguments: Sequence[str]) -> int:
    from mlplab.config.check import main

    return main(arguments)


def _crate(arguments: Sequence[str]) -> int:
    from mlplab.crate.make import main

    return main(arguments)


def _docs(arguments: Sequence[str]) -> int:
    from mlplab.config.docs import markdown

    print(markdown(), end="")
    return 0


def _reproduce(arguments: Sequence[str]) -> int:
    from mlplab.crate.reproduce import main

    return main(arguments)


def _schema(arguments: Sequence[str]) -> int:
    from mlplab.config.schema import for_editors

    print(for_editors(), end="")
    return 0


def _server(arguments: Sequence[str]) -> int:
    from mlplab.tracking.server import main

    main(arguments)
    return 0


def _ui(arguments: Sequence[str]) -> int:
    from mlplab.tracking.ui import main

    return main(arguments)


def _watch(arguments: Sequence[str]) -> int:
    from mlplab.terminal.watch import main

    return main(arguments)


# Each imports what it needs itself: torch and MLflow take seconds.
COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "check": _check,
    "checklist": _checklist,
    "config": _config,
    "crate": _crate,
    "docs": _docs,
    "reproduce": _reproduce,
    "schema": _schema,
    "server": _server,
    "ui": _ui,
    "watch": _watch,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit status: 2 where there is no such command."""
    command, *rest = list(sys.argv[1:] if arguments is None else arguments) or [""]
    if command in ("-h", "--help"):
        print(USAGE, end="")
        return 0
    if command not in COMMANDS:
        found = f"there is no command {command!r}\n\n" if command else ""
        print(f"{found}{USAGE}", end="", file=sys.stderr)
        return 2
    return COMMANDS[command](rest)


if __name__ == "__main__":
    sys.exit(main())
