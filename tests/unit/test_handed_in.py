"""What people hand in: right in an unusual way, wrong where only a long look tells, or odd."""

import json
from pathlib import Path

import pytest
import torch

from conftest import REPOSITORY
from mlplab import activations, check, implementations, notebooks
from mlplab.judging import check as command
from mlplab.judging.compare import compare, first_difference
from mlplab.judging.elementwise import requirements
from mlplab.judging.submissions import Judged, files_of
from mlplab.plugins import PlugInError, at, constants

NETWORK = '''"""A network with one hidden layer."""
import torch


class Network:
    def __init__(self, parameters, activation, learning_rate):
        self.values = {n: v.clone().requires_grad_() for n, v in parameters.items()}
        self.function, self.rate, self.steps = activation.function, learning_rate, 0

    def scores(self, images):
        p = self.values
        return self.function(images.flatten(1) @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]

    def logits(self, images):
        return self.scores(images)

    def loss(self, logits, labels):
        return torch.nn.functional.cross_entropy(logits, labels, reduction="sum")

    def train_step(self, images, labels):
        self.steps += 1
        logits = self.scores(images)
        loss = self.loss(logits, labels)
        loss.backward()
        with torch.no_grad():
            for value in self.values.values():
                value -= self.rate * value.grad / len(labels)
                value.grad = None
        return loss.detach(), (logits.argmax(dim=1) == labels).sum()

    def parameters(self):
        return {n: v.detach() for n, v in self.values.items()}


MAX_HIDDEN_LAYERS = 1
'''


