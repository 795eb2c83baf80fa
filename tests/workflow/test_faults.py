"""Faults of the list, made: each kind once. All of them: `make faults`."""

import pytest

from benchmarks.faults.__main__ import make_all
from benchmarks.faults.catalogue import FAULTS
from benchmarks.faults.judging import Outcome

pytestmark = pytest.mark.slow
BY_NAME = {fault.name: fault for fault in FAULTS}
CHOSEN = (
    "SIGKILL in track",
    "SIGTERM in page",
    "disk full in publish",
    "history.csv edited, before tables",
    "summary.parquet emptied, before page",
    "a mirror's folder is not there",
)


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    """Two at once: each waits for much."""
    return dict(zip(CHOSEN, make_all([BY_NAME[name] for name in CHOSEN]), strict=True))


@pytest.mark.parametrize("name", CHOSEN)
def test_a_study_gets_over_a_fault(name: str, outcomes: dict[str, Outcome]) -> None:
    found = outcomes[name]
    if any(reason.startswith("not made: ") for reason in found.wrong):
        pytest.skip(found.wrong[0])
    assert found.good, f"{found}\n{found.said}"


def test_each_fault_has_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(FAULTS) > 60
