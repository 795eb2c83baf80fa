"""The catalogue of figures: light to read, and true of the modules that draw."""

import importlib
import inspect
import string
import subprocess
import sys
from collections import Counter

import pytest

from conftest import REPOSITORY
from mlplab.figures.catalogue import catalogue
from mlplab.report import contents
from mlplab.study.figures import Figure

FIGURES = catalogue()
VALUES = {"of": "relu", "split": "test", "seed": 0, "ranges": ""}


def test_no_two_figures_have_the_same_name_or_the_same_file() -> None:
    assert max(Counter(figure.name for figure in FIGURES).values()) == 1
    assert max(Counter(figure.path("x") for figure in FIGURES).values()) == 1


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_a_figure_is_a_function_of_a_module_of_figures(figure: Figure) -> None:
    files = (REPOSITORY / "workflow/mlplab/figures").glob("*.py")
    modules = [importlib.import_module(f"mlplab.figures.{file.stem}") for file in files]
    (owner,) = [each for each in modules if figure.name in getattr(each, "FIGURES", {})]
    assert inspect.isfunction(getattr(owner, figure.name))


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_what_is_said_of_a_figure_can_be_filled_in(figure: Figure) -> None:
    for text in (figure.shows, figure.caption):
        assert {name for _, name, *_ in string.Formatter().parse(text) if name} <= set(VALUES)
        assert text[0].isupper() or text[0] == "{"
        assert text[-1] == "."
    assert "relu" in figure.said(**VALUES)[0] or not figure.per


def test_a_figure_of_each_group_has_the_group_in_its_path() -> None:
    figure = Figure("loss", "plot_loss", "Training", "A.", "B.", per="group")
    assert figure.path("relu/learning_rate=0.5") == "loss/relu/learning_rate=0.5"
    assert Figure("loss", "plot_loss", "Training", "A.", "B.").path() == "loss"
    named = Figure("loss", "plot", "Training", "A.", "B.", per="cell", file="all/{cell}.loss")
    assert named.path("scratch/relu") == "all/scratch/relu.loss"


def test_every_section_of_a_figure_is_one_of_the_page() -> None:
    sections = (contents.FOLDER / "sections").iterdir()
    page = "".join(section.read_text(encoding="utf-8") for section in sections)
    for figure in FIGURES:
        assert f'drawn("{figure.section}")' in page, figure.name
        # What the sections show one by one.
        each = {"Activations": "activation", "Training": "group", "Predictions": "cell"}
        assert figure.per in ("", each.get(figure.section)), figure.name


def test_to_read_the_catalogue_loads_no_large_package() -> None:
    code = (
        "import sys; from mlplab.figures.catalogue import catalogue; catalogue()\n"
        "print({'matplotlib', 'numpy', 'pandas', 'torch'} & set(sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(REPOSITORY / "workflow")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == "set()"
