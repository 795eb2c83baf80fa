"""How often garbage is collected: rarely, and what ends with the process ends well."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import atexit, gc, sys, tempfile, weakref
from pathlib import Path
from mlplab.garbage import collect_rarely, leave_at_exit


class Part:
    pass


atexit.register(lambda: print("frozen:", gc.get_freeze_count() > 1000))
collect_rarely()
leave_at_exit()
print("threshold:", gc.get_threshold()[0])
part = Part()
part.itself = part
weakref.finalize(part, print, "finalized")
folder = tempfile.TemporaryDirectory(dir=sys.argv[1])
written = open(Path(sys.argv[1]) / "written.txt", "w")
written.write("all of it")
"""


def test_a_process_that_leaves_its_garbage_still_closes_what_it_holds(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    said = answer.stdout.splitlines()
    assert said[0] == "threshold: 50000"
    assert {"frozen: True", "finalized"} <= set(said)
    assert [path.name for path in tmp_path.iterdir()] == ["written.txt"]
    assert (tmp_path / "written.txt").read_text() == "all of it"
