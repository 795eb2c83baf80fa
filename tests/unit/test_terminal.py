"""What a person sees of a study: the block, the lines, the end."""

import csv
import io
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import failed_record, run_record, write_record
from mlplab.study import live
from mlplab.study.live import Live
from mlplab.terminal import records
from mlplab.terminal.block import block, idle, networks
from mlplab.terminal.display import Display, Lines, can_draw
from mlplab.terminal.ending import ending, outcome
from mlplab.terminal.progress import Failure, Job, Network, Progress
from mlplab.terminal.words import bar, curve, duration

NOW = 1_000_000.0
FAILURE = Failure("plot samples", "ValueError: no", "figures/images.py:7", "logs/plot_samples.log")


def job(name: str = "train scratch relu seed=0", network: str | None = "there") -> Job:
    return Job(name.split(" ")[0], name, "a.log", network, NOW - 5)


def epochs(*losses: float) -> Live:
    return Live(10, [{"epoch": n, "training_loss": loss} for n, loss in enumerate(losses, 1)])


def progress(**values: Any) -> Progress:
    usual = {"study": "results/digits", "started": NOW - 30, "total": 57, "done": 12}
    return Progress(**{**usual, **values})


def text(rows: Sequence[Any]) -> str:
    return "\n".join(row.plain for row in rows)


def test_durations_are_said_in_words() -> None:
    assert [duration(s) for s in (3.14, 40, 200, 7500)] == ["3.1 s", "40 s", "3 min", "2 h 5 min"]
    assert duration(3.14, roughly=True) == "3 s"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], ""),
        ([1.0], "▁"),
        ([3.0, 2.0, 1.0], "█▅▁"),
        ([9.0, 3.0, 2.0, 1.0], "█▅▁"),
        ([2.0, float("nan"), 1.0], "█▁"),
        ([float("inf")], ""),
    ],
)
def test_a_curve_runs_from_the_greatest_to_the_least_of_its_last_values(
    values: list[float], expected: str
) -> None:
    assert curve(values, 3) == expected


def test_a_bar_is_as_full_as_what_is_done() -> None:
    assert bar(0.5, 4, plain=True) == ("##", "--")
    assert bar(1.0, 4, plain=False) == ("━━━━", "")


def test_what_is_left_counts_by_the_time_of_its_rule() -> None:
    study = progress(left={"train": 4, "evaluate": 2}, at_once=2)
    assert study.seconds_left(NOW) is None
    for number in (1, 2):
        study.begin(number, replace(job(), started=NOW))
    study.finish(1, NOW + 10)
    # Three trainings of 10 s, two evaluations that count like the mean of all; one is half done.
    assert study.seconds_left(NOW + 5) == pytest.approx((3 * 10 + 2 * 10 - 5) / 2)


def test_a_job_that_failed_and_then_ended_well_has_not_failed() -> None:
    study = progress(total=1, done=0)
    study.begin(7, job())
    study.fail(7, FAILURE)
    study.begin(7, job())
    study.finish(7, NOW)
    study.end()
    assert (study.failures, study.status) == ({}, "finished")


@pytest.mark.parametrize(
    ("done", "failures", "status"),
    [(57, {}, "finished"), (3, {"1": FAILURE}, "failed"), (3, {}, "stopped")],
)
def test_how_a_study_ended(done: int, failures: dict[str, Failure], status: str) -> None:
    study = progress(done=done, failures=failures)
    study.end()
    assert study.status == status


def test_progress_is_read_as_it_was_written(tmp_path: Path) -> None:
    study = progress(study=str(tmp_path), failures={"1": FAILURE}, left={"train": 2})
    study.begin(4, job())
    study.count(Network("scratch/relu/seed=0", "finished", 0.1, "test", 0.9))
    study.save(NOW)
    read = Progress.load(tmp_path)
    assert read == replace(study, updated=NOW)
    (tmp_path / "progress.json").write_text('{"study": "x", "running": 3}')
    with pytest.raises(ValueError, match=r"progress\.json"):
        Progress.load(tmp_path)


def busy() -> tuple[Progress, list[tuple[Job, Live]]]:
    """A study in which much goes on, good and bad."""
    study = progress(left={"train": 45}, failures={"8": FAILURE})
    training = [
        (job(f"train concise tanh seed={seed}"), epochs(2.0, 1.0, 0.5)) for seed in range(5)
    ]
    for number, (each, _) in enumerate(training):
        study.begin(number, each)
    study.begin(90, job())
    study.begin(91, job("evaluate scratch relu", None))
    study.count(Network("scratch/relu/seed=0", "finished", 0.06, "test", 0.9))
    study.count(Network("concise/relu/seed=0", "finished", 0.07, "test", 0.8))
    study.count(Network("mine/relu/seed=0", "failed", error="mine.py:3: no"))
    return study, training


