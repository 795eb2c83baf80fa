"""Plug-ins from outside the repository, as the tutorial has them, and broken ones beside them."""

import json
import os
import re
import subprocess
from pathlib import Path

import jsonschema
import pandas as pd
import pytest
import yaml

from mlplab.files import read_json
from mlplab.grading import points
from mlplab.grading.points import Points
from mlplab.judging import check

from .conftest import ROOT, Project

pytestmark = pytest.mark.slow

TUTORIAL = (ROOT / "docs/tutorial.md").read_text()
# The mend that the tutorial makes after its check.
WRONG = "value -= self.learning_rate * value.grad\n"
MENDED = "value -= self.learning_rate * value.grad / len(labels)\n"


def write_tutorial(folder: Path) -> None:
    """Write the tutorial's files as a reader does, before its mend."""
    for path, text in re.findall(r"^```\w+ (\S+)\n(.*?)^```", TUTORIAL, re.S | re.M):
        file = folder / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)


def mend(file: Path) -> None:
    text = file.read_text()
    assert WRONG in text
    assert MENDED.strip() in TUTORIAL
    file.write_text(text.replace(WRONG, MENDED))


def test_the_tutorials_check_says_what_is_wrong_and_then_that_it_is_right(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tutorial(tmp_path)
    file = tmp_path / "my_networks/my_network.py"
    assert check.main([str(file), "--activation", "relu"]) == 1
    printed = capsys.readouterr().out
    shown = re.search(r"^```text\n(.*?)\n```", TUTORIAL, re.S | re.M)
    assert shown
    for line in shown[1].splitlines():
        assert line in printed
    mend(file)
    assert check.main([str(file)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("RIGHT  my_network: ")
    assert "no requirement: prelu; it passes no alpha to the function" in printed
    assert check.main([str(file), "--activation", "prelu"]) == 1
    assert check.main([str(tmp_path / "my_activations/softsign.py")]) == 0


def test_the_tutorials_module_is_right_as_a_file_and_in_a_notebook(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tutorial(tmp_path)
    module = (tmp_path / "my_networks/my_module.py").read_text()
    cell = re.search(r"^```python\n(from mlplab import check\n.*?)^```", TUTORIAL, re.S | re.M)
    assert cell
    exec(module + cell[1], {"__name__": "__main__"})
    assert capsys.readouterr().out.startswith("RIGHT  Network: ")
    cells = [{"cell_type": "code", "source": text} for text in (module, cell[1])]
    notebook = tmp_path / "homework.ipynb"
    notebook.write_text(json.dumps({"cells": cells}))
    # Its own check is not run while it is checked.
    assert check.main([str(notebook), "--activation", "relu"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("RIGHT  homework: ")
    assert "it prints" not in printed


TEACHING = (ROOT / "docs/teaching.md").read_text()


def test_the_autograder_of_the_page_for_teachers_writes_what_gradescope_reads(
    tmp_path: Path,
) -> None:
    files = dict(re.findall(r"^```\w+ (\S+)\n(.*?)^```", TEACHING, re.S | re.M))
    assert points.read(None) == Points(**yaml.safe_load(files["points.yaml"]))
    place = tmp_path / "autograder"
    for folder in ("source", "submission", "results"):
        (place / folder).mkdir(parents=True)
    (place / "source/points.yaml").write_text(files["points.yaml"])
    write_tutorial(tmp_path)
    (tmp_path / "my_networks/my_network.py").rename(place / "submission/my_network.py")
    for name in ("setup.sh", "run_autograder"):
        (tmp_path / name).write_text(files[name])
        subprocess.run(["bash", "-n", tmp_path / name], check=True)
    environment = {**os.environ, "AUTOGRADER": str(place), "MLPLAB": str(ROOT)}
    subprocess.run(["bash", tmp_path / "run_autograder"], check=True, env=environment)
    results = json.loads((place / "results/results.json").read_text())
    schema = json.loads((ROOT / "tests/schemas/gradescope-results.json").read_text())
    jsonschema.validate(results, schema)
    assert results["output"].startswith("WRONG  my_network, with relu: gradient of the mean loss")
    assert 0 < results["score"] < 100


def test_the_tutorials_study_ends_in_a_report_and_a_broken_file_does_not_stop_it(
    project: Project,
) -> None:
    outside = project.folder.parent
    write_tutorial(outside)
    mend(outside / "my_networks/my_network.py")
    (outside / "my_networks/broken.py").write_text(
        "class Network:\n"
        "    def __init__(self, parameters, activation, learning_rate):\n"
        "        self.values = parameters\n"
        "    def logits(self, images):\n"
        "        return (image for image in images)\n"
        "    def train_step(self, images, labels):\n"
        "        return None\n"
        "    def parameters(self):\n"
        "        return self.values\n"
    )
    project.write_config(
        implementations="../my_networks",
        activations="../my_activations",
        grid={
            "implementation": ["concise", "my_network", "broken"],
            "activation": ["relu", "softsign"],
            "seed": [0, 1],
        },
    )
    answer = project.run("--cores", "2")
    assert answer.returncode == 0, answer.stdout
    study = project.folder / "results/small"

    runs = pd.read_parquet(study / "tables/runs.parquet").set_index("implementation")
    assert set(runs.loc[["concise", "my_network"], "status"]) == {"finished"}
    assert set(runs.loc["broken", "status"]) == {"failed"}
    error = read_json(study / "runs/broken/relu/seed=0/run.json")["error"]
    assert re.match(r"\.\./my_networks/broken\.py:\d+: ", error)
    assert "train_step(images, labels) must return" in error
    assert "None" in error

    parity = pd.read_parquet(study / "tables/parity.parquet")
    verdicts = parity.groupby("implementation")["verdict"].agg(set).to_dict()
    assert verdicts["my_network"] == {"agrees"}
    assert "fails" in verdicts["broken"]

    page = (study / "report.html").read_text()
    assert "softsign(x) = x / (1 + |x|)" in page
    assert "train_step(images, labels) must return" in page
    assert "Nothing to be done" in project.run("--dry-run").stdout

    file = outside / "my_networks/my_network.py"
    file.write_text(file.read_text() + "\n# a comment\n")
    assert project.to_train() == []
    file.write_text(file.read_text() + "\nEDITED = True\n")
    assert project.to_train() == [
        f"my_network {activation} seed={seed}"
        for activation in ("relu", "softsign")
        for seed in (0, 1)
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"implementations": "../nowhere"}, "../nowhere is not a folder"),
        (
            {"grid": {"implementation": ["my_network"], "activation": ["relu"], "seed": [0]}},
            "grid.implementation[0]: 'my_network' is not known",
        ),
        ({"selection": True}, "training.validation_size: 0 images are held out"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    project: Project, changes: dict[str, object], expected: str
) -> None:
    project.write_config(**changes)
    answer = project.run("--cores", "1")
    assert answer.returncode != 0
    errors = [line for line in answer.stdout.splitlines() if "config error" in line]
    assert len(errors) == 1
    assert expected in errors[0]
    assert "Traceback" not in answer.stdout
    assert not (project.folder / "results").exists()


def test_an_implementation_that_cannot_be_deep_is_refused_by_its_own_words(
    project: Project,
) -> None:
    write_tutorial(project.folder.parent)
    project.write_config(
        implementations="../my_networks",
        grid={"implementation": ["my_network"], "activation": ["relu"]},
        network={"hidden_sizes": [16, 16]},
    )
    answer = project.run("--cores", "1")
    assert answer.returncode != 0
    assert "'my_network' says that it can do 1 hidden layer (MAX_HIDDEN_LAYERS" in answer.stdout


def test_the_best_combination_is_chosen_without_the_test_set(project: Project) -> None:
    project.write_config(
        selection=True,
        grid={
            "implementation": ["manual"],
            "activation": ["relu"],
            "seed": [0, 1],
            "learning_rate": [0.001, 0.5],
        },
        network={"hidden_sizes": [16], "weight_std": 0.1},
        training={"epochs": 3, "batch_size": 32, "validation_size": 300},
    )
    answer = project.run("--cores", "2")
    assert answer.returncode == 0, answer.stdout
    study = project.folder / "results/small"
    runs = pd.read_parquet(study / "tables/runs.parquet")
    assert not [column for column in runs if str(column).startswith(("test_", "final_test"))]
    selection = read_json(study / "selection.json")
    assert selection["point"] == {"learning_rate": "0.5"}
    assert selection["combinations"] == 2
    assert [row["seed"] for row in selection["runs"]] == [0, 1]
    assert 0.5 < selection["test_accuracy_mean"] <= 1
    page = (study / "report.html").read_text()
    assert "validation accuracy" in page
    assert f"{selection['test_accuracy_mean']:.4f}" in page
