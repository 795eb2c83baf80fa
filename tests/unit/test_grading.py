"""A class at a time: what counts as handed in, what it is worth, and what is written of it."""

import csv
import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from attacks import ATTACKS, text
from conftest import CORPUS, REPOSITORY
from mlplab.config.sources import ConfigError
from mlplab.errors import UserError
from mlplab.grading import command, documents, finding, handed_in, page, points, pool
from mlplab.grading.documents import Graded
from mlplab.grading.handed_in import Refused, Submission
from mlplab.grading.points import GROUPS, Points
from mlplab.isolation import launch
from mlplab.isolation.process import Limits
from mlplab.judging.check import REQUIREMENTS
from mlplab.plugins import defines

NETWORK = "class Network:\n    pass\n"
SCHEMA = json.loads((REPOSITORY / "tests/schemas/gradescope-results.json").read_text())


def hand_in(folder: Path, name: str, content: str | bytes = NETWORK) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def only(folder: Path) -> Submission:
    (submission,), _ = handed_in.submissions(folder)
    return submission


def test_files_notebooks_and_folders_are_submissions(tmp_path: Path) -> None:
    hand_in(tmp_path, "ada.py")
    hand_in(tmp_path, "bob.ipynb")
    hand_in(tmp_path, "eve.zip")
    hand_in(tmp_path, "Jane Doe_12345_assignsubmission_file_/network.py")
    hand_in(tmp_path, "submission_4711/network.py")
    hand_in(tmp_path, "submission_metadata.yml")
    hand_in(tmp_path, ".DS_Store")
    found, others = handed_in.submissions(tmp_path)
    names = ["Jane Doe_12345", "ada", "bob", "eve", "submission_4711"]
    assert [each.name for each in found] == names
    assert others == ["submission_metadata.yml"]
    with pytest.raises(UserError, match="there is no such folder"):
        handed_in.submissions(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="nothing to grade"):
        handed_in.submissions(tmp_path / "empty")


def test_names_become_paths_that_are_harmless_and_differ(tmp_path: Path) -> None:
    names = [b"=1+1.py", b"..x\n.py", b"\xff\xfe.py", "Zoë 王.py".encode(), b"Ada.py", b"ada.py"]
    names += [b"a" * 200 + b".py", b"<script>.py", b"ada.ipynb"]
    for name in names:
        (tmp_path / os.fsdecode(name)).write_text(NETWORK)
    found, _ = handed_in.submissions(tmp_path)
    # ..x is hidden, as a name that begins with a point.
    assert len(found) == len(names) - 1
    slugs = [each.slug.casefold() for each in found]
    assert len(set(slugs)) == len(slugs)
    for each in found:
        assert set(each.slug) <= set(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
        )
        assert 0 < len(each.slug) <= 100
        assert each.name.isprintable()
        each.name.encode()
    # The same folder has the same names again.
    assert handed_in.submissions(tmp_path) == (found, [])


