"""Snakemake's events, and which of its words are printed."""

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake.settings.enums import Quietness
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

from conftest import REPOSITORY, run_record, write_record
from mlplab.terminal.progress import FILE, Failure, Job, Network, Progress
from snakemake_logger_plugin_mlplab import (
    ATTRIBUTE,
    LogHandler,
    refuse_unreadable,
    refuse_unwritable,
)
from snakemake_logger_plugin_mlplab.events import Follower, job_of

STUDY = "results/small"
FOLDER = f"{STUDY}/runs/scratch/relu/seed=0/learning_rate=0.1"
TRAIN = {
    "jobid": 3,
    "rule_name": "train",
    "rule_msg": "Training",
    "wildcards": {
        "implementation": "scratch",
        "activation": "relu",
        "point": "seed=0/learning_rate=0.1",
    },
    "output": [f"{FOLDER}/history.csv", f"{FOLDER}/run.json"],
    "log": ["train.log"],
}
EVALUATE = {
    "jobid": 4,
    "rule_name": "evaluate",
    "wildcards": {"implementation": "scratch", "activation": "relu", "axes": ""},
    "output": ["evaluation.json"],
    "log": ["evaluate.log"],
}
ERROR = {"jobid": 3, "rule_name": "train", "rule_msg": None, "log": ["train.log"], "indent": False}


def record(
    event: LogEvent | None = None, message: str = "", level: int = logging.INFO, **values: Any
) -> logging.LogRecord:
    extra = {"event": event} if event else {}
    return logging.makeLogRecord(
        {"msg": message, "levelno": level, "levelname": logging.getLevelName(level)}
        | extra
        | values
    )


def follow(follower: Follower, event: LogEvent, **values: Any) -> list[Any]:
    return list(follower.follow(record(event, values.pop("msg", ""), **values)))


def follower(**values: Any) -> Follower:
    return Follower(Progress(STUDY, left={"train": 2}), **values)


def test_a_job_has_the_name_of_its_rule_and_wildcards_and_may_train_a_network() -> None:
    job = job_of(TRAIN)
    name = "train scratch relu seed=0 learning_rate=0.1"
    assert (job.rule, job.name, job.log, job.network) == ("train", name, "train.log", FOLDER)
    assert (job_of(EVALUATE).name, job_of(EVALUATE).network) == ("evaluate scratch relu", None)


def test_a_job_that_ends_is_told_with_the_network_that_it_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(FOLDER).mkdir(parents=True)
    write_record(run_record("scratch/relu/seed=0"), Path(FOLDER))
    each = follower()
    assert follow(each, LogEvent.JOB_INFO, **TRAIN) == []
    assert list(each.progress.running) == ["3"]
    [(job, network)] = follow(each, LogEvent.JOB_FINISHED, job_id=3)
    assert isinstance(job, Job) and isinstance(network, Network)
    assert network.run == "scratch/relu/seed=0"
    assert (each.progress.trained, each.progress.best) == (1, network)
    assert (each.progress.running, each.progress.left) == ({}, {"train": 1})
    follow(each, LogEvent.PROGRESS, done=5, total=9)
    assert (each.progress.done, each.progress.total) == (5, 9)


def test_a_rule_that_is_but_a_name_is_not_told() -> None:
    each = follower()
    follow(each, LogEvent.JOB_INFO, **{**EVALUATE, "output": [], "log": []})
    assert follow(each, LogEvent.JOB_FINISHED, job_id=4) == []


def test_a_job_that_fails_is_told_and_may_run_again() -> None:
    each = follower()
    follow(each, LogEvent.JOB_INFO, **TRAIN)
    [failure] = follow(each, LogEvent.JOB_ERROR, **ERROR)
    assert isinstance(failure, Failure)
    assert failure.name == "train scratch relu seed=0 learning_rate=0.1"
    assert (list(each.progress.failures), each.progress.running) == (["3"], {})
    follow(each, LogEvent.JOB_INFO, **TRAIN)
    follow(each, LogEvent.JOB_FINISHED, job_id=3)
    assert each.progress.failures == {}


def test_the_jobs_of_a_group_fail_as_its_clusters_log_says(tmp_path: Path) -> None:
    log = tmp_path / "3.log"
    log.write_text("slurmstepd: error: *** JOB 3 CANCELLED ***\n")
    each = follower()
    follow(each, LogEvent.GROUP_ERROR, aux_logs=[str(log)])
    [failure] = follow(each, LogEvent.JOB_ERROR, **{**ERROR, "indent": True})
    assert failure.message == "slurmstepd: error: *** JOB 3 CANCELLED ***"


def test_who_interrupts_a_study_is_told_of_no_failed_jobs() -> None:
    each = follower()
    for number in (3, 4):
        follow(each, LogEvent.JOB_INFO, **{**TRAIN, "jobid": number})
    message = "RuleException:\nCommand 'python' returned non-zero exit status 130."
    assert follow(each, LogEvent.ERROR, msg=message) == []
    for number in (3, 4):
        assert follow(each, LogEvent.JOB_ERROR, **{**ERROR, "jobid": number}) == []
    each.progress.total = 9
    each.progress.end()
    assert (each.progress.status, each.progress.running) == ("stopped", {})