def changed(*changes: tuple[str, str]) -> str:
    text = NETWORK
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def written(folder: Path, text: str, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


STEP = "        self.steps += 1\n"
OVERRIDDEN = "\n\nBase = Network\n\n\nclass Network(Base):\n"

# What a network does otherwise than NETWORK → the first quantity to differ, if any.
LATE: dict[str, tuple[str, str]] = {
    "nothing": ("    pass\n", ""),
    "rate halved after 100 steps": (
        """
    def train_step(self, images, labels):
        self.rate /= 2 if self.steps == 100 else 1
        return super().train_step(images, labels)
""",
        "parameters of an epoch",
    ),
    "rate lower from the second epoch": (
        """
    def train_step(self, images, labels):
        self.rate /= 10 if self.steps == 235 else 1
        return super().train_step(images, labels)
""",
        "parameters of an epoch",
    ),
    "logits of the start": (
        """
    def logits(self, images):
        if not self.steps:
            self.first = {n: v.detach().clone() for n, v in self.values.items()}
        now, self.values = self.values, getattr(self, "first", self.values)
        logits = self.scores(images)
        self.values = now
        return logits

    def train_step(self, images, labels):
        self.logits(images)
        return super().train_step(images, labels)
""",
        "logits after training",
    ),
    "evaluated otherwise": (
        """
    def logits(self, images):
        return self.scores(images) * (1 if torch.is_grad_enabled() else 1.01)
""",
        "logits without gradients",
    ),
    "scores of a single image": (
        """
    def logits(self, images):
        return self.scores(images) * (2 if len(images) == 1 else 1)
""",
        "logits of other batches",
    ),
    "a step on a single image": (
        """
    def loss(self, logits, labels):
        return super().loss(logits, labels) * (2 if len(labels) == 1 else 1)
""",
        "loss of a single image",
    ),
    "bfloat16 in a step": (
        """
    def train_step(self, images, labels):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return super().train_step(images, labels)
""",
        "loss in float32",
    ),
    "bfloat16 in the scores": (
        """
    def scores(self, images):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return super().scores(images).to(images.dtype)
""",
        "logits in float32",
    ),
    "softmax without its maximum": (
        """
    def loss(self, logits, labels):
        q = logits.exp() / logits.exp().sum(1, keepdim=True)
        return -q[range(len(labels)), labels].log().sum()
""",
        "loss with scores of ±200",
    ),
    "log-sum-exp without its maximum": (
        """
    def loss(self, logits, labels):
        return (logits.exp().sum(1).log() - logits[range(len(labels)), labels]).sum()
""",
        "loss with scores of ±200",
    ),
    "maximum of the whole batch": (
        """
    def loss(self, logits, labels):
        moved = logits - logits.max().detach()
        return (moved.exp().sum(1).log() - moved[range(len(labels)), labels]).sum()
""",
        "loss with scores of ±200",
    ),
    "parameters in another order": (
        """
    def parameters(self):
        return dict(reversed(super().parameters().items()))
""",
        "",
    ),
    "count in float64": (
        """
    def train_step(self, images, labels):
        loss, correct = super().train_step(images, labels)
        return loss, correct.double()
""",
        "",
    ),
    "plain numbers": (
        """
    def train_step(self, images, labels):
        loss, correct = super().train_step(images, labels)
        return loss.item(), int(correct)
""",
        "",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LATE)
def test_nothing_is_overlooked_and_nothing_right_is_refused(name: str, tmp_path: Path) -> None:
    otherwise, quantity = LATE[name]
    path = written(tmp_path, NETWORK + OVERRIDDEN + otherwise)
    reference = implementations.source("concise")
    rows = list(compare(path, reference, activations.load("relu"), command.problems(more=True)))
    first = first_difference(rows)
    assert (first.quantity if first else "") == quantity
    assert not first or first.verdict == "differs"


def test_a_byte_order_mark_hides_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_bytes(b"\xef\xbb\xbf" + NETWORK.encode())
    assert constants(path) == {"MAX_HIDDEN_LAYERS": 1}
    assert command.examine(path, ["relu"]).right


def test_sizes_of_the_article_may_be_written_into_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, changed(("images.flatten(1)", "images.reshape(-1, 784)")))
    verdict = command.examine(path, ["relu"])
    assert verdict.right
    (note,) = verdict.notes
    assert "right for the article's sizes alone, images of 28 × 28" in note
    other = written(tmp_path, changed(("images.flatten(1)", "images.reshape(-1, 64)")))
    assert not command.examine(other, ["relu"]).right


def notebook(*cells: str) -> str:
    found = [{"cell_type": "markdown", "source": ["# Homework\n"]}]
    found += [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    return json.dumps({"cells": found, "nbformat": 4, "nbformat_minor": 5, "metadata": {}})


CELLS = (
    "%matplotlib inline\n!pip list\nimport torch",
    "%%bash\necho no Python",
    "%%time\n" + NETWORK,
)


def test_a_notebook_is_its_code_cells(tmp_path: Path) -> None:
    path = written(tmp_path, notebook(*CELLS), "home work.ipynb")
    assert constants(path) == {"MAX_HIDDEN_LAYERS": 1}
    assert command.examine(path, ["relu"]).right


def test_a_mistake_in_a_notebook_is_told_with_cell_and_line(tmp_path: Path) -> None:
    broken = NETWORK.replace(STEP, "        self.step += 1\n")
    path = written(tmp_path, notebook(*CELLS[:2], broken), "mine.ipynb")
    first = command.examine(path, ["relu"]).first
    assert first is not None
    line = broken[: broken.index("self.step +=")].count("\n") + 1
    assert first.detail.startswith(f"{path}, cell 4, line {line}: train_step(images, labels) fails")
    assert at(path, 1) == f"{path}, cell 2, line 1"
    with pytest.raises(ValueError, match="fewer lines"):
        notebooks.cell(path.read_bytes(), 1000)
    with pytest.raises(PlugInError, match="this is no notebook"):
        implementations.load(written(tmp_path, "{}", "other.ipynb"))


def test_a_class_is_checked_in_a_cell(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    names: dict[str, object] = {"__name__": "__main__"}
    exec(compile(NETWORK.replace("\nMAX", "\nOTHER"), "/nowhere/cell.py", "exec"), names)
    network = names["Network"]
    assert isinstance(network, type)
    network.MAX_HIDDEN_LAYERS = 1  # type: ignore[attr-defined]
    threads = torch.get_num_threads()
    check(network, "relu")
    in_the_cell = capsys.readouterr().out
    assert torch.get_num_threads() == threads
    path = written(tmp_path, NETWORK, "Network.py")
    assert command.main([str(path), "--activation", "relu", "--isolation", "off"]) == 0
    assert capsys.readouterr().out == in_the_cell
    network.train_step = lambda self, images, labels: None  # type: ignore[attr-defined]
    check(network, ["relu"])
    printed = capsys.readouterr().out
    assert printed.startswith("FAILS  Network, with relu: ")
    assert "must return the summed loss" in printed


def test_a_folder_has_its_files_and_not_their_helpers(tmp_path: Path) -> None:
    written(tmp_path, "scale = 1.0\n", "helper.py")
    written(tmp_path, "x = 1\n", "stray.py")
    one = written(tmp_path, "from helper import scale\n" + NETWORK, "04 one.py")
    two = written(tmp_path, notebook(NETWORK), "two.ipynb")
    written(tmp_path, "", "_hidden.py")
    written(tmp_path, "", "notes.txt")
    assert files_of([tmp_path]) == ([one, tmp_path / "stray.py", two], True)
    assert files_of([one]) == ([one], False)
    assert files_of([one, two]) == ([one, two], True)
    with pytest.raises(PlugInError, match="there is no such file"):
        files_of([tmp_path / "nothing.py"])
    # Sub-folders are followed, but for packages that a file imports, and links.
    for folder in ("jane", "helper_package", "_hidden", "empty"):
        (tmp_path / folder).mkdir()
    three = written(tmp_path / "jane", NETWORK, "three.py")
    written(tmp_path / "jane", "x = 1\n", "layers.py")
    written(tmp_path / "jane", "import layers, helper_package\n" + NETWORK, "three.py")
    written(tmp_path / "helper_package", "x = 1\n")
    written(tmp_path / "_hidden", NETWORK)
    (tmp_path / "link").symlink_to(tmp_path / "jane")
    one.write_text("import helper_package\n" + one.read_text())
    assert files_of([tmp_path])[0] == [one, tmp_path / "stray.py", two, three]
    rows = [Judged(path, True, [f"RIGHT  {path.stem}: so"], None) for path in (one, three)]
    assert [row.row([one, three]) for row in rows] == [
        "RIGHT  04 one.py      so",
        "RIGHT  jane/three.py  so",
    ]
    empty = tmp_path / "empty"
    with pytest.raises(PlugInError, match="neither a Python file nor a notebook"):
        files_of([empty])


# Of an activation: its file, the requirement that is not met, and what is said.
ACTIVATIONS = {
    "not elementwise": ("return x - x.mean()", "elementwise", "other values as a table"),
    "softmax": ("return torch.softmax(x, -1)", "elementwise", "other values"),
    "overflow": (
        "return torch.exp(x) / (1 + torch.exp(x))",
        "finite",
        "function(x) is nan at x = ",
    ),
    "derivative far out": (
        "return torch.tanh(x)\ndef derivative(x):\n"
        "    return torch.where(x.abs() > 8.5, torch.ones_like(x), 1 - torch.tanh(x) ** 2)",
        "derivative(x) against autograd",
        "found 1",
    ),
    "derivative beside the kink": (
        "return x.clamp(min=0)\ndef derivative(x):\n    return (x > 1e-4).to(x.dtype)",
        "derivative(x) against autograd",
        "at x = 1e-06",
    ),
    "another way back": (
        "return torch.tanh(x).detach() + 2 * (torch.tanh(x) - torch.tanh(x).detach())",
        "autograd finds the slope",
        "expected",
    ),
    "its parameter": (
        "return x.tanh() * alpha\ndef parameter_derivatives(x, alpha):\n    return (x,)",
        "parameter_derivatives(x), by alpha",
        "expected",
    ),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activations_failure_is_told_in_its_own_words(name: str, tmp_path: Path) -> None:
    body, requirement, detail = ACTIVATIONS[name]
    learned = "PARAMETERS = {'alpha': 0.5}\n" if "alpha" in body else ""
    arguments = "x, alpha" if learned else "x"
    text = f"import torch\n{learned}def function({arguments}):\n    {body}\n"
    path = written(tmp_path, text)
    wrong = [found for found in requirements(activations.load(path), path) if not found.met]
    assert wrong[0].requirement.startswith(requirement)
    assert detail in wrong[0].detail


def test_an_activation_of_another_dtype_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "def function(x):\n    return x.double().tanh()\n")
    with pytest.raises(PlugInError, match=rf"^{path}:1: .* it returned a float64 tensor"):
        list(requirements(activations.load(path), path))


@pytest.mark.parametrize("name", activations.names())
def test_the_librarys_activations_meet_every_requirement(name: str) -> None:
    path = activations.source(name)
    assert all(found.met for found in requirements(activations.load(path), path))


def run_check(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    status = command.main([*arguments, "--activation", "relu"])
    return status, capsys.readouterr().out


CHANGES = "torch.set_default_dtype(torch.float64)\ntorch.manual_seed(3)\n"


@pytest.mark.slow
def test_what_a_file_prints_writes_and_changes_is_told_and_undone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = written(
        tmp_path,
        changed(
            (
                "import torch\n",
                "import torch\ntorch.set_default_dtype(torch.float64)\ntorch.manual_seed(3)\n",
            ),
            (
                STEP,
                f"{STEP}        print('x' * 1000)\n        open('log.txt', 'a').write('step')\n",
            ),
        ),
        "04 mlp scratch.py",
    )
    status, printed = run_check(path.name, capsys=capsys)
    assert status == 0
    assert printed.startswith("RIGHT  04 mlp scratch: ")
    assert (
        "  note   it changes torch's default dtype from torch.float32 to torch.float64" in printed
    )
    assert "  note   it seeds or draws torch's random numbers: undone\n" in printed
    assert "  note   it writes log.txt: removed\n" in printed
    assert "bytes: --output shows the first" in printed
    assert "xxx" not in printed
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    assert torch.get_default_dtype() == torch.float32
    _, printed = run_check(path.name, "--output", capsys=capsys)
    assert f"What the file has printed:\n  | {'x' * 1000}\n" in printed


@pytest.mark.slow
def test_a_folder_is_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path, "scale = 1.0\n", "helper.py")
    written(tmp_path, "from helper import scale\n" + NETWORK, "04 one.py")
    written(tmp_path, changed((STEP, f"{STEP}        raise SystemExit\n")), "exits.py")
    written(tmp_path, "from mlplab.implementations.concise import Network\n", "given.py")
    status, printed = run_check(str(tmp_path), capsys=capsys)
    assert status == 1
    one, exits, given = printed.splitlines()
    assert one.startswith("RIGHT  04 one.py  as the framework's network, with relu")
    assert exits.startswith("FAILS  exits.py") and "exits.py:22: train_step" in exits
    assert given.startswith("RIGHT  given.py") and "it imports concise, one of the library" in given


def test_isolation_that_cannot_be_had_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlplab.isolation.launch.why_no_bwrap", lambda: "bwrap is not installed")
    path = written(tmp_path, NETWORK)
    assert command.main([str(path), "--isolation", "require"]) == 2
    told = capsys.readouterr()
    assert "install the package bubblewrap" in told.err
    assert not told.out


def test_debian_brings_bwrap_to_the_tests() -> None:
    assert "bubblewrap" in (REPOSITORY / ".ci/packages").read_text()
