"""An edit of the library's code runs again what it touches, no less and no more."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Project

pytestmark = pytest.mark.slow

PAGE = {"render_report", "publish_study", "all"}
# Which networks are looked at follows from the ranking.
EXAMPLES = PAGE | {"collect_examples", "plot_diagnostics"}
FROM_THE_TABLE = EXAMPLES | {"summarize", "plot_overview"}
# With what comes from MLflow: the networks that the page carries are chosen among these runs.
COLLECTED = FROM_THE_TABLE | {"collect_runs", "pack_networks"}
FROM_SCORES = COLLECTED | {"track", "plot_curves", "plot_cell"}
DIAGNOSTICS = PAGE | {"tabulate_diagnostics", "plot_diagnostics"}
FROM_TRAINING = FROM_SCORES | DIAGNOSTICS | {"evaluate"}
PARITY = {"compare_implementation", "tabulate_parity", "pack_networks"}

# What is edited, in what file, what stands there and what comes instead → the rules that run again.
EDITS: dict[str, tuple[str, str, str, set[str]]] = {
    "an activation": (
        "activations/relu.py",
        "torch.threshold(x, 0.0, 0.0)",
        "torch.threshold(x, 0.1, 0.0)",
        FROM_TRAINING | PARITY | {"train", "plot_activation", "pack_lesson"},
    ),
    "an implementation": (
        "implementations/scratch.py",
        "def logits(",
        "one = 1\n\n    def logits(",
        FROM_TRAINING | PARITY | {"train"},
    ),
    "the training loop": (
        "training/loop.py",
        "EVALUATION_BATCH = 1000",
        "EVALUATION_BATCH = 999",
        FROM_TRAINING | PARITY | {"train"},
    ),
    "threads, precision and the split of a run": (
        "training/run.py",
        'read_test=job.scored_on == "test"',
        "read_test=False",
        FROM_TRAINING | {"train"},
    ),
    "scores: half of macro F1": (
        "study/metrics.py",
        "float(f1_scores(predictions.confusion).mean())",
        "float(f1_scores(predictions.confusion).mean()) / 2",
        FROM_SCORES | {"evaluate"},
    ),
    "statistics: another level": (
        "analysis/means.py",
        "CONFIDENCE = 0.95",
        "CONFIDENCE = 0.9",
        FROM_THE_TABLE,
    ),
    "a table: twice n": (
        "analysis/summary.py",
        '"n": len(positions)',
        '"n": 2 * len(positions)',
        FROM_THE_TABLE,
    ),
    "a table of groups: the last instead of the best": (
        "analysis/groups.py",
        "np.argmax(",
        "np.argmin(",
        FROM_THE_TABLE,
    ),
    "who agrees": (
        "analysis/agreement.py",
        '"fails" in verdicts',
        '"broke" in verdicts',
        FROM_THE_TABLE | DIAGNOSTICS | {"tabulate_parity", "pack_networks"},
    ),
    "how gradient norms are averaged": (
        "analysis/diagnostics.py",
        "np.exp(np.log(sample).mean())",
        "sample.mean()",
        DIAGNOSTICS | EXAMPLES,
    ),
    "what is said of a table": ("study/tables.py", "A row per run", "One row per run", set()),
    "the table of all runs": (
        "analysis/runs.py",
        '"sanity": records[path].sanity',
        '"sanity": ""',
        COLLECTED,
    ),
    "a figure: another line style": (
        "figures/runs.py",
        'CURVE_STYLES = ("-", "--", ":")',
        'CURVE_STYLES = (":", "--", "-")',
        PAGE | {"plot_curves", "plot_overview"},
    ),
    "which images are looked at": (
        "analysis/examples.py",
        "RIGHT_AT_MOST = 4",
        "RIGHT_AT_MOST = 3",
        EXAMPLES,
    ),
    "how weights are shown": (
        "figures/sprites.py",
        "LEVELS = 15",
        "LEVELS = 7",
        EXAMPLES,
    ),
    "what is said of a figure": (
        "figures/diagnostics.py",
        "Solid: units that",
        "Solid lines: units that",
        PAGE | {"plot_diagnostics"},
    ),
    "the figures' size": (
        "figures/canvas.py",
        '"figure.dpi": 100',
        '"figure.dpi": 90',
        PAGE
        | {"plot_activation", "plot_samples", "plot_curves", "plot_cell"}
        | {"plot_diagnostics", "plot_overview"},
    ),
    "an activation's colour": (
        "study/colors.py",
        '"prelu": "#882255"',
        '"prelu": "#882256"',
        COLLECTED | {"plot_activation", "plot_samples", "plot_curves", "plot_cell"} | {"track"},
    ),
    "addresses of MLflow's pages": (
        "study/pages.py",
        'VIEW = "mlplab"',
        'VIEW = "mlp-lab"',
        COLLECTED | {"start_study", "track"},
    ),
    "what a model in MLflow computes": (
        "tracking/network_model.py",
        'OUTPUTS = ("logits", ',
        'OUTPUTS = ("scores", "logits", ',
        COLLECTED | {"track"},
    ),
    "what is sent while a run trains": (
        "tracking/live.py",
        "PARTING = 1.0",
        "PARTING = 2.0",
        set(),
    ),
    "a study's note in MLflow": (
        "tracking/notes.py",
        "SENTENCES_AT_MOST = 5",
        "SENTENCES_AT_MOST = 4",
        {"publish_study", "all"},
    ),
    "a finding": (
        "report/findings/bounds.py",
        "import",
        "import math\nimport",
        PAGE,
    ),
    "the page's template": ("report/page/page.html.j2", "<body", "<body id='b'", PAGE),
    "the page's style": ("report/page/styles/page.css", "{", "{ ", PAGE),
    "tracking's entities": (
        "tracking/entities.py",
        "TAG_LENGTH = 5000",
        "TAG_LENGTH = 4000",
        COLLECTED | {"track"},
    ),
    "the data set's decoding": (
        "datasets/decode.py",
        '"idx": read_idx',
        '"ubyte": read_idx',
        FROM_TRAINING | PARITY | {"decode", "train", "plot_samples", "pack_lesson"},
    ),
    "how implementations are compared": (
        "judging/tolerances.py",
        "EXACT = ",
        "EXACT = 0.5 * ",
        FROM_THE_TABLE | DIAGNOSTICS | PARITY,
    ),
    "how strangers' files are isolated": (
        "isolation/remote.py",
        "itertools.count()",
        "itertools.count(1)",
        FROM_THE_TABLE | DIAGNOSTICS | PARITY | {"plot_activation"},
    ),
    "what a known mistake is called": (
        "judging/mistakes/gradients.py",
        '"divided by the size of the batch once too often"',
        '"divided by the size of the batch twice"',
        FROM_THE_TABLE | DIAGNOSTICS | PARITY | {"pack_lesson"},
    ),
    "a mistake that the page's network can make": (
        "judging/lesson.py",
        '"decay": 0.1',
        '"decay": 0.2',
        PAGE | {"pack_lesson"},
    ),
    "networks in int8: fewer steps": (
        "analysis/int8.py",
        "GREATEST = 127",
        "GREATEST = 63",
        PAGE | {"pack_networks"},
    ),
    "a comment": ("training/loop.py", "import math\n", "import math  # for infinity\n", set()),
    "a docstring": ("plugins.py", '"""Plug-ins: ', '"""Plugged in: ', set()),
    "a script": (
        "../scripts/plot_samples.py",
        "dict(snakemake.output.items())",
        "dict([*snakemake.output.items()])",
        PAGE | {"plot_samples"},
    ),
}


def rules(project: Project) -> dict[str, int]:
    """The rules that a dry run names, with their numbers of jobs."""
    answer = project.run("--dry-run", "--quiet", "reason")
    assert answer.returncode == 0, answer.stdout
    if "Nothing to be done" in answer.stdout:
        return {}
    table = answer.stdout.partition("Job stats:")[2].partition("total")[0]
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", table, re.M)}


@pytest.fixture(scope="module")
def edited(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A finished study, each of whose edits is taken back."""
    yield finished.copy(tmp_path_factory.mktemp("edited") / "copy")


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_runs_again_what_it_touches(edited: Project, name: str) -> None:
    path, old, new, expected = EDITS[name]
    file = edited.folder / "workflow/mlplab" / path
    before = file.read_text(encoding="utf-8")
    assert old in before, f"{path} has changed; mend this test"
    file.write_text(before.replace(old, new, 1), encoding="utf-8")
    try:
        assert set(rules(edited)) == expected
    finally:
        file.write_text(before, encoding="utf-8")


def test_an_edit_of_one_implementation_trains_its_runs_alone(edited: Project) -> None:
    file = edited.folder / "workflow/mlplab/implementations/scratch.py"
    before = file.read_text(encoding="utf-8")
    file.write_text(before.replace("def logits(", "one = 1\n\n    def logits("), encoding="utf-8")
    found = rules(edited)
    file.write_text(before, encoding="utf-8")
    assert {rule: found[rule] for rule in ("train", "evaluate", "track")} == {
        "train": 2,
        "evaluate": 1,
        "track": 1,
    }
    assert found["compare_implementation"] == 1


def test_a_new_date_runs_nothing(edited: Project) -> None:
    for file in (edited.folder / "workflow").rglob("*"):
        if file.is_file():
            os.utime(file)
    assert rules(edited) == {}


def test_a_copy_in_another_folder_runs_nothing(edited: Project, tmp_path: Path) -> None:
    assert rules(edited.copy(tmp_path / "moved")) == {}
