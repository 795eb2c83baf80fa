import subprocess
import sys
from pathlib import Path

import pytest

from conftest import REPOSITORY
from mlplab_runtime.lock import hold_lock, sweep


def test_a_lock_is_refused_while_held_and_free_when_its_process_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[2]); from pathlib import Path; "
        "from mlplab_runtime.lock import hold_lock; lock = hold_lock(Path(sys.argv[1])); "
        "print('held', flush=True); time.sleep(60)"
    )
    library = str(REPOSITORY / "workflow/runtime")
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path), library], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with pytest.raises(SystemExit, match="Another snakemake"):
        hold_lock(path)
    process.kill()
    process.wait()
    hold_lock(path).close()


def test_what_a_killed_snakemake_has_left_is_swept_up_and_nothing_else(tmp_path: Path) -> None:
    path, killed, used = tmp_path / "lock", tmp_path / "killed", tmp_path / "used"
    killed.mkdir()
    used.mkdir()
    (used / "file").touch()
    script = tmp_path / "scripts/tmpabc.train.py"
    script.parent.mkdir()
    script.touch()
    for temporary in (killed, used, tmp_path / "new"):
        with hold_lock(path) as lock:
            sweep(lock, str(temporary))
        assert path.read_text() == str(temporary)
    assert not script.exists()
    assert not killed.exists()
    assert used.exists()
