"""What workflow/runtime relies on in Snakemake without its promise, seen in one small workflow."""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from conftest import REPOSITORY
from mlplab_runtime import client
from mlplab_runtime.processes import VARIABLE, process_of
from runtime_processes import SEARCH

RULES = """
import json, logging, os, threading
from snakemake.logging import logger
from snakemake.settings.types import DeploymentMethod
from mlplab_runtime.timers import end_timers_with_main_thread

events = []
facts = {
    "events": events,
    "basedir": workflow.current_basedir.get_path_or_uri(secret_free=True),
    "containers": DeploymentMethod.APPTAINER in workflow.deployment_settings.deployment_method,
    "on a node": workflow.remote_exec,
    "temporary folder": workflow._snakemake_tmp_dir.name,
    "snakefile": workflow.main_snakefile,
    "read in main thread": threading.current_thread() is threading.main_thread(),
}


class Recorder(logging.Handler):
    def emit(self, record):
        names = ("event", "jobid", "job_id", "rule_name", "rule_msg", "done", "total")
        events.append({name: record.__dict__[name] for name in names if name in record.__dict__})


onstart:
    end_timers_with_main_thread()
    facts["pid"] = os.getpid()
    facts["in main thread"] = threading.current_thread() is threading.main_thread()
    facts["needed"] = sorted(job.rule.name for job in workflow.dag.needrun_jobs())
    facts["on a cluster"] = bool(workflow.executor_plugin and not workflow.local_exec)
    logger.addHandler(Recorder())
    os.environ["SET_AT_START"] = "yes"


onerror:
    facts["timers"] = sum(isinstance(t, threading.Timer) for t in threading.enumerate())
    with open("facts.json", "w") as file:
        json.dump(facts, file)


rule greet:
    output: "greeting.json"
    log: "greet.log"
    message: "Greeting"
    script: "../scripts/greet.py"


rule fail:
    output: "failure"
    log: "fail.log"
    shell: "exit 1"
"""
SNAKEFILE = """
include: "elsewhere/rules/common.smk"


rule all:
    default_target: True
    input: "greeting.json", "failure"
"""
SCRIPT = """
import json, os, sys
facts = {
    "arguments": sys.orig_argv,
    "parent": os.getppid(),
    "folder": os.getcwd(),
    "set at start": os.environ.get("SET_AT_START"),
    "log": snakemake.log[0],
}
with open(snakemake.output[0], "w") as file:
    json.dump(facts, file)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a study has run whose rules lie in a folder of their own, with our profile."""
    folder = tmp_path_factory.mktemp("insides")
    for name, text in (("rules/common.smk", RULES), ("scripts/greet.py", SCRIPT)):
        file = folder / "elsewhere" / name
        file.parent.mkdir(parents=True)
        file.write_text(text)
    (folder / "Snakefile").write_text(SNAKEFILE)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--workflow-profile"]
    answer = subprocess.run(
        [*command, str(REPOSITORY / "profiles/default")],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": SEARCH, VARIABLE: "off"},
        capture_output=True,
        text=True,
        # With a timer that is left it would take an hour.
        timeout=120,
    )
    assert (folder / "facts.json").exists(), answer.stdout + answer.stderr
    return folder


@pytest.fixture
def facts(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "facts.json").read_text())


@pytest.fixture
def job(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "greeting.json").read_text())


