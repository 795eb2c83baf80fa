"""How a job ends: in its log, without a traceback where that would not help."""

import errno
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from mlplab.errors import UserError
from mlplab_runtime.job import logged


def log_of(path: Path, error: BaseException) -> str:
    with pytest.raises(SystemExit) as ended, logged(SimpleNamespace(log=[str(path)])):
        raise error
    assert ended.value.code == 1
    assert sys.stdout is sys.__stdout__ or path.exists()
    return path.read_text()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UserError("mend it so"), "error: mend it so\n"),
        (OSError(errno.ENOSPC, "No space", "a.csv"), "error: a.csv: No space; see to the disk"),
        (MemoryError(), "error: out of memory; see to"),
    ],
)
def test_what_a_traceback_would_not_explain_is_a_line(
    tmp_path: Path, error: BaseException, said: str
) -> None:
    log = log_of(tmp_path / "log", error)
    assert log.startswith(said) and len(log.splitlines()) == 1


def test_a_mistake_of_the_code_has_its_traceback(tmp_path: Path) -> None:
    assert "Traceback" in log_of(tmp_path / "log", ValueError("no"))
    assert "Traceback" in log_of(tmp_path / "other", FileNotFoundError(errno.ENOENT, "no", "x"))


def test_an_error_that_came_of_a_full_disk_says_so(tmp_path: Path) -> None:
    error = RuntimeError("the writer failed")
    error.__cause__ = OSError(errno.ENOSPC, "No space")
    assert log_of(tmp_path / "log", error).startswith("error: No space; ")


def test_a_log_that_cannot_be_written_is_told_on_the_terminal(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As the program's own standard error, which pytest has put aside.
    with open(2, "w", closefd=False) as terminal:
        monkeypatch.setattr(sys, "__stderr__", terminal)
        with pytest.raises(SystemExit), logged(SimpleNamespace(log=["/dev/full"])):
            print("a line")
    said = capfd.readouterr().err
    assert said.startswith("error: /dev/full: No space left on device; see to the disk")
    assert len(said.splitlines()) == 1
