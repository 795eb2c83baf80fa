"""A setting of a run is declared once; all else follows from that."""

import subprocess
import sys
from dataclasses import FrozenInstanceError, dataclass, fields, replace
from typing import Any

import pytest

from conftest import REPOSITORY
from mlplab.config.docs import markdown
from mlplab.config.resolve import resolve
from mlplab.config.schema import object_of, schema
from mlplab.keys import key
from mlplab.study import grid
from mlplab.study.settings import SECTIONS, Settings

NAMES = [(section, item.name) for section, kind in SECTIONS.items() for item in fields(kind)]


def test_settings_are_those_of_the_sections() -> None:
    assert [item.name for item in fields(Settings)] == [name for _, name in NAMES]


def test_a_run_of_the_defaults_has_the_default_settings() -> None:
    run = next(iter(grid.runs(resolve({"study": "a"})).values()))
    assert Settings.from_mapping(run.settings) == Settings()
    assert hash(Settings.from_mapping(run.settings)) == hash(Settings())
    with pytest.raises(FrozenInstanceError):
        Settings().epochs = 3  # type: ignore[misc]


@pytest.mark.parametrize(("section", "name"), NAMES)
def test_every_setting_is_a_key_an_axis_a_part_of_each_run_and_documented(
    section: str, name: str
) -> None:
    default = resolve({"study": "a"})[section][name]
    resolved = resolve({"study": "a", "grid": {name: [default]}})
    assert {run.settings[name] == default for run in grid.runs(resolved).values()} == {True}
    assert all(f"/{name}={grid.slug(default)}" in path for path in grid.runs(resolved))
    assert f"| `{section}.{name}` | " in markdown()
    assert schema()["properties"]["grid"]["properties"][name]["items"].items() <= (
        schema()["properties"][section]["properties"][name].items()
    )


def test_settings_need_nothing_but_python() -> None:
    code = (
        "import sys; before = set(sys.modules); import mlplab.study.settings;"
        "print(*{name.split('.')[0] for name in set(sys.modules) - before}"
        " - set(sys.stdlib_module_names))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY / "workflow",
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split() == ["mlplab"]


@dataclass(frozen=True)
class Declared:
    """All types that a key can have,
    in two lines."""

    needed: float = key(description="What has no default.", minimum=0)
    flag: bool = key(True, "Yes or no.")
    maybe: int | None = key(None, "A number or nothing.")
    sizes: tuple[tuple[int, ...], ...] = key(((1, 2),), "Lists of lists.", minItems=1)
    names: tuple[str, ...] = key((), "Plug-ins.", items={"registry": "activations"})


def test_a_declaration_becomes_a_schema() -> None:
    assert object_of(Declared) == {
        "description": "All types that a key can have, in two lines.",
        "type": "object",
        "additionalProperties": False,
        "default": {},
        "required": ["needed"],
        "properties": {
            "needed": {"description": "What has no default.", "type": "number", "minimum": 0},
            "flag": {"description": "Yes or no.", "type": "boolean", "default": True},
            "maybe": {
                "description": "A number or nothing.",
                "type": ["integer", "null"],
                "default": None,
            },
            "sizes": {
                "description": "Lists of lists.",
                "type": "array",
                "items": {"type": "array", "items": {"type": "integer"}},
                "minItems": 1,
                "default": [[1, 2]],
            },
            "names": {
                "description": "Plug-ins.",
                "type": "array",
                "items": {"type": "string", "registry": "activations"},
                "default": [],
            },
        },
    }


def test_a_type_that_no_configuration_can_hold_is_refused() -> None:
    @dataclass(frozen=True)
    class Odd:
        odd: bytes = key(b"", "Nothing that YAML knows.")

    with pytest.raises(TypeError, match=r"cannot be of type .*bytes"):
        object_of(Odd)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"hidden_sizes": [8, 4], "epochs": 1}, Settings((8, 4), epochs=1)),
        ({}, Settings()),
        ({"bias_init": "framework"}, replace(Settings(), bias_init="framework")),
    ],
)
def test_settings_are_made_of_plain_values(values: dict[str, Any], expected: Settings) -> None:
    assert Settings.from_mapping(values) == expected
