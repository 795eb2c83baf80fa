"""No file gets a verdict that it does not deserve, or does harm; each attack ends in its time."""

import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from attacks import ATTACKS, WRONG, text
from mlplab import activations, implementations
from mlplab.isolation import launch
from mlplab.isolation.process import Limits
from mlplab.isolation.run import isolated
from mlplab.isolation.sandbox import Sandbox, Stopped
from mlplab.judging.check import problems
from mlplab.judging.compare import compare, first_difference
from mlplab.judging.tolerances import Row
from mlplab.plugins import PlugInError

LIMITS = Limits(seconds=20, call_seconds=3, memory=3 << 29, threads=100)
MOST_SECONDS = 60

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="Linux only"),
]


@pytest.fixture(params=["bwrap", "without bwrap"])
def mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "bwrap":
        if launch.why_no_bwrap():
            pytest.skip(launch.why_no_bwrap())
        return "require"
    monkeypatch.setattr(launch, "why_no_bwrap", lambda: "bwrap is not installed")
    return "auto"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        yield server


def judged(path: Path, mode: str) -> tuple[list[Row], list[str]]:
    with isolated(path, limits=LIMITS, isolation=mode) as run:
        rows = list(
            compare(
                path,
                implementations.source("concise"),
                activations.load("relu"),
                problems()[:1],
                load=lambda file: run.implementation(file, watch=True),
            )
        )
    assert run.sandbox is not None
    return rows, run.sandbox.notes


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_fails(
    name: str,
    mode: str,
    tmp_path: Path,
    listener: socket.socket,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attack = ATTACKS[name]
    # What the file may not reach lies elsewhere than the file.
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "handed_in"
    elsewhere.mkdir()
    folder.mkdir()
    (elsewhere / "secret").write_text("the secret")
    monkeypatch.setenv("MLPLAB_SECRET", "the secret")
    path = folder / "mine.py"
    path.write_text(text(attack, str(elsewhere), listener.getsockname()[1]))
    started = time.monotonic()
    rows, _ = judged(path, mode)
    assert time.monotonic() - started < MOST_SECONDS
    first = first_difference(rows)
    assert first is not None, "it is called right"
    if attack.told == WRONG:
        assert first.quantity == "gradient"
    else:
        assert first.verdict == "fails", first
        assert attack.told in first.detail
        assert first.detail.startswith(str(path))
        assert "\n" not in first.detail
    assert not any("the secret" in row.detail for row in rows)
    with pytest.raises(TimeoutError):
        listener.accept()
    if attack.harm:
        time.sleep(3.5 if name == "daemon" else 0)
    assert not [each for each in attack.harm if (elsewhere / each).exists()]
    assert (elsewhere / "secret").read_text() == "the secret"
    assert [each.name for each in folder.iterdir()] == ["mine.py"]


def test_who_ends_or_loops_is_told_with_its_line(mode: str, tmp_path: Path) -> None:
    for name in ("exit_at_import", "exit_in_a_step", "crash", "endless_loop", "endless_import"):
        path = tmp_path / f"{name}.py"
        path.write_text(text(ATTACKS[name], "", 0))
        rows, _ = judged(path, mode)
        first = first_difference(rows)
        assert first is not None
        line = int(re.match(rf"{path}:(\d+): ", first.detail)[1])
        code = path.read_text().splitlines()[line - 1]
        assert code.strip() in ATTACKS[name].at_import + ATTACKS[name].in_step, code


def test_who_has_long_waited_to_be_asked_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "loops.py"
    path.write_text("while True:\n    pass\n")
    with Sandbox([path], Limits(call_seconds=1)) as sandbox:
        # It says who it is before anything is asked of it.
        time.sleep(4)
        begun = time.monotonic()
        with pytest.raises(Stopped, match=rf"{path}:[12]: the import has not ended"):
            sandbox.implementation(path, watch=True)
        # Its processor time is known: it computes, and need not be waited for any longer.
        assert time.monotonic() - begun < 2.5


def test_no_process_is_left(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text(ATTACKS["endless_loop"], "", 0))
    judged(path, mode)
    assert not _processes_of(path)


def _processes_of(path: Path) -> list[str]:
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if os.fsencode(path) in place.read_bytes():
                found.append(place.parent.name)
        except OSError:
            continue
    return found


def test_handing_the_work_to_the_reference_is_right_and_told(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("from mlplab.implementations.concise import Network\n")
    rows, notes = judged(path, mode)
    assert first_difference(rows) is None
    assert any("concise, one of the library's own" in note for note in notes)


def test_who_has_used_up_the_time_of_all_answers_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("while True:\n    pass\n")
    limits = Limits(seconds=2, call_seconds=10)
    said = r"mine\.py:\d: the import has not ended within the 2 s of all its answers"
    with isolated(path, limits=limits) as run, pytest.raises(PlugInError, match=said):
        run.implementation(path, watch=True)
