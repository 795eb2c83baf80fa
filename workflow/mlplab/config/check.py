"""`mlplab config`: check a configuration, and print it with everything that it leaves open."""

import argparse
import sys
from collections.abc import Sequence

import yaml

from mlplab.config.resolve import resolve
from mlplab.config.sources import ConfigError, merged, read

DEFAULT = "config/config.yaml"


def main(arguments: Sequence[str]) -> int:
    """Print the resolved configuration as YAML; returns 1 where it is refused, else 0."""
    parser = argparse.ArgumentParser(
        prog="mlplab config",
        description="Check a configuration, and print it with all defaults filled in.",
        epilog="`snakemake --configfile mine.yaml` runs what "
        f"`mlplab config {DEFAULT} mine.yaml` prints.",
    )
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        default=[DEFAULT],
        help=f"what a later file says replaces what an earlier one says; {DEFAULT} by default",
    )
    files = parser.parse_args(arguments).files
    try:
        sources = read(files)
        resolved = resolve(merged(sources), sources)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    print(yaml.safe_dump(resolved, sort_keys=False), end="")
    return 0