def test_links_lead_nowhere_and_sizes_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = hand_in(tmp_path, "secret/network.py")
    folder = tmp_path / "class"
    folder.mkdir()
    (folder / "link.py").symlink_to(secret)
    with pytest.raises(Refused, match="a link, which is not followed"):
        handed_in.contents(only(folder))
    (folder / "link.py").unlink()
    assert not defines(hand_in(tmp_path, "deep.py", "-" * 100_000 + "1"), "Network")
    hand_in(folder, "bob/mine.py")
    (folder / "bob/all").symlink_to(tmp_path / "secret")
    (folder / "bob/network.py").symlink_to(secret)
    os.mkfifo(folder / "bob/pipe.py")
    assert list(handed_in.contents(only(folder))) == ["mine.py"]
    hand_in(folder, "bob/data.bin", bytes(100))
    monkeypatch.setattr(handed_in, "MOST_BYTES_OF_ALL", 100)
    with pytest.raises(Refused, match="hand in what the network needs"):
        handed_in.contents(only(folder))
    monkeypatch.setattr(handed_in, "MOST_BYTES_OF_ANY", 99)
    with pytest.raises(Refused, match=r"data.bin: greater than the limit"):
        handed_in.contents(only(folder))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["network.py"], "network.py"),
        (["hw1/network.ipynb", "hw1/.ipynb_checkpoints/network.ipynb"], "hw1/network.ipynb"),
        (["network.py", "layers.py"], "network.py"),
        (["network.py", "tests.py"], "network.py"),
        (["network.py", "old.py"], "which is to be checked? Found network.py, old.py"),
        (["notes.txt"], "neither a Python file nor a notebook"),
    ],
)
def test_of_a_folder_the_file_with_the_network_is_checked(
    files: list[str], expected: str, tmp_path: Path
) -> None:
    cell = {"cell_type": "code", "source": NETWORK}
    written = {
        "network.py": "from layers import x\n" + NETWORK,
        "network.ipynb": json.dumps({"cells": [cell]}),
        "layers.py": "x = 1\n",
        "tests.py": "import network\n",
        "old.py": NETWORK,
    }
    for name in files:
        hand_in(tmp_path, f"class/jane/{name}", written.get(Path(name).name, ""))
    submission = only(tmp_path / "class")
    copied = tmp_path / "copied"
    copied.mkdir()
    handed_in.copy(handed_in.contents(submission), copied)
    if expected in files:
        assert handed_in.main_file(copied) == copied / expected
        return
    with pytest.raises(Refused) as refused:
        handed_in.main_file(copied)
    assert expected in str(refused.value)
    if "old.py" in files:
        assert handed_in.main_file(copied, "old.py") == copied / "old.py"


def test_every_requirement_is_worth_something() -> None:
    quantities = [quantity for group in GROUPS.values() for quantity in group]
    assert sorted(quantities) == sorted(REQUIREMENTS)
    assert list(GROUPS) == list(asdict(Points()))
    assert Points().total == 100


def test_points_are_read_and_a_misspelt_requirement_is_told(tmp_path: Path) -> None:
    assert points.read(None) == Points()
    given = points.read(hand_in(tmp_path, "points.yaml", "gradient: 30\nnumerics: 0\n"))
    assert (given.gradient, given.numerics, given.logits) == (30, 0, 20)
    wrong = hand_in(tmp_path, "wrong.yaml", "logits: 5\ngradeint: 30\n")
    with pytest.raises(ConfigError, match=r"wrong.yaml:2: .*'gradeint'.*did you mean 'gradient'"):
        points.read(wrong)
    with pytest.raises(ConfigError, match=r"loss: -1 is too small"):
        points.read(hand_in(tmp_path, "negative.yaml", "loss: -1\n"))
    with pytest.raises(ConfigError, match="expected keys such as `gradient: 20`, found nothing"):
        points.read(hand_in(tmp_path, "empty.yaml", ""))
    zeros = "".join(f"{group}: 0\n" for group in GROUPS)
    with pytest.raises(ConfigError, match="all points are 0"):
        points.read(hand_in(tmp_path, "zeros.yaml", zeros))


def made_up(name: str, *, wrong: str = "", hostile: str = "") -> Graded:
    """A submission with a finding, right or with one wrong requirement."""
    standings = {q: "wrong" if q == wrong else "met" for q in REQUIREMENTS}
    first = f"WRONG  {name}, with relu: clipped {hostile}" if wrong else f"RIGHT  {name}: as it is"
    found = finding.Finding(
        right=not wrong,
        failed=False,
        mistake="clipped-by-norm" if wrong else "",
        verdicts=((first.partition(":")[0],), (first, "  ok"), (first, "2"), (first, "3")),
        standings=standings,  # type: ignore[arg-type]
        said={wrong: f"  WRONG  {wrong}: found 1 {hostile}\n         network 1"} if wrong else {},
        notes=(f"it prints {hostile}",),
        seconds=1.25,
    )
    return Graded(Submission(name, name.replace(" ", "-"), Path(name)), found, Points())