def test_where_no_ends_are_told_no_job_is_kept_as_running() -> None:
    each = follower(finishes=False)
    follow(each, LogEvent.JOB_INFO, **TRAIN)
    assert each.progress.running == {}


def settings(**values: Any) -> Any:
    usual = {"quiet": set(), "dryrun": False, "verbose": False, "debug_dag": False}
    usual |= {"nocolor": True, "stdout": False, "show_failed_logs": True, "printshellcmds": False}
    return SimpleNamespace(**usual | values)


class Snakemake:
    """What a study would log, to a handler of its own."""

    def __init__(self, capture: pytest.CaptureFixture[str], **values: Any) -> None:
        self._capture = capture
        self.handler = LogHandler(settings(**values), None)

    def printed(self) -> list[str]:
        output = self._capture.readouterr()
        return [*output.out.splitlines(), *output.err.splitlines()]

    def say(self, *args: Any, **values: Any) -> None:
        self.handler.handle(record(*args, **values))

    def announce(self, **values: Any) -> None:
        self.handler.handle(record(**{ATTRIBUTE: values}))

    def plan(self) -> None:
        self.announce(study=STUDY)
        self.say(None, "Building DAG of jobs...")
        self.say(LogEvent.RUN_INFO, "Job stats")

    def run(self) -> None:
        self.announce(study=STUDY, jobs={"evaluate": 1})
        self.say(
            LogEvent.JOB_INFO,
            "Rule: evaluate",
            **{**EVALUATE, "rule_msg": "Evaluating"},
            reason="Missing output files: evaluation.json",
            indent=False,
        )
        self.say(None, "Select jobs to execute...")
        self.say(None, "This is odd", logging.WARNING)
        self.say(LogEvent.JOB_FINISHED, "Finished jobid: 4", job_id=4)
        self.say(LogEvent.PROGRESS, done=1, total=1)
        self.announce(study=STUDY, complete=True)

    def end(self) -> list[str]:
        self.handler.close()
        self.handler.close()
        return self.printed()


@pytest.fixture
def snakemake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Any]:
    """A function that makes a snakemake with some output settings."""
    monkeypatch.chdir(tmp_path)
    made = []

    def make(**values: Any) -> Snakemake:
        made.append(Snakemake(capsys, **values))
        return made[-1]

    yield make
    for each in made:
        each.handler.close()


def whole(each: Snakemake) -> list[str]:
    each.plan()
    each.run()
    return each.end()


def test_a_study_is_a_line_for_each_job_and_the_end(snakemake: Any) -> None:
    first, *others = whole(snakemake())
    # A warning comes as Snakemake words it.
    assert first == "This is odd"
    assert others == ["1/1 evaluate scratch relu 0.0 s", "1 job in 0.0 s"]
    assert Progress.load(Path(STUDY)).status == "finished"


def test_verbose_has_snakemakes_own_words_and_the_end(snakemake: Any) -> None:
    said = whole(snakemake(verbose=True))
    assert "Reason: Missing output files: evaluation.json" in said
    assert "1 of 1 steps (100%) done" in said
    assert said[-1] == "1 job in 0.0 s"
    assert "1/1 evaluate scratch relu 0.0 s" not in said


@pytest.mark.parametrize(
    ("quiet", "expected"),
    [
        ({Quietness.ALL}, []),
        ({Quietness.PROGRESS, Quietness.RULES}, ["This is odd", "1 job in 0.0 s"]),
        ({Quietness.RULES}, ["This is odd", "1 job in 0.0 s"]),
        ({Quietness.REASON}, ["This is odd", "1/1 evaluate scratch relu 0.0 s", "1 job in 0.0 s"]),
    ],
)
def test_quiet_keeps_its_meaning(
    snakemake: Any, quiet: set[Quietness], expected: list[str]
) -> None:
    assert whole(snakemake(quiet=quiet)) == expected


def test_a_dry_run_is_as_snakemake_says_it(snakemake: Any) -> None:
    each = snakemake(dryrun=True, stdout=True)
    each.plan()
    assert each.end() == ["Building DAG of jobs...", "Job stats"]
    assert not Path(STUDY, FILE).exists()


def test_before_a_study_snakemakes_words_are_held_back_and_printed_where_none_begins(
    snakemake: Any,
) -> None:
    each = snakemake()
    each.plan()
    assert each.printed() == []
    assert each.end() == ["Building DAG of jobs...", "Job stats"]


