"""Digests of code: complete, and deaf to what computes nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conftest import REPOSITORY
from mlplab import activations, implementations
from mlplab.study import code

LIBRARY = REPOSITORY / "workflow" / "mlplab"

# These are files of their own to the digest of a run.
PLUG_INS = ("implementations/manual.py", "activations/prelu.py", "initializers/zeros.py")

TRAIN = """
import json, sys
from pathlib import Path

from mlplab.steps.train import train

# Before pyarrow writes its first table, for which it loads pandas.
packages = sorted({n.split(".")[0] for n in sys.modules})
*plug_ins, data, folder = map(Path, sys.argv[1:])
settings = {"hidden_sizes": [4], "epochs": 1, "validation_size": 7}
run = {"implementation": "manual", "activation": "prelu", "seed": 0, "settings": settings}
names = ("history", "diagnostics", "parameters", "predictions", "run")
outputs = {name: folder / name for name in names}
train(run, *plug_ins, data, 1, "validation", "auto", 0, "auto", outputs)
mine = [m.__file__ for n, m in sys.modules.items() if n.split(".")[0] == "mlplab"]
print(json.dumps({"files": mine, "packages": packages, "record": outputs["run"].read_text()}))
"""


@pytest.fixture(scope="module")
def loaded(digits_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a fresh process has loaded after it has trained a run, and the run's record."""
    paths = [
        *(LIBRARY / name for name in PLUG_INS[:2]),
        digits_folder / "data.safetensors",
        tmp_path_factory.mktemp("run"),
    ]
    answer = subprocess.run(
        [sys.executable, "-c", TRAIN, *map(str, paths)],
        capture_output=True,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    assert json.loads(result["record"])["status"] == "finished"
    return result


@pytest.mark.slow
def test_a_training_loads_exactly_the_modules_of_its_digest(loaded: dict[str, Any]) -> None:
    plug_ins = [LIBRARY / name for name in PLUG_INS]
    root = LIBRARY / "steps/train.py"
    files = {Path(file) for file in loaded["files"]}
    assert files - code.BOOK_KEEPING == code.closure([root, *plug_ins], code.BOOK_KEEPING)
    # What sends a run while it trains is loaded where the config asks for it, MLflow with it.
    live = {LIBRARY / "tracking/__init__.py", LIBRARY / "tracking/live.py"}
    assert files >= code.BOOK_KEEPING - live and not files & live


@pytest.mark.slow
def test_the_record_of_a_training_has_the_digest_of_what_it_loaded(loaded: dict[str, Any]) -> None:
    recorded = json.loads(loaded["record"])["code_digest"]
    assert recorded == code.training_digest(*(LIBRARY / name for name in PLUG_INS))


@pytest.mark.slow
@pytest.mark.parametrize("package", ["torchvision", "matplotlib", "pandas", "mlflow", "snakemake"])
def test_a_training_does_not_load_what_it_does_not_need(
    loaded: dict[str, Any], package: str
) -> None:
    assert "torch" in loaded["packages"]
    assert package not in loaded["packages"]


def test_every_pair_of_plug_ins_has_a_digest_of_its_own() -> None:
    digests = {
        code.training_digest(implementations.source(implementation), activations.source(activation))
        for implementation in implementations.names()
        for activation in activations.names()
    }
    assert len(digests) == len(implementations.names()) * len(activations.names())


SOURCE = '''
"""A module."""

def double(x):
    """Twice x."""
    return 2 * x  # two times
'''


@pytest.mark.parametrize(
    ("old", "new", "counts"),
    [
        ("# two times", "# once and once more", False),
        ('"""Twice x."""', '"""Two times x,\n\n    whatever it is.\n    """', False),
        ('"""A module."""\n', "", False),
        ("return 2 * x", "return (\n        2 * x\n    )", False),
        ("2 * x", "3 * x", True),
        ("double(x)", "double(x, /)", True),
        ("2 * x", "'2 * x'", True),
    ],
)
def test_only_what_computes_counts(old: str, new: str, counts: bool, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(SOURCE)
    before = code.code_digest(file)
    assert old in SOURCE
    file.write_text(SOURCE.replace(old, new))
    assert (code.code_digest(file) != before) is counts


def test_a_new_date_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(SOURCE)
    before = code.code_digest(file)
    os.utime(file, (0, 0))
    assert code.code_digest(file) == before


def test_a_helper_beside_a_file_counts(tmp_path: Path) -> None:
    file, helper = tmp_path / "mine.py", tmp_path / "helper.py"
    file.write_text("import helper\n")
    helper.write_text("TWO = 2\n")
    before = code.code_digest(file)
    helper.write_text("TWO = 2.5\n")
    assert code.code_digest(file) != before


def test_a_file_that_is_no_python_counts_byte_by_byte(tmp_path: Path) -> None:
    for name in ("page.css", "broken.py"):
        file = tmp_path / name
        file.write_text("a { # b")
        before = code.code_digest(file)
        file.write_text("a { # c")
        assert code.code_digest(file) != before, name


def test_the_same_code_in_another_folder_has_the_same_digest(tmp_path: Path) -> None:
    digests = set()
    for folder in ("a", "b"):
        file = tmp_path / folder / "mine.py"
        file.parent.mkdir()
        file.write_text(SOURCE)
        digests.add(code.code_digest(file))
    assert len(digests) == 1


def test_imports_are_followed_but_for_those_of_type_checking(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from mlplab.report import render\n"
        "def later():\n    from mlplab.study.record import beside\n"
    )
    found = code.closure([file])
    assert LIBRARY / "study/record.py" in found
    # What that module imports in turn.
    assert LIBRARY / "files.py" in found
    assert not [path for path in found if path.is_relative_to(LIBRARY / "report")]


def test_what_is_left_out_takes_along_what_it_alone_imports(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from mlplab.study.record import beside\n")
    assert code.closure([file], [LIBRARY / "study/record.py"]) & {LIBRARY / "files.py"} == set()


def test_what_an_earlier_process_has_read_is_read_again_where_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, kept = tmp_path / "mine.py", tmp_path / "cache" / "code.json"
    file.write_text("import math\nx = 1\n")
    monkeypatch.setattr(code, "_READ", {})
    first = code.code_digest(file)
    code.keep_read(kept)

    parsed = []
    real = code._tree
    monkeypatch.setattr(code, "_tree", lambda content: parsed.append(content) or real(content))
    monkeypatch.setattr(code, "_READ", {})
    code.read_earlier(kept)
    assert code.code_digest(file) == first
    assert not parsed

    file.write_text("import math\nx = 22\n")
    assert code.code_digest(file) != first
    assert len(parsed) == 1


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"version": "of old"}', None])
def test_what_cannot_be_taken_over_is_read_anew(
    damage: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, kept = tmp_path / "mine.py", tmp_path / "code.json"
    file.write_text("x = 1\n")
    monkeypatch.setattr(code, "_READ", {})
    right = code.code_digest(file)
    if damage is None:
        # Of another version of Python, or of the code that reads.
        code.keep_read(kept)
        about = json.loads(kept.read_text())
        about["files"][str(file)][2] = "wrong"
        kept.write_text(json.dumps({**about, "version": "another"}))
    else:
        kept.write_text(damage)
    monkeypatch.setattr(code, "_READ", {})
    code.read_earlier(kept)
    assert code.code_digest(file) == right
    code.keep_read(kept)
    assert json.loads(kept.read_text())["files"][str(file)][2] != "wrong"
