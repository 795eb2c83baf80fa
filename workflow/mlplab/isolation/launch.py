"""How the process for strangers' files is started: with what environment, and what it sees."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from mlplab.errors import UserError
from mlplab.isolation.confinement import present

LIBRARY = Path(__file__).parents[1]
# Of the environment, what a computation needs and no secret is in.
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "CONDA_PREFIX")
# Is set where strangers' files are run.
MARK = "MLPLAB_ISOLATED"
# In the scratch folder, what belongs to no file: caches of packages.
HOME = ".home"
# Programs and libraries, and the few settings that they read.
SYSTEM = (
    "/usr",
    "/bin",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/alternatives",
    "/etc/passwd",
    "/etc/nsswitch.conf",
)
# Of these bwrap makes the process's own.
KERNEL = ("/proc", "/sys/devices/system")


def readable(files: Sequence[Path]) -> list[Path]:
    """What the process may read: the system, Python with its packages, the files' own folders."""
    python = [sys.prefix, sys.base_prefix, *sysconfig.get_paths().values()]
    folders = [path.parent for path in files]
    return present([*map(Path, SYSTEM), *map(Path, python), LIBRARY, *folders])


def environment(scratch: Path) -> dict[str, str]:
    """The environment of the process."""
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    threads = {
        f"{library}_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")
        for library in ("OMP", "MKL", "OPENBLAS")
    }
    own = {"HOME": str(scratch / HOME), "TMPDIR": str(scratch / HOME), "USER": "nobody"}
    python = {
        "PYTHONPATH": str(LIBRARY.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
    }
    return {**kept, **threads, **own, **python, MARK: "1"}


def bwrap(reads: Sequence[Path], scratch: Path) -> list[str]:
    """The command before the command that runs it in a file system of its own.

    No network, own process numbers, and of the file system what may be read, read-only.
    """
    found = shutil.which("bwrap")
    command = [found or "bwrap", "--unshare-all", "--die-with-parent", "--new-session"]
    command += ["--cap-drop", "ALL", "--proc", "/proc", "--dev", "/dev"]
    for path in [*reads, *present([Path("/sys/devices/system")])]:
        command += ["--ro-bind", str(path.resolve()), str(path)]
    return [*command, "--bind", str(scratch), str(scratch), "--chdir", str(scratch)]


@cache
def why_no_bwrap() -> str:
    """Why bwrap cannot be used here, "" where it can."""
    if sys.platform != "linux" or not shutil.which("bwrap"):
        return "bwrap is not installed"
    test = bwrap(present(map(Path, SYSTEM)), Path("/tmp"))
    done = subprocess.run([*test, "true"], capture_output=True, text=True)
    return f"bwrap does not work here ({done.stderr.strip()[:200]})" if done.returncode else ""


def uses_bwrap(isolation: str) -> bool:
    """Whether bwrap is to be used; raises UserError where it is required and cannot be."""
    reason = why_no_bwrap()
    if reason and isolation == "require":
        raise UserError(
            f"isolation: `require` asks for bwrap, and {reason}; install the package bubblewrap, "
            f"or choose `auto`, which limits files, network and processes without it"
        )
    return not reason


def start(
    arguments: Sequence[str],
    descriptors: Sequence[int],
    reads: Sequence[Path],
    scratch: Path,
    with_bwrap: bool,
) -> subprocess.Popen[bytes]:
    """The process; its output is one pipe."""
    python = [sys.executable, "-P", "-m", "mlplab.isolation.child", *arguments]
    return subprocess.Popen(
        [*bwrap(reads, scratch), *python] if with_bwrap else python,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=descriptors,
        cwd=scratch,
        env=environment(scratch),
        start_new_session=True,
    )
