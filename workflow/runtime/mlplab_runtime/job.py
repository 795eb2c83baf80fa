"""What every script of the workflow does around its one call into the library."""

import errno
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mlplab.errors import UserError
from mlplab.garbage import collect_rarely

# What a machine refuses, whatever the code: no place or permission, too many files, no memory.
REFUSED = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS),
    *(errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN),
}
MEND = "see to the disk, the permissions and the limits of this machine, and run the same command"


@contextmanager
def logged(snakemake: Any) -> Iterator[None]:
    """Send all output to the job's log, line by line; end without a traceback where none helps.

    That is on a UserError, and where the machine refuses something. A log that cannot be written is
    told on the terminal.
    """
    collect_rarely()
    try:
        with open(snakemake.log[0], "w", buffering=1, encoding="utf-8") as log:
            sys.stdout = sys.stderr = log
            try:
                yield
            except UserError as error:
                print(f"error: {error}")
                sys.exit(1)
            except MemoryError:
                print(f"error: out of memory; {MEND}")
                sys.exit(1)
            except Exception as error:
                if refusal := _refusal(error):
                    print(f"error: {refusal}; {MEND}")
                else:
                    traceback.print_exc()
                sys.exit(1)
            finally:
                sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    except OSError as error:
        print(f"error: {snakemake.log[0]}: {error.strerror}; {MEND}", file=sys.__stderr__)
        sys.exit(1)


def _refusal(error: BaseException | None) -> str | None:
    """What the machine refused, where an error came from that."""
    while error:
        if isinstance(error, OSError) and error.errno in REFUSED:
            file = f"{error.filename}: " if error.filename else ""
            return f"{file}{error.strerror}"
        error = error.__cause__ or error.__context__
    return None


def tell(message: str) -> None:
    """Say something in the job's log, and on the terminal, or wherever else the job's errors go."""
    print(message)
    print(message, file=sys.__stderr__, flush=True)
