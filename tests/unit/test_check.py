"""The check of one file: what a student reads, and the exit status that a script reads."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import CORPUS
from mlplab import activations, implementations
from mlplab.judging import check
from mlplab.judging.verdict import Verdict

# A check takes a second or more.
pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parent.parent.parent

# The first lines of some verdicts, as far as the place.
FIRST_LINES = {
    "activated_output": "relu: the activation is applied to the last layer, too (logits)",
    "adam": "relu: Adam, not gradient descent (gradient of the mean loss, W2)",
    "bias_not_trained": "relu: b1, b2: the step does not change the bias (gradient of the mean",
    "derivative_at_output": "sigmoid: the activation's derivative is taken at its output f(z), not",
    "fixed_batch_size": "relu: divided by 256, whatever the size of the batch (gradient",
    "images_overwritten": "relu: the images of the batch are overwritten (leaves the images as",
    "label_smoothing": "relu: label smoothing of 0.1: a part of the label is spread over all",
    "momentum": "relu: momentum of 0.9: a part of the step before is in it (parameters over 100",
    "softmax_over_examples": "relu: the softmax runs over the examples of the batch, not over",
    "squared_error": "relu: squared error of the probabilities, not cross-entropy (summed loss",
    "warm_up": "relu: the step's size changes from step to step: 0.2, 0.4, 0.6, 0.8 times the",
}

NETWORK = """import torch


class Network:
    def __init__(self, parameters, activation, learning_rate):
        self.values = {name: value.clone() for name, value in parameters.items()}

    def logits(self, images):
        return torch.zeros(len(images), len(self.values["b2"]), dtype=images.dtype)

    def train_step(self, images, labels):
        return torch.tensor(0.0), torch.tensor(0)

    def parameters(self):
        return self.values
"""

SQUARE = """FORMULA = "x²"
DERIVATIVE_FORMULA = "2x"


def function(x):
    return x * x


def derivative(x):
    return 2 * x