HOSTILE = "<script>alert(1)</script>]]>&"
CLASS = [
    made_up("ada"),
    made_up("=bob", wrong="gradient", hostile=HOSTILE),
    made_up("Jane Doe", wrong="loss"),
]


def test_points_are_those_of_the_requirements_that_are_met() -> None:
    assert [each.points for each in CLASS] == [100, 80, 90]
    assert CLASS[1].found.earned(Points(gradient=0, loss=7)) == {
        group: 7.0 if group == "loss" else most
        for group, most in asdict(Points()).items()
        if group != "gradient"
    }


def test_the_table_is_no_formula() -> None:
    rows = list(csv.DictReader(documents.table(CLASS).splitlines()))
    assert [row["submission"] for row in rows] == ["ada", "'=bob", "Jane Doe"]
    assert [row["result"] for row in rows] == ["right", "wrong", "wrong"]
    assert [row["points"] for row in rows] == ["100", "80", "90"]
    assert rows[1]["mistake"] == "clipped-by-norm"
    assert rows[1]["verdict"].endswith(HOSTILE)


@pytest.mark.parametrize("hint", range(4))
def test_gradescope_is_told_as_much_as_the_hint_says(hint: int) -> None:
    for each in CLASS:
        document = documents.gradescope(each, hint)
        jsonschema.validate(document, SCHEMA)
        assert document["score"] == each.points
        assert document["output"] == "\n".join(each.found.verdicts[hint])
        assert ("tests" in document) == (hint > 0)
        html = page.of_student("homework", each, hint)
        assert ("Points</h2>" in html) == (hint > 0)
        others = {other.submission.name for other in CLASS} - {each.submission.name}
        assert not any(other in html or other in json.dumps(document) for other in others)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, "points": 3}, SCHEMA)


# What Jenkins' junit-10.xsd allows of an element: attributes, those of them that it must have, and
# what is in it. https://github.com/jenkinsci/xunit-plugin, read on 2026-11-28.
OUTCOMES = ("failure", "error", "skipped")
JUNIT: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "testsuites": ("name time tests failures errors", "", ("testsuite",)),
    "testsuite": (
        "name tests failures errors group time skipped timestamp hostname id package file log url",
        "name tests failures errors",
        ("testsuite", "properties", "testcase", "system-out", "system-err"),
    ),
    "testcase": ("name time classname group", "name", (*OUTCOMES, "system-out", "system-err")),
    **dict.fromkeys(OUTCOMES, ("type message", "", ())),
    "system-out": ("", "", ()),
}


def test_junit_has_a_case_for_each_requirement() -> None:
    text = documents.junit(CLASS)
    for element in ElementTree.fromstring(text).iter():
        allowed, needed, inside = JUNIT[element.tag]
        assert set(needed.split()) <= set(element.attrib) <= set(allowed.split())
        assert {child.tag for child in element} <= set(inside)
        assert re.fullmatch(r"\d{0,3}(\.\d*)?", element.get("time", ""))
    suites = ElementTree.fromstring(text).findall("testsuite")
    assert [suite.get("name") for suite in suites] == ["ada", "=bob", "Jane Doe"]
    assert all(len(suite.findall("testcase")) == len(REQUIREMENTS) for suite in suites)
    assert [suite.get("failures") for suite in suites] == ["0", "1", "1"]
    failure = suites[1].find("testcase/failure")
    assert failure is not None
    assert failure.get("type") == "clipped-by-norm"
    assert failure.text and HOSTILE in failure.text


def test_the_page_has_all_and_runs_nothing_of_a_submission() -> None:
    html = page.of_class("homework", CLASS, Points())
    assert HOSTILE not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "1 is right" in html and "2 are wrong" in html
    assert html.count("<details id=") == len(CLASS)
    assert "the gradient is clipped" in html


