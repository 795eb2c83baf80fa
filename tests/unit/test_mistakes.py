"""Known mistakes are named, each by its own name, and nothing else is."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn.functional import cross_entropy

from conftest import CORPUS, REPOSITORY
from mlplab import activations, implementations
from mlplab.errors import UserError
from mlplab.implementations import Build
from mlplab.judging import benchmark, corpus, page
from mlplab.judging.check import examine, problems
from mlplab.judging.mistakes.catalogue import CATALOGUE
from mlplab.judging.mistakes.diagnosis import cause_of
from mlplab.judging.mistakes.evidence import Seen, probes_of, steps_of
from mlplab.judging.mistakes.network import Network
from mlplab.judging.values import Parameters

RELU = activations.load("relu")
# A fault that no such entry can be about: the cause is not to be told.
NOT_NAMED = {name for name, wrong in CORPUS.wrong.items() if wrong.cause == "none"}


def build_of(network: type[Network], **settings: object) -> Build:
    """What builds networks of a numeric model, as if a file had defined it."""

    def build(parameters: Parameters, activation: object, optimizer: object) -> Network:
        rate = getattr(optimizer, "learning_rate", optimizer)
        return network(parameters, activation, rate, **settings)  # type: ignore[arg-type]

    return build  # type: ignore[return-value]


def cause(network: type[Network], quantity: str = "loss", step: int = 1, **settings: object) -> str:
    found = cause_of(quantity, step, build_of(network, **settings), RELU, problems()[0])
    return found.mistake.name if found else ""


def test_the_numeric_model_is_the_network() -> None:
    reference = implementations.load("concise")
    for problem in problems():
        for name in ("relu", "prelu", "tanh"):
            activation = activations.load(name)
            start = problem.start(activation, torch.float64)
            ours, theirs = Network(start, activation, 0.3), reference(start, activation, 0.3)
            for images, labels in problem.batches(3):
                answers = ours.train_step(images, labels), theirs.train_step(images, labels)
                for one, other in zip(*answers, strict=True):
                    torch.testing.assert_close(one, other, rtol=1e-13, atol=1e-13)
            for key, value in theirs.parameters().items():
                torch.testing.assert_close(ours.parameters()[key], value, rtol=1e-12, atol=1e-13)


def test_every_wrong_network_has_a_known_cause_and_a_source() -> None:
    for name, wrong in CORPUS.wrong.items():
        assert wrong.cause in CATALOGUE or name in NOT_NAMED, name
        assert re.fullmatch(r"\d{4}-\d\d-\d\d https://\S+", wrong.known), name
        assert wrong.what.endswith("."), name
        compile(wrong.source(), name, "exec")
    for entry in CATALOGUE.values():
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", entry.date), entry.name
        assert entry.known.startswith("https://"), entry.name


def test_the_page_is_written_from_the_catalogue() -> None:
    text = (REPOSITORY / "docs" / "mistakes.md").read_text(encoding="utf-8")
    assert text == page.page(page.table_of(text)), "run `make docs`"
    table = page.table_of(text)
    assert f"| all | {len(CORPUS.wrong)} |" in table, "run `mlplab benchmark-mistakes --page`"
    assert f"| {len(CORPUS.right)} | 0 |" in table


# Detected, and known, but not recognised: docs/mistakes.md counts them.
UNNAMED = {"permuted_then_reshaped", "adam_of_its_own_rate"}


@pytest.mark.slow
@pytest.mark.parametrize("name", CORPUS.wrong)
def test_a_wrong_network_is_called_wrong_and_its_cause_named(
    wrong: Callable[[str], Path], name: str
) -> None:
    entry = CORPUS.wrong[name]
    verdict = examine(wrong(name), [entry.activation])
    assert not verdict.right
    expected = "none" if name in UNNAMED else entry.cause
    assert (verdict.mistake.name if verdict.mistake else "none") == expected


@pytest.mark.slow
@pytest.mark.parametrize("path", CORPUS.right, ids=lambda path: path.stem)
def test_a_right_network_is_called_right(path: Path) -> None:
    verdict = examine(path)
    assert verdict.right, verdict.headline()


class Scaled(Network):
    """A loss that is a multiple of the right one, and nothing else."""

    factor = 1.234567

    def returned(
        self, scores: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        loss, correct = super().returned(scores, labels)
        return self.factor * loss, correct


class Noisy(Network):
    """A gradient with something on it that no mistake is known for."""

    size = 1e-6

    def gradient(self, images: torch.Tensor, labels: torch.Tensor) -> Parameters:
        return {
            name: value + self.size * torch.sin(1000 * value)
            for name, value in super().gradient(images, labels).items()
        }


class PenaltyOfCubes(Network):
    """Another loss, near to a known one."""

    def returned(
        self, scores: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        loss, correct = super().returned(scores, labels)
        return loss + 1e-3 * (self.values["W1"].abs() ** 3).sum(), correct


@pytest.mark.slow
@pytest.mark.parametrize("factor", [1.234567, 0.9999, 1 + 1e-9, 1 / 3])
def test_a_factor_of_a_number_is_no_cause(factor: float) -> None:
    assert cause(Scaled, factor=factor) == ""


@pytest.mark.slow
@pytest.mark.parametrize("size", [1e-2, 1e-6, 1e-10])
def test_what_is_no_known_mistake_is_not_named(size: float) -> None:
    assert cause(Noisy, "gradient", size=size) == ""
    assert cause(PenaltyOfCubes) == ""


def test_rounding_is_not_read() -> None:
    assert cause(Network) == ""
    assert cause(Noisy, "gradient", size=1e-16) == ""
    assert cause(Scaled, factor=1 + 1e-15) == ""


def test_of_two_mistakes_the_first_to_show_is_named() -> None:
    class MeanAndSum(Network):
        loss_factor, gradient_factor = (1.0, -1), (1.0, 1)

    assert cause(MeanAndSum) == "mean-loss"


def test_a_mistake_that_depends_on_the_rate_is_not_taken_for_a_factor() -> None:
    class RateToThePower(Network):
        def rate(self) -> float:
            return self.learning_rate**1.5

    assert cause(RateToThePower, "gradient") == ""


def test_a_strength_is_told_as_it_is() -> None:
    class Smoothed(Network):
        def losses(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
            return cross_entropy(scores, labels, reduction="none", label_smoothing=0.25)

    found = cause_of("loss", 1, build_of(Smoothed), RELU, problems()[0])
    assert found is not None
    assert found.sentence.startswith("label smoothing of 0.25:")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("cause: adam\n", "", "adam lacks cause; see the other entries"),
        ("base: autograd\ncause: adam\n", "base: arrays\ncause: adam\n", "expected once in"),
        ("=== momentum", "=== adam", "adam is there already; rename one"),
    ],
)
def test_a_corpus_that_is_not_well_formed_is_refused(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    source = REPOSITORY / "tests" / "mistakes"
    for path in (*CORPUS.right, source / "wrong" / "step.diff"):
        copy = tmp_path / path.relative_to(source)
        copy.parent.mkdir(exist_ok=True)
        text = path.read_text(encoding="utf-8")
        copy.write_text(text.replace(old, new) if copy.suffix == ".diff" else text, "utf-8")
    with pytest.raises(UserError, match=words):
        for wrong in corpus.read(tmp_path).wrong.values():
            wrong.source()


def test_a_folder_without_right_files_is_no_corpus(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="right files are expected in"):
        corpus.read(tmp_path)


def outcome(**values: object) -> benchmark.Outcome:
    usual = benchmark.Outcome("one", "adam", False, False, "adam", "WRONG  one", 1.0)
    return replace(usual, **values)  # type: ignore[arg-type]


def test_the_benchmark_counts() -> None:
    found = [
        outcome(),
        outcome(cause=""),
        outcome(cause="momentum", held_out=True, seconds=3.0),
        outcome(right=True, cause="", held_out=True),
        outcome(expected="", right=True, cause=""),
        outcome(expected="", right=False, cause=""),
    ]
    lines = benchmark.table(found).splitlines()
    assert "| all | 4 | 3 (75 %) | 1 (25 %) | 1 | 1.0, 3.0 |" in lines
    assert (
        "| written afterwards, nothing changed since | 2 | 1 (50 %) | 0 (0 %) | 1 | 2.0, 3.0 |"
        in lines
    )
    assert "| 2 | 1 | 1.0, 1.0 |" in lines
    assert [line.split()[0] for line in benchmark.complaints(found)] == [
        "not",
        "false",
        "missed",
        "false",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, entry in CATALOGUE.items() if entry.variants])
def test_a_network_that_makes_a_mistake_is_not_taken_for_another(name: str) -> None:
    problem, tanh = problems()[0], activations.load("tanh")
    (probe, *_) = probes_of(problem, tanh)
    seen = Seen(probe, list(steps_of(Network(probe.start, tanh, probe.rate), probe)))
    for variant in CATALOGUE[name].variants:
        settings = next(iter(variant.settings(seen)), None)
        if settings is not None:
            found = cause_of("", 1, build_of(variant.network, **settings), tanh, problem)
            assert found is None or found.mistake.name == name, settings


@pytest.mark.slow
def test_the_command_judges_a_wrong_and_a_right_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark.main(["--only", "softmax_twice", "arrays", "--jobs", "1"]) == 0
    out, progress = capsys.readouterr()
    assert "| all | 1 | 1 (100 %) | 1 (100 %) | 0 |" in out
    assert "WRONG  softmax_twice" in progress and "RIGHT  arrays" in progress


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark.main(["--only", "nothing"]) == 2
    assert "it has no nothing" in capsys.readouterr().err