def test_a_busy_study_takes_six_rows_and_says_what_matters() -> None:
    study, training = busy()
    rows = block(study, training, NOW, 100)
    assert len(rows) == 6
    said = text(rows)
    assert "digits ━━━━━━─" in said and "12/57 jobs in 30 s" in said
    assert "  concise tanh seed=0  epoch  3/10  loss 0.5000  █▃▁" in said
    assert "2 more networks, 1 network waiting, evaluate scratch relu" in said
    assert "1 crashed, 1 failed, 3 networks trained, best test accuracy 0.9000" in said
    assert "(scratch relu seed=0)" in said


@pytest.mark.parametrize("width", [10, 30, 49, 60, 80, 200])
@pytest.mark.parametrize("plain", [False, True])
def test_no_row_is_wider_than_the_terminal(width: int, plain: bool) -> None:
    study, training = busy()
    rows = block(study, training, NOW, width, plain)
    assert all(row.cell_len <= width for row in rows)
    if plain:
        text(rows).encode("ascii")


def test_a_narrow_terminal_has_the_loss_but_no_curve() -> None:
    study, training = busy()
    said = text(block(study, training, NOW, 60))
    assert "loss 0.5000" in said and "█" not in said


def test_nothing_is_said_of_what_there_is_not() -> None:
    assert len(block(progress(done=0), [], NOW, 80)) == 1


def test_a_line_says_what_goes_on_where_nothing_ends() -> None:
    study, training = busy()
    study.running.pop("91")
    training[0] = (training[0][0], epochs(2.0))
    assert idle(study, training, NOW) == (
        "… 12/57 jobs; 5 networks train, epoch 1 to 3 of 10; 1 network waiting"
    )
    study.running.pop("90")
    assert idle(study, training, NOW) == "… 12/57 jobs; 5 networks train, epoch 1 to 3 of 10"
    waiting = progress(running={"1": job("collect runs", None)})
    assert idle(waiting, [], NOW) == "… 12/57 jobs; collect runs for 5.0 s"
    assert idle(progress(), [], NOW) == "… 12/57 jobs; nothing runs"


def test_one_that_has_trained_in_a_bundle_is_not_called_waiting(tmp_path: Path) -> None:
    study = progress()
    for seed in range(3):
        study.begin(seed, replace(job(), network=str(tmp_path / f"seed={seed}")))
    for seed, written in ((0, NOW + 60), (1, NOW - 60)):
        (tmp_path / f"seed={seed}").mkdir()
        record = tmp_path / f"seed={seed}/run.json"
        record.touch()
        os.utime(record, (written, written))
    # The second one's record is of an earlier study.
    assert idle(study, [], NOW) == "… 12/57 jobs; 1 more network trained; 2 networks waiting"
    assert "1 more network trained, 2 networks waiting" in text(block(study, [], NOW, 100))


def test_a_network_trains_once_its_first_epochs_can_be_read(tmp_path: Path) -> None:
    study = progress(running={"1": job(network=str(tmp_path)), "2": job("evaluate", None)})
    assert networks(study) == []
    with live.shown(tmp_path, 3) as show:
        assert networks(study) == [(study.running["1"], Live(3, []))]
        show({"epoch": 1, "training_loss": 0.5})
        assert networks(study)[0][1].rows == [{"epoch": 1, "training_loss": 0.5}]
    assert networks(study) == []


def test_of_epochs_that_are_half_written_the_whole_ones_count(tmp_path: Path) -> None:
    (tmp_path / live.FILE).write_text('{"epochs": 3}\n{"epoch": 1}\n{"epo')
    assert live.read(tmp_path) == Live(3, [{"epoch": 1}])
    (tmp_path / live.FILE).write_text('{"ep')
    assert live.read(tmp_path) is None


def test_a_file_that_cannot_be_written_stops_no_run(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    with live.shown(tmp_path / "a file", 3) as show:
        show({"epoch": 1})


def test_an_attempt_begins_its_epochs_anew_and_takes_them_away_when_it_fails(
    tmp_path: Path,
) -> None:
    (tmp_path / live.FILE).write_text('{"epochs": 3}\n{"epoch": 1}\n')
    with pytest.raises(KeyboardInterrupt), live.shown(tmp_path, 3):
        assert live.read(tmp_path) == Live(3, [])
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("log", "message", "place"),
    [
        ("epoch 1\nerror: no such mirror\n", "no such mirror", ""),
        ("epoch 1: loss 0.3\n", records.UNSAID, ""),
        (
            'Traceback (most recent call last):\n  File "/a/mlplab/x.py", line 3, in f\n'
            '  File "/v/site-packages/y.py", line 9, in g\nValueError: no\n',
            "ValueError: no",
            "/a/mlplab/x.py:3",
        ),
        (
            'Traceback (most recent call last):\n  File "/a/x.py", line 3, in f\n'
            "ModuleNotFoundError: No module named 'torch'\n",
            "ModuleNotFoundError: No module named 'torch' (the environment is broken: make it "
            "anew, rm -rf .venv && make setup)",
            "/a/x.py:3",
        ),
    ],
)
def test_a_log_says_why_its_job_failed_and_where(
    tmp_path: Path, log: str, message: str, place: str
) -> None:
    file = tmp_path / "a.log"
    file.write_text(log)
    expected = Failure("train", message, place, str(file))
    assert records.failure("train", [str(file)]) == expected


