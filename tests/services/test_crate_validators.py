"""A crate before the validators of its formats, without a network."""

import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import REPOSITORY
from workflow.conftest import crate, finished

__all__ = ["crate", "finished"]

pytestmark = pytest.mark.services
PYTHON = REPOSITORY / ".ci/.validators/bin/python"


def validated(crate: Path) -> subprocess.CompletedProcess[str]:
    """What the validators say, in a process that has no network."""
    assert PYTHON.exists(), "no validators; `make validators` makes them"
    command = ["unshare", "--net", str(PYTHON), str(REPOSITORY / ".ci/validate.py"), str(crate)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def test_the_crate_of_a_study_is_valid(crate: Path) -> None:
    answer = validated(crate)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert answer.stdout.splitlines() == [
        "ro_crate: valid",
        "croissant: valid",
        "citation: valid",
        "bill_of_materials: valid",
    ]


def test_a_mistake_in_each_of_its_documents_is_found(crate: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(crate, tmp_path / "broken")
    for name, right, wrong in (
        ("ro-crate-metadata.json", '"instrument"', '"agent"'),
        ("croissant.json", '"contentUrl"', '"address"'),
        ("CITATION.cff", "title: MLP Lab", "name: MLP Lab"),
        ("sbom.cdx.json", '"CycloneDX"', '"Bill"'),
    ):
        text = (broken / name).read_text(encoding="utf-8")
        assert right in text
        (broken / name).write_text(text.replace(right, wrong), encoding="utf-8")
    answer = validated(broken)
    assert answer.returncode == 1, answer.stderr
    assert "The Action MUST have an instrument" in answer.stdout
    assert "('name' was unexpected)" in answer.stdout
    assert "'Bill' is not one of" in answer.stdout
    assert ": valid" not in answer.stdout
