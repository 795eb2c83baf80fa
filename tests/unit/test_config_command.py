"""`mlplab config`, and what is written from the declared keys: the schema for editors."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from conftest import REPOSITORY
from mlplab.cli import main
from mlplab.config.resolve import resolve
from mlplab.config.schema import for_editors, schema

SHIPPED = sorted((REPOSITORY / "config").rglob("*.yaml"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """What the command prints, read back."""
    assert main(["config", *arguments]) == 0
    output, errors = capsys.readouterr()
    assert errors == ""
    return yaml.safe_load(output)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_resolved_configuration_is_printed_and_stays_as_it_is(
    path: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    resolved = printed(capsys, str(path))
    assert resolved == resolve(yaml.safe_load(path.read_text(encoding="utf-8")))
    (here / "again.yaml").write_text(yaml.safe_dump(resolved))
    assert printed(capsys, "again.yaml") == resolved


def test_a_later_file_overrides_an_earlier_one(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "a.yaml").write_text("study: a\ntraining: {epochs: 1, batch_size: 8}\n")
    (here / "b.yaml").write_text("study: b\ntraining: {epochs: 1e1}\n")
    resolved = printed(capsys, "a.yaml", "b.yaml")
    assert resolved["study"] == "b"
    assert (resolved["training"]["epochs"], resolved["training"]["batch_size"]) == (10, 8)
    assert printed(capsys, "b.yaml", "a.yaml")["training"]["epochs"] == 1


def test_without_a_file_it_is_the_usual_one(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config"]) == 1
    assert "config/config.yaml: cannot be read: No such file" in capsys.readouterr().err
    (here / "config").mkdir()
    (here / "config" / "config.yaml").write_text("study: usual\n")
    assert printed(capsys)["study"] == "usual"


def test_every_mistake_gets_a_line_and_nothing_is_printed(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "a.yaml").write_text("study: a\ntraining:\n  epochs: 0\n  rate: 1\n")
    (here / "b.yaml").write_text("dataset: mnist\n")
    assert main(["config", "a.yaml", "b.yaml"]) == 1
    output, errors = capsys.readouterr()
    assert output == ""
    assert [
        line.partition(": unknown")[0].partition(" is ")[0] for line in errors.splitlines()
    ] == [
        "config error: b.yaml:1: dataset: 'mnist'",
        "config error: a.yaml:4: training.rate",
        "config error: a.yaml:3: training.epochs: 0",
    ]


def test_files_that_cannot_be_read_are_told_together(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "a.yaml").write_text("study: a\nstudy: b\n")
    (here / "b.yaml").write_text("[\n")
    assert main(["config", "a.yaml", "missing.yaml", "b.yaml"]) == 1
    places = [line.split(": ")[1] for line in capsys.readouterr().err.splitlines()]
    assert places == ["a.yaml:2", "missing.yaml", "b.yaml:2"]


def test_the_schema_for_editors_is_what_is_declared(capsys: pytest.CaptureFixture[str]) -> None:
    kept = (REPOSITORY / "config" / "schema.json").read_text(encoding="utf-8")
    assert kept == for_editors(), "run `make docs`"
    assert main(["schema"]) == 0
    assert capsys.readouterr().out == kept


def test_the_schema_for_editors_says_what_the_check_says() -> None:
    kept = json.loads(for_editors())
    assert kept | {"required": ["study"]} == schema()
    jsonschema.Draft202012Validator.check_schema(kept)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_editors_find_the_schema_and_no_mistake_in_what_is_shipped(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    validator = jsonschema.Draft202012Validator(json.loads(for_editors()))
    validator.validate(yaml.safe_load(text))
    named = re.findall(r"^# yaml-language-server: \$schema=(.*)$", text, re.MULTILINE)
    assert all((path.parent / name).is_file() for name in named)
    assert named or path.name != "config.yaml"


@pytest.mark.parametrize("pattern", re.findall(r'"pattern": "(.*)"', for_editors()))
def test_patterns_are_written_in_what_python_and_editors_share(pattern: str) -> None:
    assert not re.search(r"\\\\[ZAz]|\(\?P", pattern)