def test_of_a_job_whose_log_says_nothing_snakemake_or_the_cluster_tell(tmp_path: Path) -> None:
    own, clusters = tmp_path / "own.log", tmp_path / "cluster.log"
    own.write_text("epoch 1\n")
    clusters.write_text("hello\nslurmstepd: error: DUE TO TIME LIMIT\nsrun: error: Killed\n")
    logs = [str(own), str(clusters)]
    assert records.failure("train", logs, "SLURM-job '3' failed").message == "SLURM-job '3' failed"
    said = records.failure("train", logs)
    assert (said.message, said.log) == ("slurmstepd: error: DUE TO TIME LIMIT", str(own))
    assert records.failure("train", []).message == records.UNSAID


def test_what_a_run_left_is_its_network(tmp_path: Path) -> None:
    record = run_record("scratch/relu/seed=0")
    write_record(record, tmp_path)
    last = record.history[-1]
    assert records.network(tmp_path) == Network(
        "scratch/relu/seed=0", "finished", last["training_loss"], "test", last["test_accuracy"]
    )
    assert records.network(tmp_path / "none") is None


def test_each_job_is_a_line_where_no_block_can_be_drawn() -> None:
    stream = io.StringIO()
    assert not can_draw(stream)
    lines = Lines(stream=stream)
    study = progress()
    now = time.time()
    done = replace(job(), started=now - 3.1)
    lines.finished(study, done, Network("r", "finished", 0.38312, "test", 0.864))
    lines.finished(study, done, Network("r", "failed", error="mine.py:7: no"))
    lines.finished(study, done, Network("r", "diverged", float("nan")))
    lines.finished(study, replace(done, name="evaluate scratch relu"), None)
    lines.failed(FAILURE)
    assert stream.getvalue().splitlines() == [
        "12/57 train scratch relu seed=0 loss 0.3831, test accuracy 0.8640 3.1 s",
        "12/57 train scratch relu seed=0 ✗ crashed: mine.py:7: no 3.1 s",
        "12/57 train scratch relu seed=0 ✗ diverged: loss nan 3.1 s",
        "12/57 evaluate scratch relu 3.1 s",
        "✗ plot samples failed (logs/plot_samples.log): figures/images.py:7: ValueError: no",
    ]


def test_without_jobs_there_are_no_lines_of_jobs_but_what_is_said_is() -> None:
    stream = io.StringIO()
    lines = Lines(jobs=False, idle=False, stream=stream)
    lines.finished(progress(), job(), None)
    lines.failed(FAILURE)
    lines.tick(progress())
    assert stream.getvalue() == ""


def test_silence_is_broken_after_four_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    stream = io.StringIO()
    lines = Lines(stream=stream)
    for seconds in (3.9, 0.2, 0.2, 3.9):
        clock[0] += seconds
        lines.tick(progress())
    assert stream.getvalue().splitlines() == 2 * ["… 12/57 jobs; nothing runs"]


