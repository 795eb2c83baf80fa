"""What every script of the workflow does around its one call into the library."""

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mlplab.errors import UserError


@contextmanager
def logged(snakemake: Any) -> Iterator[None]:
    """Send all output to the job's log, line by line; end on a UserError without a traceback."""
    with open(snakemake.log[0], "w", buffering=1, encoding="utf-8") as log:
        sys.stdout = sys.stderr = log
        try:
            yield
        except UserError as error:
            print(f"error: {error}")
            sys.exit(1)
        except Exception:
            traceback.print_exc()
            sys.exit(1)
        finally:
            sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__


def tell(message: str) -> None:
    """Say something in the job's log, and on the terminal, or wherever else the job's errors go."""
    print(message)
    print(message, file=sys.__stderr__, flush=True)
