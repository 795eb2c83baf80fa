"""Rules: complete, in the right place on a cluster, and as catalogue and list of tables say."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conftest import REPOSITORY
from mlplab.figures import catalogue
from mlplab.report import contents
from mlplab.study.figures import FORMATS, SECTIONS
from mlplab.study.tables import TABLES

pytestmark = pytest.mark.slow

# Prints of every rule what it says; a process of its own, for the Snakefile changes the process.
INSPECT = """
import json, sys
from pathlib import Path

from snakemake.api import SnakemakeApi
from snakemake.settings.types import ConfigSettings, OutputSettings, ResourceSettings

config = ConfigSettings(configfiles=[Path("test.yaml")])
with SnakemakeApi(OutputSettings()) as api:
    parsed = api.workflow(
        resource_settings=ResourceSettings(cores=1),
        config_settings=config,
        snakefile=Path(sys.argv[1]),
    )._workflow
    rules = {
        rule.name: {
            "local": rule.name in parsed._localrules,
            "script": rule.script,
            "log": list(map(str, rule.log)),
            "benchmark": str(rule.benchmark or ""),
            "message": rule.message,
            "docstring": rule.docstring,
            "resources": [name for name in rule.resources if name not in ("_cores", "_nodes")],
            "params": list(rule.params.keys()),
            "outputs": {name: str(path) for name, path in rule.output.items()},
            "reported": {
                name: [str(path.flags["report"].caption.get_path_or_uri(secret_free=True)),
                       path.flags["report"].category]
                for name, path in rule.output.items() if "report" in getattr(path, "flags", ())
            },
        }
        for rule in parsed.rules if rule.name != "all"
    }
print(json.dumps(rules))
"""
ALWAYS_LOCAL = {"download", "decode"}
ALWAYS_ON_NODES = {"train", "compare_implementation"}


def inspected(folder: Path, local_rules: bool) -> dict[str, dict[str, Any]]:
    """What every rule of a study on digits says."""
    config = {"dataset": "digits", "study": "test", "selection": True, "grid": {"seed": [5, 6]}}
    config |= {"training": {"validation_size": 100}, "cluster": {"local_rules": local_rules}}
    for part in ("config", "workflow"):
        with contextlib.suppress(FileExistsError):
            (folder / part).symlink_to(REPOSITORY / part)
    (folder / "test.yaml").write_text(json.dumps(config))
    answer = subprocess.run(
        [sys.executable, "-c", INSPECT, str(REPOSITORY / "workflow/Snakefile")],
        cwd=folder,
        env={**os.environ, "MLPLAB_WARM": "off"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    found: dict[str, dict[str, Any]] = json.loads(answer.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return inspected(tmp_path_factory.mktemp("rules"), local_rules=True)


def test_every_rule_says_all_that_a_rule_has_to(rules: dict[str, dict[str, Any]]) -> None:
    assert len(rules) > 15
    for name, rule in rules.items():
        assert rule["script"] == f"../scripts/{name}.py", f"{name}: script"
        assert len(rule["log"]) == 1 and f"/logs/{name}" in rule["log"][0], f"{name}: log"
        assert f"/benchmarks/{name}" in rule["benchmark"], f"{name}: benchmark"
        assert rule["message"] and rule["docstring"], f"{name}: message and docstring"
        assert {"mem_mb", "runtime"} <= set(rule["resources"]), f"{name}: resources"
        assert "code" in rule["params"], f"{name}: code, the digest of what it computes with"


def test_every_script_is_that_of_a_rule(rules: dict[str, dict[str, Any]]) -> None:
    scripts = {file.stem for file in (REPOSITORY / "workflow/scripts").glob("*.py")}
    assert scripts - {"job"} == set(rules)


def test_on_a_cluster_only_what_computes_goes_to_the_nodes(
    rules: dict[str, dict[str, Any]],
) -> None:
    assert {name for name, rule in rules.items() if not rule["local"]} == ALWAYS_ON_NODES


def test_on_a_cluster_everything_but_the_data_can_go_to_the_nodes(tmp_path: Path) -> None:
    found = inspected(tmp_path, local_rules=False)
    assert {name for name, rule in found.items() if rule["local"]} == ALWAYS_LOCAL


def test_rules_make_the_figures_of_the_catalogue_and_report_each(
    rules: dict[str, dict[str, Any]],
) -> None:
    figures = catalogue.catalogue()
    made = {
        (name, output)
        for name, rule in rules.items()
        for output, path in rule["outputs"].items()
        if "/figures/" in path
    }
    expected = {(each.rule, f"{each.name}_{form}") for each in figures for form in FORMATS}
    assert made == expected
    for figure in figures:
        caption, category = rules[figure.rule]["reported"][f"{figure.name}_svg"]
        assert category.partition(" ")[2] == figure.section
        text = Path(caption).read_text(encoding="utf-8")
        assert "validation" in text or "{split}" not in figure.shows
        # What is left in braces is for Snakemake to fill in, as the links below it are.
        said, _, _ = text.partition("\n\n")
        assert figure.per in said if figure.per else "{" not in said


def test_snakemakes_report_has_the_sections_of_the_page_in_its_order(
    rules: dict[str, dict[str, Any]],
) -> None:
    headings = contents.SECTIONS.values()
    assert [heading for heading in headings if heading in SECTIONS] == list(SECTIONS)
    assert {figure.section for figure in catalogue.catalogue()} == set(SECTIONS)
    categories = {said[1] for rule in rules.values() for said in rule["reported"].values()}
    names = [name.partition(" ")[2] for name in sorted(categories)]
    assert names == ["Page", *SECTIONS, "Tables"]


def test_rules_make_the_tables_of_the_list_and_report_each(
    rules: dict[str, dict[str, Any]],
) -> None:
    made = {
        (name, output)
        for name, rule in rules.items()
        for output, path in rule["outputs"].items()
        if "/tables/" in path
    }
    assert made == {(each.rule, f"{each.name}_{form}") for each in TABLES
                    for form in ("csv", "parquet")}  # fmt: skip
    for table in TABLES:
        caption, category = rules[table.rule]["reported"][f"{table.name}_csv"]
        assert category.endswith(" Tables")
        assert Path(caption).read_text(encoding="utf-8").startswith(table.caption)


def test_the_results_readme_names_every_table() -> None:
    text = (REPOSITORY / "results/README.md").read_text(encoding="utf-8")
    (line,) = [line for line in text.splitlines() if "<study>/tables/" in line]
    assert {table.name for table in TABLES} <= set(line.split("`"))
