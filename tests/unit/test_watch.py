"""`mlplab watch`: a study that runs elsewhere, from what it leaves on disk."""

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from mlplab.study import live
from mlplab.terminal import watch
from mlplab.terminal.progress import FILE, Job, Progress


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where `results/` is looked for."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(watch, "SECONDS_BETWEEN_LOOKS", 0.01)
    return tmp_path


def kept(name: str = "small", age: float = 0.0, **values: object) -> Progress:
    """A study that has kept how far it is."""
    progress = Progress(f"results/{name}", total=3, done=1)
    for key, value in values.items():
        setattr(progress, key, value)
    progress.save(time.time() - age)
    return progress


def dead_process() -> int:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


def test_without_a_name_the_study_that_was_last_at_work_is_watched(folder: Path) -> None:
    kept("one")
    kept("two")
    os.utime(f"results/one/{FILE}", (1, 1))
    assert watch.folder_of(None) == Path("results/two")
    assert watch.folder_of("one") == Path("results/one")
    assert watch.folder_of(str(folder / "results/one")) == folder / "results/one"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [([], "no study in results/ has been run"), (["x"], "those that have one: none")],
)
def test_a_study_that_is_not_there_is_one_message(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert watch.main(arguments) == 1
    output = capsys.readouterr()
    assert output.out == "" and expected in output.err and output.err.startswith("error: ")


def test_a_file_that_cannot_be_read_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    kept()
    Path(f"results/small/{FILE}").write_text("{")
    assert watch.main(["small"]) == 1
    assert f"error: results/small/{FILE} cannot be read" in capsys.readouterr().err


def test_a_study_is_watched_until_it_ends(capsys: pytest.CaptureFixture[str]) -> None:
    network = "results/small/runs/scratch/relu/seed=0"
    job = Job("train", "train scratch relu seed=0", None, network, time.time())
    progress = kept(running={"1": job})

    def end() -> None:
        time.sleep(0.3)
        progress.done = 3
        progress.end()
        progress.save(time.time())

    with live.shown(Path(network), 10) as show:
        show({"epoch": 1, "training_loss": 0.5})
        thread = threading.Thread(target=end)
        thread.start()
        assert watch.main(["small"]) == 0
        thread.join()
    first, last = capsys.readouterr().err.splitlines()
    assert first == "… 1/3 jobs; 1 network trains, epoch 1 of 10"
    assert last.startswith("3 jobs in ")


def test_the_networks_of_a_study_in_another_folder_are_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    job = Job("train", "train", None, "results/small/runs/scratch", time.time())
    kept(running={"1": job})
    monkeypatch.chdir("/")
    found = watch.load(folder / "results/small")
    assert found.running["1"].network == str(folder / "results/small/runs/scratch")


def test_a_study_whose_process_is_gone_is_dead(capsys: pytest.CaptureFixture[str]) -> None:
    kept(process=dead_process(), age=9)
    assert watch.main(["small"]) == 1
    said = capsys.readouterr().err
    assert "Nothing has moved since" in said and "9 s ago, with 1 of 3 jobs done" in said
    assert "the same command goes on from there" in said


@pytest.mark.parametrize(
    ("age", "host", "dead"),
    [(9, "", False), (31, "", True), (9, "another node", False), (31, "another node", True)],
)
def test_a_study_is_dead_when_it_has_been_silent_for_long(
    age: float, host: str, dead: bool
) -> None:
    progress = kept(age=age, **({"host": host, "process": dead_process()} if host else {}))
    assert watch.is_dead(progress, time.time()) is dead


def test_one_that_failed_says_so_by_its_exit_status() -> None:
    progress = kept()
    progress.end()
    progress.save(time.time())
    assert watch.main(["small"]) == 1
