"""Faults of the list, made: each kind once. All of them: `make faults`."""

from pathlib import Path

import pytest

from benchmarks.faults.__main__ import outcome
from benchmarks.faults.catalogue import FAULTS
from benchmarks.faults.project import Project, made

pytestmark = pytest.mark.slow
BY_NAME = {fault.name: fault for fault in FAULTS}
CHOSEN = (
    "SIGKILL in track",
    "SIGTERM in page",
    "disk full in publish",
    "history.csv flipped, before tables",
    "summary.parquet emptied, before page",
    "a mirror's folder is not there",
    "LC_ALL=xx_XX.UTF-8",
)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return made(tmp_path_factory.mktemp("faults") / "undisturbed")


@pytest.mark.parametrize("name", CHOSEN)
def test_a_study_gets_over_a_fault(name: str, undisturbed: Project, tmp_path: Path) -> None:
    found = outcome(BY_NAME[name], undisturbed, tmp_path / "fault")
    if any(reason.startswith("not made: ") for reason in found.wrong):
        pytest.skip(found.wrong[0])
    assert found.good, f"{found}\n{found.said}"


def test_each_fault_has_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(FAULTS) > 60
