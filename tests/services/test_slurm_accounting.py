"""The profile on a Slurm that keeps accounts, as most clusters do."""

from collections.abc import Iterator

import pytest

from services import slurm
from services.accounting import ACCOUNT, AccountingSlurm
from services.faults import Fault, results
from services.on_slurm import LONG, OnSlurm, check, kill_node, run_with
from services.slurm import QUICK
from workflow.conftest import Project

pytestmark = [pytest.mark.slow, pytest.mark.services]
PROFILE = "profiles/slurm/profile.yaml"


@pytest.fixture(scope="module")
def keeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AccountingSlurm]:
    """Two nodes and who keeps the accounts; none of their processes outlives them."""
    folder = tmp_path_factory.mktemp("accounting") / "s"
    with slurm.running(folder, AccountingSlurm) as cluster:
        assert isinstance(cluster, AccountingSlurm)
        yield cluster
    assert not slurm.processes(folder)


def test_the_profile_works_as_it_stands(
    project: Project, keeper: AccountingSlurm, undisturbed: Project
) -> None:
    study = OnSlurm(project, keeper, settings=())
    study.write_config(**LONG)
    # What its comments offer: an account that jobs are charged to.
    profile = project.folder / PROFILE
    text = profile.read_text()
    charged = text.replace("# slurm_account: my_project", f"slurm_account: {ACCOUNT}")
    assert charged != text
    profile.write_text(charged)
    answer = study.run()
    assert answer.returncode == 0, answer.stdout
    assert results(study.study) == results(undisturbed.folder / "results/small")
    # A bundle of two runs, and a comparison with the reference.
    assert keeper.accounts() == [(ACCOUNT, "COMPLETED")] * 2


def test_a_node_that_dies_is_seen_in_the_accounts(
    project: Project, keeper: AccountingSlurm, undisturbed: Project, fault: Fault
) -> None:
    """node killed (-9) on a cluster with accounting, back after 20 s"""
    keeper.wait_until_idle()
    study = OnSlurm(project, keeper, settings=QUICK[1:])
    study.write_config(**LONG)
    earlier = len(keeper.accounts())
    output = run_with(study, fault, lambda: kill_node(study))
    fault.happened = "job lost without warning, submitted again"
    check(study, undisturbed, fault, output)
    lost = [state for _, state in keeper.accounts()[earlier:] if state != "COMPLETED"]
    # NODE_FAIL, or FAILED where the node was back before Slurm missed it.
    assert lost