def test_what_is_kept_is_read_again_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    for each in CLASS:
        finding.write(path, each.found)
        assert finding.read(path) == each.found
    whole = path.read_text()
    for broken in ("", "[]", whole[: len(whole) // 2], whole.replace('"right"', '"light"')):
        path.write_text(broken)
        assert finding.read(path) is None
    assert finding.read(tmp_path / "nothing.json") is None


def test_a_key_changes_with_files_and_options_alone(tmp_path: Path) -> None:
    hand_in(tmp_path, "ada.py")
    hand_in(tmp_path, "bob.py")
    handed, _ = handed_in.submissions(tmp_path)
    options = pool.Options()
    before = command.keys(handed, options)
    assert command.keys(handed, options) == before
    hand_in(tmp_path, "bob.py", NETWORK + "x = 1\n")
    after = command.keys(handed, options)
    assert (after["ada"] == before["ada"], after["bob"] == before["bob"]) == (True, False)
    assert command.keys(handed, pool.Options(isolation="require"))["ada"] != before["ada"]


def test_grades_are_not_written_among_other_things(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hand_in(tmp_path, "class/ada.py")
    hand_in(tmp_path, "other/thesis.tex")
    for output, words in (
        ("other", "something else than grades"),
        ("other/thesis.tex", "something else than grades"),
        ("class/out", "be graded"),
    ):
        asked = [str(tmp_path / "class"), "--output", str(tmp_path / output)]
        assert command.main(asked) == 2
        assert words in capsys.readouterr().err
    assert command.main([str(tmp_path / "nothing")]) == 2


# From here on submissions are run.


def started(folder: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "mlplab.cli", "grade", str(folder), "--cores", "2", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "TMPDIR": str(folder.parent)},
    )


def processes_of(folder: Path) -> list[str]:
    """Those that were started with this folder as the place of temporary files."""
    found = []
    for place in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"TMPDIR={folder}".encode() in place.read_bytes():
                found.append(place.parent.name)
        except OSError:
            continue
    return found


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class of five, whose grading was stopped by Ctrl-C after the first verdict."""
    folder = tmp_path_factory.mktemp("interrupted") / "homework"
    hand_in(folder, "a_link.zip")
    hand_in(folder, "b_wrong.py", CORPUS.wrong["softmax_twice"].source())
    hand_in(folder, "c_right/net.py", (REPOSITORY / "tests/mistakes/right/arrays.py").read_text())
    hand_in(folder, "d_exits.py", text(ATTACKS["exit_at_import"], "", 0))
    hand_in(folder, "e_loops.py", text(ATTACKS["endless_import"], "", 0))
    return folder


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="Linux only")
def test_a_class_that_is_interrupted_goes_on(interrupted: Path) -> None:
    folder, output = interrupted, interrupted.with_name("homework-grades")
    for number in (signal.SIGINT, signal.SIGKILL):
        grading = started(folder, "--activation", "relu")
        assert grading.stderr is not None
        for line in grading.stderr:
            if "/5" in line:
                break
        assert len(processes_of(folder.parent)) > 2
        # Ctrl-C goes to all processes of the terminal; a kill to one.
        os.killpg(grading.pid, number) if number == signal.SIGINT else grading.kill()
        _, err = grading.communicate(timeout=30)
        if number == signal.SIGINT:
            assert grading.returncode == command.INTERRUPTED
            assert "the same command goes on" in err
            assert "Traceback" not in err
        ends = time.monotonic() + 10
        while processes_of(folder.parent) and time.monotonic() < ends:
            time.sleep(0.1)
        assert not processes_of(folder.parent)
        kept = [path for path in (output / "checked").iterdir() if path.suffix == ".json"]
        assert kept
        assert all(finding.read(path) for path in kept)
        assert not (output / "grades.csv").exists()
    hand_in(folder, "a_link.zip", "changed")
    grading = started(folder, "--activation", "relu")
    out, err = grading.communicate(timeout=120)
    assert grading.returncode == 0, err
    assert "of 5 are checked already" in err
    assert out.startswith("5 submissions: 1 right, 1 wrong, 3 failed\n")
    rows = {row["submission"]: row for row in csv.DictReader((output / "grades.csv").open())}
    assert {name: row["result"] for name, row in rows.items()} == {
        "a_link": "failed",
        "b_wrong": "wrong",
        "c_right": "right",
        "d_exits": "failed",
        "e_loops": "failed",
    }
    assert rows["b_wrong"]["mistake"] == "softmax-twice"
    assert "e_loops.py:3: the import has not ended" in rows["e_loops"]["verdict"]
    assert rows["c_right"]["points"] == "100"
    for path in (output / "gradescope").glob("*.json"):
        jsonschema.validate(json.loads(path.read_text()), SCHEMA)
    # Where they were copied to concerns nobody.
    assert not any("/tmp" in path.read_text() for path in output.rglob("*") if path.is_file())


OTHERS = """
import os
places = {places!r}
for place in [*places, "..", "/tmp", os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]:
    try:
        names = os.listdir(place) if os.path.isdir(place) else open(place).read()
    except OSError:
        continue
    if any(word in str(names) for word in ("bob", "submission-", "the secret")):
        raise ValueError(f"found {{place}}")
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="Linux only")
@pytest.mark.parametrize("with_bwrap", [True, False], ids=["bwrap", "without bwrap"])
def test_no_attack_succeeds_in_a_class_and_nobody_reads_others(
    with_bwrap: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if with_bwrap and launch.why_no_bwrap():
        pytest.skip(launch.why_no_bwrap())
    if not with_bwrap:
        monkeypatch.setenv("PATH", str(tmp_path))
    folder = tmp_path / "homework"
    hand_in(folder, "bob.py", "# the secret\n" + CORPUS.wrong["mean_loss"].source())
    places = [str(folder), str(folder / "bob.py"), str(tmp_path / "homework-grades/checked")]
    right = (REPOSITORY / "tests/mistakes/right/arrays.py").read_text()
    hand_in(folder, "curious.py", right + OTHERS.format(places=places))
    for name in ("forged_lines", "patched_judge", "kills_the_judge", "files_of_others"):
        hand_in(folder, f"{name}.py", text(ATTACKS[name], str(tmp_path), 0))
    hand_in(tmp_path, "secret", "the secret")
    limits = Limits(seconds=20, call_seconds=3)
    handed, _ = handed_in.submissions(folder)
    options = pool.Options(("relu",), limits=limits)
    found = command.grade(handed, tmp_path / "homework-grades", options, cores=2)
    # Right, but for what it looks for where it may not.
    assert found["curious"].right, found["curious"].headline
    assert not any(each.right for name, each in found.items() if name != "curious")
    assert not any("the secret" in str(asdict(each)) for each in found.values())


@pytest.mark.slow
def test_a_judge_that_ends_or_hangs_costs_one_submission(tmp_path: Path) -> None:
    for name in ("ada", "bob"):
        hand_in(tmp_path, f"{name}.py", text(ATTACKS["endless_import"], "", 0))
    hand_in(tmp_path, "a.zip")
    handed, _ = handed_in.submissions(tmp_path)
    options = pool.Options(("relu",), hard_seconds=3.0)
    found: dict[str, str] = {}
    for each, new in pool.check_all(handed, options, cores=1):
        assert new.failed
        found[each.name] = new.headline
        if each.name == "a":
            # It has been given the next one.
            for judge in multiprocessing.active_children():
                judge.kill()
    assert "the check has ended without a verdict" in found["ada"]
    assert "the check has not ended within 3 s" in found["bob"]
