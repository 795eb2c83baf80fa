"""Every configuration that is shipped says what it should, merged over config.yaml as always."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import REPOSITORY
from mlplab.config.resolve import resolve
from mlplab.study import grid

FOLDER = REPOSITORY / "config"
RUNS = {
    "config.yaml": 18,
    "digits.yaml": 18,
    "seeds.yaml": 120,
    "depth.yaml": 72,
    "exercises/width.yaml": 12,
    "exercises/layers.yaml": 12,
    "exercises/learning_rate.yaml": 27,
    "exercises/scale.yaml": 24,
    "exercises/best.yaml": 72,
}


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """As Snakemake does it: mappings key by key, all else replaced."""
    result = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        result[key] = merged(base[key], value) if both else value
    return result


def load(file: Path) -> dict[str, Any]:
    base: dict[str, Any] = yaml.safe_load((FOLDER / "config.yaml").read_text())
    return resolve(merged(base, yaml.safe_load(file.read_text())))


def test_all_shipped_configurations_are_known_here() -> None:
    assert {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.yaml")} == set(RUNS)


@pytest.mark.parametrize("name", RUNS)
def test_a_shipped_configuration_has_its_runs(name: str) -> None:
    assert len(grid.runs(load(FOLDER / name))) == RUNS[name]


def test_studies_have_names_of_their_own() -> None:
    studies = [load(FOLDER / name)["study"] for name in RUNS]
    assert len(set(studies)) == len(studies)


def test_what_selects_a_best_combination_holds_images_out_for_it() -> None:
    selecting = [name for name in RUNS if load(FOLDER / name)["selection"]]
    assert selecting == ["exercises/best.yaml"]
    assert load(FOLDER / selecting[0])["training"]["validation_size"] == 10_000


def test_the_study_of_depth_has_one_to_eight_hidden_layers() -> None:
    assert [len(sizes) for sizes in load(FOLDER / "depth.yaml")["grid"]["hidden_sizes"]] == [
        *range(1, 9)
    ]
