import os
import time
from pathlib import Path

import pytest

from mlplab_runtime.clock import date_now

HOUR = 3600 * 10**9


def test_files_of_the_future_get_the_date_of_now_and_others_keep_theirs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now = time.time_ns()
    dates = {"old": now - HOUR, "input": now + HOUR, "output": now + 2 * HOUR}
    for name, date in dates.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
        os.utime(tmp_path / name / "file", ns=(date, date))
    date_now(
        [str(tmp_path / "old"), str(tmp_path / "output"), "nowhere"], [tmp_path / "input/file"]
    )
    found = {name: (tmp_path / name / "file").stat().st_mtime_ns for name in dates}
    assert found["old"] == dates["old"]
    assert now <= found["input"] == found["output"] <= time.time_ns()
    assert capsys.readouterr().err.startswith("2 files, such as ")
    date_now([str(tmp_path)])
    assert capsys.readouterr().err == ""
