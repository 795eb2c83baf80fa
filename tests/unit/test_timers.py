import os
import subprocess
import sys

from conftest import REPOSITORY


def test_a_timer_that_is_left_does_not_keep_the_process_from_ending() -> None:
    program = (
        "import threading\n"
        "from mlplab_runtime.timers import end_timers_with_main_thread\n"
        "end_timers_with_main_thread()\n"
        "threading.Timer(600, print, ['late']).start()\n"
        "print('done')\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "workflow/runtime")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (answer.stdout, answer.stderr, answer.returncode) == ("done\n", "", 0)
