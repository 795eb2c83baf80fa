"""Files at the root that other programs read: citation, licence, hosted CI, hooks, versions."""

import gzip
import hashlib
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[2]
CFF_SCHEMA = ROOT / "tests" / "schemas" / "cff-1.2.0.json"


def loaded(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def cff_errors(citation: Any) -> list[str]:
    schema = json.loads(CFF_SCHEMA.read_text(encoding="utf-8"))
    validator = jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker())
    return [error.message for error in validator.iter_errors(citation)]


def test_the_citation_is_valid() -> None:
    assert cff_errors(loaded("CITATION.cff")) == []


@pytest.mark.parametrize(
    "change", [{"authors": []}, {"type": "workflow"}, {"licence": "MIT"}, {"title": None}]
)
def test_a_citation_with_a_mistake_is_not_valid(change: dict[str, Any]) -> None:
    assert cff_errors({**loaded("CITATION.cff"), **change})


def test_pyproject_citation_and_changelog_name_the_same_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = loaded("CITATION.cff")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest, *_ = re.findall(r"^## (\d.*)$", changelog, re.MULTILINE)
    assert project["version"] == citation["version"] == newest
    assert project["license"] == citation["license"] == "MIT"


def test_the_licence_names_those_whom_the_citation_names() -> None:
    (author,) = loaded("CITATION.cff")["authors"]
    text = (ROOT / "LICENSE").read_text()
    assert text.startswith("MIT License\n")
    assert re.search(rf"^Copyright \(c\) \d{{4}} {author['name']}$", text, re.MULTILINE)


def test_the_hosted_ci_does_what_ci_run_does_and_may_only_read() -> None:
    workflow = loaded(".github/workflows/ci.yml")
    (job,) = workflow["jobs"].values()
    assert job["steps"][-1] == {"run": "bash .ci/run"}
    assert workflow["permissions"] == {"contents": "read"}


def test_the_hooks_are_the_tools_of_make_lint_and_fetch_nothing() -> None:
    (repository,) = loaded(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    hooks = repository["hooks"]
    assert all(hook["language"] == "system" for hook in hooks)
    commands = [
        " ".join(hook["entry"].split()[:2]).removesuffix(" --force-exclude") for hook in hooks
    ]
    lint = (ROOT / "Makefile").read_text().split("\nlint: ")[1].split("\n\n")[0]
    for command in commands:
        assert command.replace(".venv/bin/", "$(BIN)/") in lint
    assert len(set(commands)) == len(hooks)


def test_contributing_says_what_each_addition_costs() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    _, _, section = text.partition("## What an addition costs\n")
    rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| ")]
    head, *additions = rows
    assert head == "addition" and len(additions) >= 6


def test_the_page_s_chart_library_is_the_one_that_is_said() -> None:
    folder = ROOT / "workflow/mlplab/report/page/vendor"
    said = re.findall(r"^    (\w{64})  (\S+)$", (folder / "README.md").read_text(), re.MULTILINE)
    assert {f"{name}.gz" for _, name in said} == {file.name for file in folder.glob("*.gz")}
    for digest, name in said:
        unpacked = gzip.decompress((folder / f"{name}.gz").read_bytes())
        assert hashlib.sha256(unpacked).hexdigest() == digest
