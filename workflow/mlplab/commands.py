"""The commands that messages advise, as the user calls them."""

import os
import shlex

# The workflow says here how it was called: with which configuration, profile and so on.
VARIABLE = "MLPLAB_COMMAND"
USUAL = "snakemake --cores all"


def again(*anew: str | os.PathLike[str]) -> str:
    """The user's own command, which makes some files, or what some rules make, anew."""
    command = os.environ.get(VARIABLE) or USUAL
    return f"{command} --forcerun {shlex.join(str(each) for each in anew)}" if anew else command