def numpy_derivative(x):
    return 2 * x
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.py"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", FIRST_LINES)
def test_the_first_line_says_what_is_wrong_and_the_last_where_to_read_on(
    name: str, wrong: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    entry = CORPUS.wrong[name]
    assert check.main([str(wrong(name)), "--activation", entry.activation]) == 1
    head, *lines, link = capsys.readouterr().out.splitlines()
    assert head.startswith(f"WRONG  {name}, with {FIRST_LINES[name]}")
    first = next(line for line in lines if not line.startswith("  ok "))
    assert first.startswith("  WRONG  ")
    assert "found " in first and "expected " in first
    after = lines[lines.index(first) + 1]
    assert after.startswith("         network 36-12-")
    assert "relative difference" in after and "allowed" in after
    assert any(line.startswith("What to look at: ") for line in lines)
    assert link == f"See docs/mistakes.md#{entry.cause}"


def test_hints_give_away_one_thing_after_the_other(
    wrong: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    told = {}
    for hint in (0, 1, 2, 3):
        file = str(wrong("softmax_twice"))
        assert check.main([file, "--activation", "relu", "--hint", str(hint)]) == 1
        told[hint] = capsys.readouterr().out
    assert told[0] == "WRONG  softmax_twice\n"
    assert told[1].startswith(
        "WRONG  softmax_twice, with relu: summed loss of the batch, before the step: found "
    )
    assert "twice:" not in told[1] and "What to look at" not in told[1]
    assert told[2].startswith("WRONG  softmax_twice, with relu: the softmax is applied twice (")
    assert "What to look at" not in told[2]
    assert told[3].startswith(told[2])
    assert "What to look at: cross_entropy" in told[3]


def test_the_first_line_is_told_before_the_rest_is_compared(wrong: Callable[[str], Path]) -> None:
    told: list[Verdict] = []
    verdict = check.examine(wrong("softmax_twice"), ["relu"], tell=told.append)
    (early,) = told
    assert early.headline() == verdict.headline()
    assert early.rows == verdict.rows[: len(early.rows)]
    assert {row.quantity for row in early.rows} < {row.quantity for row in verdict.rows}
    assert early.first is early.rows[-1]


@pytest.mark.parametrize("name", implementations.names())
def test_a_right_implementation_is_ok_in_each_requirement(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(implementations.source(name))
    assert check.main([path, "--activation", "relu", "prelu"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head == f"RIGHT  {name}: as the framework's network, with 2 activations"
    words = [words for quantity, words in check.REQUIREMENTS.items() if quantity != "interface"]
    assert len(lines) == len(words)
    for line, expected in zip(lines, words, strict=True):
        assert line.startswith(f"  ok     {expected}")


def test_a_mistake_with_one_activation_only_is_found_by_default(
    wrong: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    # ReLU's derivative is the same at its output.
    assert check.main([str(wrong("derivative_at_output"))]) == 1
    assert capsys.readouterr().out.startswith("WRONG  derivative_at_output, with elu: ")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("import torch\n\nclass Network\n    pass\n", 3, "SyntaxError"),
        ("import torch\n\nx = torch.nothing\n", 3, "has no attribute 'nothing'"),
        ("x = 1\n", 0, "a class `Network` is expected"),
        (NETWORK.replace("def logits", "def scores"), 4, "lacks the method logits(images)"),
        (
            NETWORK.replace("return self.values\n", "yield from self.values.items()\n"),
            4,
            "parameters() must return a dict of name → tensor; it returned a generator",
        ),
        (
            NETWORK.replace("len(images), ", "1, len(images), "),
            4,
            "logits(images) must return a float64 tensor of shape (32, 4)",
        ),
        (NETWORK.replace("dtype=images.dtype", "dtype=torch.int64"), 4, "it returned an int64"),
        (NETWORK.replace("images.dtype", "images.kind"), 9, "logits(images) fails: Attribute"),
        (NETWORK.replace(", activation, learning_rate", ""), 4, "fails: TypeError"),
    ],
)
def test_a_broken_file_is_told_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, line: int, words: str
) -> None:
    path = written(tmp_path, text)
    assert check.main([str(path)]) == 1
    output = capsys.readouterr().out
    failing = next(each for each in output.splitlines() if each.startswith("  FAILS"))
    assert failing.startswith(f"  FAILS  {path}:{line}: " if line else f"  FAILS  {path}: ")
    assert output.startswith("FAILS  mine, with relu: ")
    assert words in failing
    assert "Traceback" not in output


def test_a_missing_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "nothing.py"
    assert check.main([str(path)]) == 1
    assert capsys.readouterr().out == (
        f"  FAILS  {path}: there is no such file; name a Python file\n"
    )


@pytest.mark.parametrize("arguments", [[], ["a.py", "--activation", "nothing"], ["--unknown"]])
def test_a_wrong_command_exits_with_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as error:
        check.main(arguments)
    assert error.value.code == 2
    assert "usage: mlplab check" in capsys.readouterr().err


@pytest.mark.parametrize("name", activations.names())
def test_the_librarys_activations_are_right(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main([str(activations.source(name))]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.startswith(f"{name}: ")
    assert all(line.startswith("  ok     ") for line in lines)
    for implementation in implementations.names():
        assert f"  ok     {implementation} trains with it as concise does" in lines


@pytest.mark.parametrize(
    ("right", "wrong", "status", "words"),
    [
        ("", "", 0, []),
        (
            "def derivative(x):\n    return 2 * x",
            "def derivative(x):\n    return x",
            1,
            ["derivative(x) against autograd", "manual trains with it as concise does"],
        ),
        (
            "def numpy_derivative(x):\n    return 2 * x",
            "def numpy_derivative(x):\n    return 3 * x",
            1,
            ["numpy_derivative(x) against autograd", "numpy trains with it as concise does"],
        ),
        (
            "def numpy_derivative(x):\n    return 2 * x",
            "def numpy_function(x):\n    return x * x + 1",
            1,
            ["numpy_function(x) against function(x)", "numpy trains with it as concise does"],
        ),
    ],
)
def test_an_activation_is_checked(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    right: str,
    wrong: str,
    status: int,
    words: list[str],
) -> None:
    path = written(tmp_path, SQUARE.replace(right, wrong))
    assert check.main([str(path)]) == status
    head, *lines = capsys.readouterr().out.splitlines()
    assert head == "mine: x²; derivative: 2x"
    found = [line for line in lines if line.startswith("  WRONG")]
    assert len(found) == len(words)
    for line, expected in zip(found, words, strict=True):
        assert line.startswith(f"  WRONG  {expected}")


def test_a_broken_activation_is_told_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, "def function(x):\n    return x.nothing()\n")
    assert check.main([str(path)]) == 1
    assert f"  FAILS  {path}:2: function(x) fails" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(("name", "status"), [("scratch", 0), ("mean_loss", 1)])
def test_the_command_runs_as_make_check_runs_it(
    wrong: Callable[[str], Path], name: str, status: int
) -> None:
    path = implementations.source("scratch") if name == "scratch" else wrong(name)
    done = subprocess.run(
        [sys.executable, "-m", "mlplab.cli", "check", str(path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == status
    assert done.stderr == ""
    word = "WRONG" if status else "RIGHT"
    assert done.stdout.startswith(f"{word}  {name}")
    assert ("WRONG" in done.stdout) == bool(status)