def test_a_script_is_called_as_a_temporary_file(
    job: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = job["arguments"]
    assert len(arguments) == 2 and re.fullmatch(
        re.escape(str(folder)) + r"/\.snakemake/scripts/tmp[^./]*\.greet\.py", arguments[1]
    ), (
        f"Snakemake calls a script as {arguments}, not as PYTHON FOLDER/.snakemake/scripts/"
        "tmp….NAME.py: mlplab_runtime.client.is_job and processes.process_of go by that."
    )
    monkeypatch.setenv(VARIABLE, f"{sys.prefix}:name")
    monkeypatch.setattr(sys, "orig_argv", arguments)
    assert client.is_job()
    assert process_of(arguments[1].replace("greet", "train")) == "torch"


def test_a_script_gets_the_folder_and_the_environment_of_snakemake(
    job: dict[str, Any], folder: Path
) -> None:
    assert (job["folder"], job["set at start"]) == (str(folder), "yes"), (
        "Snakemake no longer starts scripts in its own folder, with the environment as it is after "
        "`onstart`: jobs find neither the library nor the warm processes (mlplab_runtime.warm)."
    )


def test_a_script_is_a_child_of_snakemake(job: dict[str, Any], facts: dict[str, Any]) -> None:
    assert job["parent"] == facts["pid"], (
        "A script's process is no longer a child of snakemake's (the shell between them stays): "
        "mlplab_runtime.client does not see that snakemake was killed before the job began."
    )


def test_a_script_is_told_its_log(job: dict[str, Any]) -> None:
    assert job["log"] == "greet.log", "`snakemake.log[0]`, of mlplab_runtime.job, is another thing"


def test_snakefiles_are_read_and_onstart_runs_in_the_main_thread(facts: dict[str, Any]) -> None:
    assert facts["read in main thread"] and facts["in main thread"], (
        "Snakemake reads files or runs `onstart` in another thread: warm processes end with the "
        "thread that starts them (mlplab_runtime.lifetime.end_with_parent)."
    )


def test_snakemake_says_which_snakefile_is_the_main_one(
    facts: dict[str, Any], folder: Path
) -> None:
    assert Path(facts["snakefile"]).parent.resolve() == folder.resolve(), (
        "`workflow.main_snakefile` is another thing: rules/common.smk starts warm processes early, "
        "but not in a workflow that has this one as a module."
    )


def test_snakemake_takes_its_temporary_folder_away_where_it_is_not_killed(
    facts: dict[str, Any],
) -> None:
    folder = Path(facts["temporary folder"])
    assert folder.is_absolute() and not folder.exists(), (
        "`workflow._snakemake_tmp_dir` is another thing: mlplab_runtime.lock.sweep removes what a "
        "killed snakemake has left of it."
    )


def test_the_jobs_that_will_run_are_known_at_the_start(facts: dict[str, Any]) -> None:
    assert facts["needed"] == ["all", "fail", "greet"], (
        "`workflow.dag.needrun_jobs()` does not give the jobs, with `rule.name`: "
        "the terminal counts them (common.smk)."
    )


def test_the_workflow_knows_where_it_lies_and_where_jobs_run(
    facts: dict[str, Any], folder: Path
) -> None:
    assert facts["basedir"] == str(folder / "elsewhere/rules"), (
        "`workflow.current_basedir` is not the folder of the file that is being included: "
        "common.smk finds the library by it."
    )
    places = [facts[name] for name in ("containers", "on a node", "on a cluster")]
    assert places == [False, False, False], "common.smk takes this for a cluster or container"


@pytest.mark.parametrize(
    ("event", "values"),
    [
        ("job_info", {"rule_name": "greet", "rule_msg": "Greeting"}),
        ("job_info", {"rule_name": "fail", "rule_msg": None}),
        ("progress", {"done": 1, "total": 3}),
    ],
)
def test_events_tell_what_runs(
    facts: dict[str, Any], event: str, values: dict[str, object]
) -> None:
    found = [seen for seen in facts["events"] if seen.get("event") == event]
    assert any(values.items() <= seen.items() for seen in found), (
        f"Snakemake logs no event {event} with {values} but {found}: "
        "snakemake_logger_plugin_mlplab.events reads them."
    )


def test_events_name_the_job_that_ended(facts: dict[str, Any]) -> None:
    events = defaultdict(list)
    for seen in facts["events"]:
        events[seen.get("event")].append(seen)
    names = {seen["jobid"]: seen["rule_name"] for seen in events["job_info"]}
    finished = [seen.get("job_id") for seen in events["job_finished"]]
    failed = [seen.get("jobid") for seen in events["job_error"]]
    ended = [[names.get(number) for number in numbers] for numbers in (finished, failed)]
    assert ended == [["greet"], ["fail"]], (
        "Snakemake names the job in `job_finished` (job_id) or `job_error` (jobid) in another way: "
        "snakemake_logger_plugin_mlplab.events takes both for the `jobid` of `job_info`."
    )


def test_the_scheduler_leaves_a_timer(facts: dict[str, Any]) -> None:
    assert facts["timers"], (
        "The scheduler leaves no `threading.Timer` any more: mlplab_runtime.timers can go."
    )
