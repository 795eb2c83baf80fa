"""The check of one file: what a student reads, and the exit status that a script reads."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mlplab import activations, implementations
from mlplab.judging import check
from wrong import MISTAKES

REPOSITORY = Path(__file__).parent.parent.parent

# What the first line that is not ok says of each wrong file.
FIRST_WRONG = {
    "activated_output": "logits: the activation is applied to them, too",
    "adam": "gradient of the mean loss, W2 (and b2, W1, b1)",
    "bias_not_trained": "gradient of the mean loss, b2 (and b1): zero everywhere",
    "derivative_at_output": "gradient of the mean loss, W1 (and b1): the activation's derivative",
    "dropout": "logits: another value each time: something is random",
    "dropout_in_training": "summed loss of the batch, before the step: another value each time",
    "first_batch_size": "parameters over 100 steps, W2 after 3 steps (and b2, W1, b1): this",
    "fixed_batch_size": "gradient of the mean loss, W2 (and b2, W1, b1): 0.125 times the right",
    "float16": "logits: computed in float16, not in the dtype of the parameters",
    "float32": "logits: computed in float32, not in the dtype of the parameters",
    "gradient_sign": "gradient of the mean loss, W2 (and b2, W1, b1): the sign is the opposite",
    "correct_after_step": "number of correct predictions, before the step: counted after the step",
    "images_normalised": "leaves the images as they are, logits()",
    "images_overwritten": "leaves the images as they are, train_step()",
    "initial_parameters": "gradient of the mean loss, W2 (and b2, W1, b1): zero everywhere",
    "labels_shifted": "summed loss of the batch, before the step: the labels are shifted",
    "last_layer_only": "gradient of the mean loss, W1 (and b1): zero everywhere",
    "learning_rate_ignored": "gradient of the mean loss, W2 (and b2, W1, b1): the same step",
    "learning_rate_twice": "gradient of the mean loss, W2 (and b2, W1, b1): 100 times the right",
    "loss_after_step": "summed loss of the batch, before the step: measured after the step",
    "loss_piles_up": "loss of each of 100 steps: those of the steps before are added to it",
    "mean_loss": "summed loss of the batch, before the step: the mean over the batch, not",
    "momentum": "parameters over 100 steps, W2 after 2 steps (and b2, W1, b1): 0.9 times",
    "no_copies": "copies the parameters it is given, and leaves these as they are",
    "no_derivative": "gradient of the mean loss, W1 (and b1): as if the activation's derivative",
    "no_hidden_bias": "logits: as if b1 were zero: is it forgotten?",
    "no_output_bias": "logits: as if b2 were zero: is it forgotten?",
    "no_zero_grad": "parameters over 100 steps, W2 after 2 steps (and b2, W1, b1): the gradient",
    "not_finite": "logits: not finite",
    "not_reset": "a second network starts anew",
    "relu_of_next_layer": "gradient of the mean loss, W2 (and b2, W1, b1)",
    "shared_by_all": "a second network's step leaves the first one alone",
    "small_batch_dropped": "parameters over 100 steps, W2 after 3 steps (and b2, W1, b1): this",
    "softmax_in_logits": "logits: probabilities, not the scores before the softmax",
    "softmax_twice": "summed loss of the batch, before the step: the softmax is applied twice",
    "summed_gradient": "gradient of the mean loss, W2 (and b2, W1, b1): 32 times too great",
    "updates_too_early": "gradient of the mean loss, W1 (and b1): right for tiny steps only",
    "weight_decay": "gradient of the mean loss, W2 (and b2, W1, b1): 0.0001 times W2 is added",
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


def test_every_wrong_file_has_its_line() -> None:
    assert sorted(FIRST_WRONG) == sorted(MISTAKES)


@pytest.mark.parametrize("name", FIRST_WRONG)
def test_a_wrong_file_is_told_in_its_first_line_that_is_not_ok(
    name: str, wrong: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = "sigmoid" if name == "derivative_at_output" else "relu"
    assert check.main([str(wrong(name)), "--activation", chosen]) == 1
    head, *lines, advice = capsys.readouterr().out.splitlines()
    assert head == f"{name} with {chosen}, against concise: WRONG"
    first = next(line for line in lines if not line.startswith("  ok "))
    assert first.startswith(f"  WRONG  {FIRST_WRONG[name]}")
    assert advice == "Look at the first line that is not ok: the others may follow from it."
    after = lines[lines.index(first) + 1]
    assert after.startswith("         network 36-12-")
    assert "relative difference" in after and "allowed" in after


@pytest.mark.parametrize("name", implementations.names())
def test_a_right_implementation_is_ok_in_each_requirement(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(implementations.source(name))
    assert check.main([path, "--activation", "relu", "prelu"]) == 0
    head, *lines, last = capsys.readouterr().out.splitlines()
    assert head == f"{name} with relu, against concise: agrees"
    assert last == f"{name} with prelu, against concise: agrees"
    words = [words for quantity, words in check.REQUIREMENTS.items() if quantity != "interface"]
    assert len(lines) == len(words)
    for line, expected in zip(lines, words, strict=True):
        assert line.startswith(f"  ok     {expected}")


def test_a_mistake_with_one_activation_only_is_found_by_default(
    wrong: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    # ReLU's derivative is the same at its output.
    assert check.main([str(wrong("derivative_at_output"))]) == 1
    output = capsys.readouterr().out
    assert "derivative_at_output with relu, against concise: agrees\n" in output
    assert "derivative_at_output with elu, against concise: WRONG\n" in output


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
    heads = [line for line in done.stdout.splitlines() if line.startswith(f"{name} with ")]
    assert len(heads) == (1 if status else len(activations.names()))
    assert ("WRONG" in done.stdout) == bool(status)