def test_what_takes_long_before_the_first_job_is_no_silence(
    snakemake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    monkeypatch.setattr("snakemake_logger_plugin_mlplab.Ticker", lambda tick: None)
    each = snakemake()
    each.plan()
    said = []
    for _ in range(3):
        clock[0] += 4
        each.handler._tick()
        said.append(each.printed())
    assert said == [["Building DAG of jobs...", "Job stats"], ["… 8 s"], ["… 12 s"]]
    each.run()
    assert each.printed()[-1] == "1/1 evaluate scratch relu 0.0 s"


def test_an_error_in_the_display_silences_nothing(
    snakemake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    each = snakemake()
    each.plan()
    each.announce(study=STUDY, jobs={"evaluate": 1})
    each.say(LogEvent.JOB_FINISHED, "Finished jobid: 4")
    assert "KeyError: 'job_id'" in each.printed()
    each.say(None, "This is odd", logging.WARNING)
    assert each.printed() == ["This is odd"]


def test_a_job_that_is_tried_again_is_told(snakemake: Any) -> None:
    each = snakemake()
    each.plan()
    each.announce(study=STUDY, jobs={"train": 1})
    each.say(LogEvent.JOB_ERROR, "Error in rule", logging.ERROR, **ERROR)
    each.say(None, "Trying to restart job 3.")
    failed, again = each.printed()
    assert failed.startswith("✗ train failed (train.log): it ended without saying why")
    assert again == "Trying to restart job 3."


def test_an_error_before_the_first_job_is_printed_alone(snakemake: Any) -> None:
    each = snakemake()
    each.plan()
    each.say(LogEvent.ERROR, "WorkflowError:\nNo such rule", logging.ERROR)
    assert each.end() == ["WorkflowError:", "No such rule"]


def test_with_nothing_to_be_done_the_end_is_said_once_more(snakemake: Any) -> None:
    each = snakemake()
    Path(STUDY).mkdir(parents=True)
    Path(STUDY, "report.html").write_text("")
    each.plan()
    each.say(None, "Nothing to be done (all requested files are present).")
    nothing, *others = each.end()
    assert nothing == "Nothing to be done (all requested files are present)."
    assert others == [
        f"The page: {Path(STUDY, 'report.html').resolve()}",
        "All runs: make ui STUDY=small",
    ]


def test_a_message_that_many_jobs_fail_with_is_said_once_and_then_counted(snakemake: Any) -> None:
    each = snakemake()
    log = Path("broken.log")
    log.write_text("error: no disk\n")
    each.plan()
    each.announce(study=STUDY, jobs={"train": 15})
    for number in range(15):
        each.say(LogEvent.ERROR, "RuleException:\nCalledProcessError in file x", logging.ERROR)
        failed = {**ERROR, "jobid": number, "log": [str(log)]}
        each.say(LogEvent.JOB_ERROR, "Error in rule", logging.ERROR, **failed)
    each.say(
        LogEvent.ERROR,
        "WorkflowError:\nAt least one job did not complete successfully.",
        logging.ERROR,
    )
    assert each.end() == [
        "✗ train failed (broken.log): no disk",
        "✗ train and 14 other jobs failed (broken.log): no disk",
        "0 of 15 jobs are done, in 0.0 s: once it is mended, the same command goes on from there",
    ]


def test_snakemake_finds_the_plug_in_and_every_start_can_afford_it() -> None:
    assert LoggerPluginRegistry().get_plugin("mlplab").log_handler is LogHandler
    # Every job on a cluster's node starts a snakemake, which shows nothing.
    code = "import sys, snakemake_logger_plugin_mlplab as _; print(*sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY / "workflow", capture_output=True, text=True
    )
    assert "snakemake_logger_plugin_mlplab.ticker" in answer.stdout.split()
    assert not {"rich", "mlplab.terminal.display", "torch"} & set(answer.stdout.split())


def test_files_of_the_command_line_are_read_before_snakemake_does(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("study: mine\n")
    bad.write_text("study: [\n")
    refuse_unreadable(["snakemake", "--cores", "1", "--configfile", str(good), "-n"])
    # Not all that follows is a file of a configuration.
    refuse_unreadable(["snakemake", "--configfile", str(good), "--", str(bad)])
    refuse_unreadable(["snakemake", "--config", str(bad), "--cores", "2"])
    for arguments in (
        ["--configfile", str(good), str(bad)],
        [f"--configfile={bad}"],
        ["--configfiles", str(bad), "--cores", "1"],
        ["--configfile", str(tmp_path / "missing.yaml")],
    ):
        with pytest.raises(SystemExit, match=r"config error: .*(bad|missing)\.yaml"):
            refuse_unreadable(["snakemake", *arguments])


def test_a_folder_that_cannot_be_written_is_told_before_snakemake_tries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_unwritable(str(tmp_path / "nowhere"))
    refuse_unwritable(str(tmp_path))
    # Root may write everywhere.
    monkeypatch.setattr("os.access", lambda path, mode: False)
    refuse_unwritable(str(tmp_path / "nowhere"))
    with pytest.raises(SystemExit, match="cannot be written: it is another user's"):
        refuse_unwritable(str(tmp_path))