def write_table(study: Path, name: str, rows: Sequence[Mapping[str, str]]) -> None:
    file = study / f"tables/{name}.csv"
    file.parent.mkdir(exist_ok=True, parents=True)
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A complete study in which all is well."""
    folder = tmp_path / "results/small"
    (folder / "runs").mkdir(parents=True)
    (folder / "report.html").write_text("")
    findings = {
        "best": ["The mean test accuracy is highest for relu.", "Second is tanh."],
        "parity": ["Step by step, concise agrees with scratch.", "Over whole runs, they agree."],
    }
    write_table(
        folder,
        "findings",
        [{"finding": key, "sentence": each} for key, said in findings.items() for each in said],
    )
    write_table(folder, "runs", [{"run": "concise/relu/seed=0", "status": "finished"}])
    write_table(folder, "parity", [parity("concise", "agrees")])
    return folder


def parity(implementation: str, verdict: str, quantity: str = "loss", detail: str = "") -> Any:
    return {
        "implementation": implementation,
        "verdict": verdict,
        "quantity": quantity,
        "detail": detail,
    }


def said(study: Path, **values: Any) -> list[tuple[str, str]]:
    end = progress(study=str(study), done=57, **values)
    end.end()
    return [(line.mood, line.text) for line in ending(end, 31.0)]


def test_a_good_study_ends_in_what_it_found_and_where_to_read_on(study: Path) -> None:
    assert said(study) == [
        ("plain", "The mean test accuracy is highest for relu."),
        ("good", "Step by step, concise agrees with scratch."),
        ("plain", f"The page: {study / 'report.html'}"),
        ("plain", "57 jobs in 31 s; all runs: make ui STUDY=small"),
    ]


def test_a_wrong_network_ends_in_red_with_file_and_line(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "wrong.py").write_text("class Network:\n\n    def logits(self):\n        ...\n")
    (study / "config.yaml").write_text(yaml.safe_dump({"implementations": [str(mine)]}))
    rows = [
        parity("concise", "agrees"),
        parity("wrong", "differs", "logits of a smaller batch", "twice the right value"),
        parity("wrong", "differs", "loss", "something else"),
    ]
    write_table(study, "parity", rows)
    sentences = [
        "Step by step, concise agrees with scratch.",
        "Step by step, wrong differs from scratch, first in the logits.",
    ]
    write_table(study, "findings", [{"finding": "parity", "sentence": s} for s in sentences])
    assert [(line.mood, line.text) for line in outcome(study)] == [
        ("good", sentences[0]),
        ("bad", f"✗ mine/wrong.py:3: {sentences[1]} twice the right value"),
    ]


def test_crashed_and_diverged_networks_end_in_one_red_line(study: Path) -> None:
    message = "mine.py:7: train_step(images, labels) fails: ValueError: no"
    rows = [{"run": f"mine/relu/seed={seed}", "status": "failed"} for seed in (0, 1)]
    rows += [{"run": f"scratch/relu/seed={seed}", "status": "diverged"} for seed in (0, 1, 2)]
    write_table(study, "runs", rows)
    for row in rows[:2]:
        folder = study / "runs" / row["run"]
        folder.mkdir(parents=True)
        write_record(failed_record(row["run"], error=message), folder)
    # That it breaks down in the comparison too is not said twice.
    write_table(study, "parity", [parity("mine", "fails", "", message)])
    assert said(study)[2] == (
        "bad",
        f"✗ 2 networks crashed: {message}; scratch/relu/seed=0 and 2 more diverged: a loss was "
        "not finite",
    )
    assert len(said(study)) == 5


def test_networks_that_crash_in_several_ways_are_all_told(study: Path) -> None:
    endless = "endless.py:9: train_step(images, labels) has not ended within its limit of"
    messages = {"exits": "exits.py:7: the import ends Python", "endless": f"{endless} 30 s"}
    rows = [{"run": f"{name}/relu/seed=0", "status": "failed"} for name in messages]
    write_table(study, "runs", rows)
    for row, message in zip(rows, messages.values(), strict=True):
        folder = study / "runs" / row["run"]
        folder.mkdir(parents=True)
        write_record(failed_record(row["run"], error=message), folder)
    # In the comparison it has less time, and breaks down in the same place.
    write_table(study, "parity", [parity("endless", "fails", "", f"{endless} 10 s")])
    red = [text for mood, text in said(study) if mood == "bad"]
    assert red == [f"✗ 2 networks crashed: {messages['exits']}; {messages['endless']}"]


def test_failed_jobs_end_in_each_message_once(study: Path) -> None:
    failures = {str(n): replace(FAILURE, name=f"plot {n}", log=f"{n}.log") for n in range(3)}
    end = progress(study=str(study), failures={**failures, "9": replace(FAILURE, message="other")})
    end.end()
    assert [line.text for line in ending(end, 31.0)] == [
        "✗ plot 0 and 2 other jobs failed (0.log): figures/images.py:7: ValueError: no",
        "✗ plot samples failed (logs/plot_samples.log): figures/images.py:7: other",
        "12 of 57 jobs are done, in 31 s: once it is mended, the same command goes on from there",
    ]


def test_a_study_that_was_stopped_says_how_to_go_on() -> None:
    end = progress()
    end.end()
    assert [line.text for line in ending(end, 31.0)] == [
        "Stopped after 12 of 57 jobs: the same command goes on from there"
    ]


def test_a_display_says_what_it_is_told_to_and_nothing_else() -> None:
    stream = io.StringIO()
    display = Display(stream)
    display.tick(progress())
    display.finished(progress(), job(), None)
    display.failed(FAILURE)
    display.close()
    assert stream.getvalue() == ""
