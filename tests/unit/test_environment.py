import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
# Names that conda-forge spells otherwise.
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}


def direct() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return list(chain(project["dependencies"], *project["optional-dependencies"].values()))


def name_of(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9_.-]", requirement, maxsplit=1)[0].lower()


def locked() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return dict(re.findall(r"^([a-z0-9.-]+)==([^ ;]+)", "\n".join(lines), re.MULTILINE))


def conda() -> dict[str, str]:
    entries = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    return dict(entry.split(" ==") for entry in entries if " ==" in entry)


def build() -> list[str]:
    return list(tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"])


@pytest.mark.parametrize("requirement", [*direct(), *build()])
def test_the_lock_pins_what_pyproject_asks_for(requirement: str) -> None:
    version = locked()[name_of(requirement)]
    for pinned in re.findall(r"==([0-9.]+)$", requirement):
        assert version == pinned
    assert Requirement(requirement).specifier.contains(version)


def test_the_lock_is_the_one_that_make_lock_makes() -> None:
    command, _ = re.findall(r"\$\(BIN\)/(uv pip compile .*)", (ROOT / "Makefile").read_text())
    _, head, *_ = (ROOT / "requirements.lock").read_text().splitlines()
    assert head.removeprefix("#").strip() == command.replace(" --quiet", "")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert re.findall(r"--extra (\w+)", command) == sorted(project["optional-dependencies"])


def test_the_oldest_python_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    oldest = project["requires-python"].removeprefix(">=")
    python = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"][0]
    assert python == f"python >={oldest}"
    assert f"--python-version {oldest} " in (ROOT / "Makefile").read_text()
    script = (ROOT / ".ci" / "environment.py").read_text()
    assert f"OLDEST = ({oldest.replace('.', ', ')})" in script
    for file in ("Dockerfile", "apptainer.def", ".github/workflows/ci.yml"):
        assert re.findall(r"python:([0-9.]+)", (ROOT / file).read_text()) == [oldest], file


def test_conda_gets_the_locked_versions_of_the_direct_dependencies() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [name_of(requirement) for requirement in project["dependencies"]]
    assert conda() == {CONDA_NAMES.get(name, name): locked()[name] for name in names}


def test_the_lock_has_a_hash_for_every_package_and_no_address() -> None:
    text = (ROOT / "requirements.lock").read_text()
    blocks = re.split(r"\n(?=[a-z])", text)[1:]
    assert len(blocks) > 100
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text


def test_conda_channels_end_with_nodefaults() -> None:
    channels = yaml.safe_load((ROOT / "environment.yml").read_text())["channels"]
    assert channels == ["conda-forge", "bioconda", "nodefaults"]


def test_the_config_readme_is_what_the_schema_says() -> None:
    from mlplab.config.docs import markdown

    assert (ROOT / "config" / "README.md").read_text() == markdown(), "run `make docs`"
