"""Configurations: what is filled in, what is refused, and in which words."""

import copy
import json
from pathlib import Path
from typing import Any, cast

import jsonschema
import pytest
import yaml

from conftest import REPOSITORY
from mlplab import activations, datasets, implementations, initializers
from mlplab.config.resolve import registries, resolve
from mlplab.config.schema import declared, schema
from mlplab.config.sources import ConfigError
from refusals import Config, message, messages

# What the article does: every key, every default.
ARTICLE: Config = {
    "study": "test",
    "dataset": "fashion_mnist",
    "datasets": [],
    "implementations": [],
    "activations": [],
    "reference": "concise",
    "grid": {
        "implementation": ["scratch", "concise"],
        "activation": ["relu", "sigmoid", "tanh"],
        "seed": [0, 1, 2],
    },
    "network": {"hidden_sizes": [256], "weight_std": 0.01, "bias_init": "zeros"},
    "training": {"epochs": 10, "batch_size": 256, "learning_rate": 0.1, "validation_size": 0},
    "device": "auto",
    "isolation": "auto",
    "checkpoint_epochs": 1,
    "cluster": {"local_rules": True, "allow_sqlite": False},
    "selection": False,
    "comparisons": {"equivalence_margin": 0.005},
    "tracking": {
        "uri": None,
        "wait_seconds": 60,
        "live": False,
        "models": True,
        "ui_url": "http://127.0.0.1:5000",
    },
    "mirrors": [],
}


def test_defaults_are_the_articles() -> None:
    assert resolve({"study": "test"}) == ARTICLE


def test_given_values_stay_and_the_rest_is_filled_in() -> None:
    given = {
        "study": "mine",
        "grid": {"seed": [7], "learning_rate": [0.1, 1]},
        "training": {"epochs": 1},
        "tracking": {"uri": "http://mlflow.example.org"},
        "mirrors": ["/data"],
    }
    expected = copy.deepcopy(ARTICLE)
    expected.update(study="mine", mirrors=["/data"])
    expected["grid"].update(seed=[7], learning_rate=[0.1, 1])
    expected["training"]["epochs"] = 1
    expected["tracking"]["uri"] = "http://mlflow.example.org"
    assert resolve(given) == expected


def test_resolving_leaves_its_argument_alone() -> None:
    given = {"study": "test", "grid": {"seed": [1]}, "network": {}}
    before = copy.deepcopy(given)
    resolved = resolve(given)
    resolved["grid"]["seed"].append(2)
    resolved["network"]["hidden_sizes"].append(2)
    assert given == before
    assert resolve(given)["network"]["hidden_sizes"] == [256]


@pytest.mark.parametrize(
    "given",
    [
        {"study": "test"},
        {"study": "test", "grid": {"hidden_sizes": [[8], [8, 4]]}, "mirrors": ["a"]},
    ],
)
def test_resolving_twice_changes_nothing_more(given: Config) -> None:
    once = resolve(given)
    assert resolve(once) == once


CONFIGS = sorted((REPOSITORY / "config").rglob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_configs_that_come_with_the_project_resolve(path: Path) -> None:
    given = yaml.safe_load(path.read_text(encoding="utf-8"))
    resolved = resolve(given)
    assert resolved["study"] == given["study"]
    for section, values in given.items():
        if isinstance(values, dict):
            assert resolved[section].items() >= values.items()


def test_the_articles_config_spells_out_the_defaults() -> None:
    given = yaml.safe_load((REPOSITORY / "config" / "config.yaml").read_text(encoding="utf-8"))
    assert resolve(given) == ARTICLE | {"study": "fashion-mnist"}


def test_the_schema_is_valid_and_describes_every_key() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())

    def check(node: Config, path: str) -> None:
        for key, child in node.get("properties", {}).items():
            assert child.get("description"), f"{path}.{key}"
            assert "default" in child or key == "study", f"{path}.{key}"
            if child.get("type") == "object":
                assert child["additionalProperties"] is False, f"{path}.{key}"
            check(child, f"{path}.{key}")

    check(declared(), "")


def test_the_schemas_own_defaults_are_allowed() -> None:
    assert resolve(resolve({"study": "test"})) == ARTICLE


def test_registries_are_the_folders() -> None:
    properties = schema(registries({}))["properties"]
    grid = properties["grid"]["properties"]
    assert properties["dataset"]["enum"] == datasets.names()
    assert grid["implementation"]["items"]["enum"] == implementations.names()
    assert grid["activation"]["items"]["enum"] == activations.names()
    assert properties["reference"]["enum"] == implementations.names()
    assert properties["network"]["properties"]["bias_init"]["enum"] == initializers.names()
    assert grid["bias_init"]["items"]["enum"] == initializers.names()


@pytest.mark.parametrize(
    ("changes", "path", "found", "suggestion"),
    [
        ({"trainig": {}}, "trainig", "{}", "training"),
        ({"training": {"epoch": 3}}, "training.epoch", "3", "epochs"),
        ({"training": {"learning-rate": 3}}, "training.learning-rate", "3", "learning_rate"),
        ({"network": {"hidden_size": 3}}, "network.hidden_size", "3", "hidden_sizes"),
        ({"grid": {"seeds": [0]}}, "grid.seeds", "[0]", "seed"),
        ({"grid": {"learningrate": [1]}}, "grid.learningrate", "[1]", "learning_rate"),
        ({"tracking": {"url": "x"}}, "tracking.url", "'x'", "uri"),
        ({"implementation": ["x"]}, "implementation", "['x']", "implementations"),
        ({"activation": "x"}, "activation", "'x'", "activations"),
        ({"select": True}, "select", "True", "selection"),
        ({"training": {"validation": 9}}, "training.validation", "9", "validation_size"),
        ({"comparisons": {"margin": 1}}, "comparisons.margin", "1", "equivalence_margin"),
    ],
)
def test_a_misspelt_key_gets_a_suggestion(
    changes: Config, path: str, found: str, suggestion: str
) -> None:
    line = message(**changes)
    key = path.rpartition(".")[2]
    assert line.startswith(f"{path}: unknown key {key!r} (value {found}); allowed: ")
    assert line.endswith(f"; did you mean {suggestion!r}?")


@pytest.mark.parametrize(
    ("changes", "home"),
    [
        ({"epochs": 3}, "training"),
        ({"hidden_sizes": [8]}, "network"),
        ({"training": {"hidden_sizes": [8]}}, "network"),
        ({"network": {"epochs": 3}}, "training"),
        ({"seed": [0]}, "grid"),
        ({"uri": "http://host"}, "tracking"),
    ],
)
def test_a_key_in_the_wrong_section_is_told_the_right_one(changes: Config, home: str) -> None:
    line = message(**changes)
    assert line.endswith(f"; it belongs under `{home}`")


def test_a_key_like_no_other_gets_no_suggestion() -> None:
    assert message(xyzzy=1) == (
        "xyzzy: unknown key 'xyzzy' (value 1); "
        "allowed: study, dataset, datasets, implementations, activations, reference, grid, "
        "network, training, device, isolation, checkpoint_epochs, cluster, selection, comparisons, "
        "tracking, mirrors"
    )


def test_a_key_that_is_no_text_is_refused() -> None:
    assert message(grid={0: [1]}).startswith("grid.0: unknown key 0 (value [1])")
    (line,) = messages(cast(Any, {"study": "test", 3: 4}))
    assert line.startswith("3: unknown key 3 (value 4)")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"grid": {"implementation": ["scratc"]}},
            "grid.implementation[0]: 'scratc' is not known; "
            f"allowed: {', '.join(implementations.names())}; did you mean 'scratch'?",
        ),
        (
            {"grid": {"activation": ["relu", "sigmoide"]}},
            "grid.activation[1]: 'sigmoide' is not known; "
            f"allowed: {', '.join(activations.names())}; did you mean 'sigmoid'?",
        ),
        (
            {"reference": "concis"},
            "reference: 'concis' is not known; "
            f"allowed: {', '.join(implementations.names())}; did you mean 'concise'?",
        ),
        (
            {"dataset": "fashion-mnist"},
            "dataset: 'fashion-mnist' is not known; "
            "allowed: digits, fashion_mnist; did you mean 'fashion_mnist'?",
        ),
        ({"dataset": "cifar"}, "dataset: 'cifar' is not known; allowed: digits, fashion_mnist"),
        (
            {"network": {"bias_init": "zero"}},
            "network.bias_init: 'zero' is not known; "
            f"allowed: {', '.join(initializers.names())}; did you mean 'zeros'?",
        ),
    ],
)
def test_an_unknown_name_gets_the_nearest_one(changes: Config, expected: str) -> None:
    assert message(**changes) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"grid": {"seed": [0, 1, 0]}}, "grid.seed: 0 appears more than once in [0, 1, 0]"),
        (
            {"grid": {"implementation": ["scratch", "scratch"]}},
            "grid.implementation: 'scratch' appears more than once",
        ),
        (
            {"grid": {"activation": ["tanh", "relu", "tanh"]}},
            "grid.activation: 'tanh' appears more than once",
        ),
        ({"grid": {"learning_rate": [1, 0.1, 1.0]}}, "grid.learning_rate: 1 appears more than"),
        (
            {"grid": {"hidden_sizes": [[8], [4], [8]]}},
            "grid.hidden_sizes: [8] appears more than once",
        ),
        ({"grid": {"seed": []}}, "grid.seed: [] has 0 entries; at least 1 is needed"),
        ({"grid": {"activation": []}}, "grid.activation: [] has 0 entries"),
        ({"grid": {"implementation": []}}, "grid.implementation: [] has 0 entries"),
        ({"grid": {"epochs": []}}, "grid.epochs: [] has 0 entries"),
        (
            {"grid": {"seed": [-1]}},
            "grid.seed[0]: -1 is too small; the smallest allowed value is 0",
        ),
        ({"grid": {"seed": [2**32]}}, "grid.seed[0]: 4294967296 is too large; the largest allowed"),
        ({"grid": {"seed": [0, True]}}, "grid.seed[1]: expected a whole number, found True"),
        ({"grid": {"seed": [0.5]}}, "grid.seed[0]: expected a whole number, found 0.5"),
        ({"grid": {"seed": 0}}, "grid.seed: expected a list, found 0"),
        ({"grid": {"hidden_sizes": [64]}}, "grid.hidden_sizes[0]: expected a list, found 64"),
        ({"grid": {"hidden_sizes": [[]]}}, "grid.hidden_sizes[0]: [] has 0 entries"),
        ({"grid": {"hidden_sizes": [[0]]}}, "grid.hidden_sizes[0][0]: 0 is too small"),
        ({"grid": {"bias_init": ["one"]}}, "grid.bias_init[0]: 'one' is not known"),
        ({"grid": {"learning_rate": [0]}}, "grid.learning_rate[0]: 0 is too small"),
        ({"training": {"epochs": -1}}, "training.epochs: -1 is too small; the smallest allowed"),
        ({"training": {"epochs": 0}}, "training.epochs: 0 is too small; the smallest allowed"),
        ({"training": {"epochs": 1.5}}, "training.epochs: expected a whole number, found 1.5"),
        ({"training": {"epochs": "ten"}}, "training.epochs: expected a whole number, found 'ten'"),
        ({"training": {"epochs": True}}, "training.epochs: expected a whole number, found True"),
        ({"training": {"batch_size": 0}}, "training.batch_size: 0 is too small"),
        (
            {"training": {"learning_rate": 0}},
            "training.learning_rate: 0 is too small; it must be greater than 0",
        ),
        ({"training": {"learning_rate": -0.1}}, "training.learning_rate: -0.1 is too small"),
        ({"training": {"validation_size": -1}}, "training.validation_size: -1 is too small"),
        (
            {"training": {"validation_size": 0.2}},
            "training.validation_size: expected a whole number, found 0.2",
        ),
        ({"grid": {"validation_size": [-1]}}, "grid.validation_size[0]: -1 is too small"),
        ({"device": "gpu"}, "device: 'gpu' is not known; allowed: auto, cpu, cuda"),
        ({"selection": "yes"}, "selection: expected true or false, found 'yes'"),
        ({"selection": 1}, "selection: expected true or false, found 1"),
        ({"selection": None}, "selection: expected true or false, found None"),
        (
            {"comparisons": {"equivalence_margin": 0}},
            "comparisons.equivalence_margin: 0 is too small; it must be greater than 0",
        ),
        (
            {"comparisons": {"equivalence_margin": 1.5}},
            "comparisons.equivalence_margin: 1.5 is too large; the largest allowed value is 1",
        ),
        ({"implementations": {}}, "implementations: expected a list, found {}"),
        ({"activations": 3}, "activations: expected a list, found 3"),
        ({"activations": None}, "activations: expected a list, found None"),
        ({"implementations": [3]}, "implementations[0]: expected text, found 3"),
        ({"implementations": [""]}, "implementations[0]: '' has 0 characters; the limit is 1"),
        ({"network": {"weight_std": -1}}, "network.weight_std: -1 is too small"),
        ({"network": {"hidden_sizes": []}}, "network.hidden_sizes: [] has 0 entries; at least 1"),
        ({"network": {"hidden_sizes": [1] * 65}}, "network.hidden_sizes: 65 entries; at most 64"),
        ({"network": {"hidden_sizes": 64}}, "network.hidden_sizes: expected a list, found 64"),
        ({"network": {"hidden_sizes": [8, 0]}}, "network.hidden_sizes[1]: 0 is too small"),
        (
            {"network": {"hidden_sizes": [10**6 + 1]}},
            "network.hidden_sizes[0]: 1000001 is too large",
        ),
        ({"tracking": {"uri": 5}}, "tracking.uri: expected text or null, found 5"),
        (
            {"tracking": {"ui_url": "localhost:5000"}},
            "tracking.ui_url: 'localhost:5000' is not allowed; "
            "expected an address that begins with http:// or https://",
        ),
        ({"tracking": {"ui_url": None}}, "tracking.ui_url: expected text, found None"),
        ({"mirrors": "http://m.org"}, "mirrors: expected a list, found 'http://m.org'"),
        ({"mirrors": ["/a", ""]}, "mirrors[1]: '' has 0 characters; the limit is 1"),
        ({"mirrors": [3]}, "mirrors[0]: expected text, found 3"),
    ],
)
def test_a_mistake_is_explained_in_one_line(changes: Config, expected: str) -> None:
    assert message(**changes).startswith(expected)


@pytest.mark.parametrize(
    ("section", "key"), [("grid", "activation"), ("grid", "implementation"), (None, "dataset")]
)
def test_a_number_in_the_place_of_a_name_is_refused(section: str | None, key: str) -> None:
    lines = messages({"study": "test", **({section: {key: [3]}} if section else {key: 3})})
    assert any("expected text, found 3" in line for line in lines)


@pytest.mark.parametrize("section", ["grid", "network", "training", "comparisons", "tracking"])
@pytest.mark.parametrize("value", [None, [], "text", 3])
def test_a_section_that_is_no_mapping_is_refused(section: str, value: Any) -> None:
    assert message(**{section: value}) == f"{section}: expected a mapping, found {value!r}"


@pytest.mark.parametrize("key", ["dataset", "mirrors"])
def test_a_null_value_is_refused(key: str) -> None:
    assert any(
        line.startswith(f"{key}: expected ") and line.endswith("found None")
        for line in messages({"study": "test", key: None})
    )


def test_a_study_without_a_name_is_refused() -> None:
    assert messages({}) == ["(top level): the key 'study' is missing"]


@pytest.mark.parametrize(
    "name",
    [
        "a/b",
        "..",
        "a..b",
        "../a",
        "data",
        "mlflow",
        "fashion\n",
        "a\nb",
        "",
        ".a",
        "-a",
        "a b",
        "ä",
    ],
)
def test_a_study_name_that_is_no_plain_folder_is_refused(name: str) -> None:
    assert message(study=name).startswith(f"study: {name!r} is not allowed; expected a name of")


@pytest.mark.parametrize("name", ["a", "A.b-c_9", "9", "database", "a." + "b" * 98])
def test_other_study_names_are_allowed(name: str) -> None:
    assert resolve({"study": name})["study"] == name


def test_a_study_name_may_not_be_too_long() -> None:
    assert message(study="a" * 101).endswith("has 101 characters; the limit is 100")


@pytest.mark.parametrize("value", [3, 1.5, None, True])
def test_a_study_name_is_text(value: Any) -> None:
    assert message(study=value) == f"study: expected text, found {value!r}"


@pytest.mark.parametrize("text", [".nan", ".inf"])
@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("training.learning_rate", "{{training: {{learning_rate: {}}}}}"),
        ("network.weight_std", "{{network: {{weight_std: {}}}}}"),
        ("grid.learning_rate[1]", "{{grid: {{learning_rate: [0.1, {}]}}}}"),
    ],
)
def test_nan_and_infinity_are_refused(text: str, path: str, template: str) -> None:
    line = message(**yaml.safe_load(template.format(text)))
    assert line == f"{path}: {text[1:]} is not a finite number"


@pytest.mark.parametrize(
    ("section", "key", "values"),
    [
        ("network", "hidden_sizes", [[8], [8, 4]]),
        ("network", "weight_std", [0, 0.1]),
        ("network", "bias_init", ["zeros", "framework"]),
        ("training", "epochs", [1, 2]),
        ("training", "batch_size", [1, 256]),
        ("training", "learning_rate", [0.1, 1]),
        ("training", "validation_size", [0, 100]),
    ],
)
def test_any_setting_may_be_an_axis(section: str, key: str, values: list[Any]) -> None:
    resolved = resolve({"study": "test", "grid": {key: values}})
    assert resolved["grid"][key] == values
    assert resolved[section][key] == ARTICLE[section][key]


def test_every_setting_of_network_and_training_can_be_an_axis() -> None:
    axes = set(schema()["properties"]["grid"]["properties"])
    assert axes == {*ARTICLE["grid"], *ARTICLE["network"], *ARTICLE["training"]}


def test_every_mistake_gets_a_line() -> None:
    lines = messages(
        {"study": "a/b", "grid": {"seed": []}, "training": {"epochs": 0, "x": 1, "y": 2}}
    )
    assert len(lines) == 5
    assert {line.partition(":")[0] for line in lines} == {
        "study",
        "grid.seed",
        "training.epochs",
        "training.x",
        "training.y",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"training": {"epochs": 2.0}},
        {"training": {"batch_size": 32.0}},
        {"network": {"hidden_sizes": [8.0]}},
        {"grid": {"seed": [1.0]}},
    ],
    ids=["epochs", "batch_size", "hidden_sizes", "seed"],
)
def test_a_whole_number_written_with_a_point_is_made_whole_or_refused(changes: Config) -> None:
    # JSON schema calls 2.0 an integer; range(2.0) and the path seed=1.0 do not.
    try:
        resolved = resolve({"study": "test", **changes})
    except ConfigError:
        return
    ((section, values),) = changes.items()
    assert "." not in json.dumps({key: resolved[section][key] for key in values})


def test_a_key_with_a_line_break_stays_one_line() -> None:
    assert message(**{"study\n": "x"}).isprintable()


def plug_in(folder: Path, name: str, content: str = "") -> Path:
    """A file with a plug-in; nothing in it can be run, so nothing may import it."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.py"
    path.write_text(f"{content}\nraise AssertionError('this file was imported')\n")
    return path


def test_plug_ins_in_named_folders_are_known_without_being_imported(tmp_path: Path) -> None:
    plug_in(tmp_path / "implementations", "mine")
    plug_in(tmp_path / "activations", "bent")
    plug_in(tmp_path / "more", "wavy")
    given: Config = {
        "study": "test",
        "implementations": [str(tmp_path / "implementations")],
        "activations": [str(tmp_path / "activations"), str(tmp_path / "more")],
        "reference": "mine",
        "grid": {"implementation": ["mine", "scratch"], "activation": ["wavy", "bent", "relu"]},
    }
    resolved = resolve(given)
    for key, value in given.items():
        assert resolved[key] == ({**resolved[key], **value} if key == "grid" else value)
    assert resolve(resolved) == resolved


@pytest.mark.parametrize(
    ("kind", "key"), [("implementations", "implementation"), ("activations", "activation")]
)
def test_a_single_folder_may_be_given_as_plain_text(tmp_path: Path, kind: str, key: str) -> None:
    plug_in(tmp_path, "mine")
    given = {"study": "test", kind: str(tmp_path), "grid": {key: ["mine"]}}
    before = copy.deepcopy(given)
    assert resolve(given)[kind] == [str(tmp_path)]
    assert given == before


def test_what_lies_in_a_folder_that_is_not_named_is_unknown(tmp_path: Path) -> None:
    plug_in(tmp_path, "mine")
    line = message(activations=[str(tmp_path)], grid={"implementation": ["mine"]})
    assert line.startswith("grid.implementation[0]: 'mine' is not known; allowed: concise, ")
    assert "mine" in message(activations=[str(tmp_path)], grid={"activation": ["min"]})


@pytest.mark.parametrize("kind", ["implementations", "activations"])
def test_a_folder_that_is_not_there_is_refused(tmp_path: Path, kind: str) -> None:
    missing = str(tmp_path / "nowhere")
    line = message(**{kind: [missing]})
    assert line.startswith(f"{kind}: {missing} is not a folder")
    assert message(**{kind: missing}) == line


def test_a_plug_in_that_is_called_like_one_of_the_librarys_is_refused(tmp_path: Path) -> None:
    path = plug_in(tmp_path, "relu")
    line = message(activations=[str(tmp_path)])
    assert line.startswith(f"{path}: there is an activation 'relu' already")
    # As an implementation it is like no other.
    assert resolve({"study": "test", "implementations": [str(tmp_path)]})


def test_a_folder_that_is_named_twice_is_refused(tmp_path: Path) -> None:
    plug_in(tmp_path, "mine")
    assert messages({"study": "test", "activations": [str(tmp_path)] * 2})


def shallow(folder: Path, limit: Any) -> str:
    """A folder with an implementation that says how many hidden layers it can do."""
    plug_in(folder, "mine", f"MAX_HIDDEN_LAYERS = {limit}")
    return str(folder)


@pytest.mark.parametrize(
    ("limit", "sizes", "words"),
    [(1, [8, 4], "1 hidden layer "), (2, [8, 4, 2], "2 hidden layers ")],
)
def test_more_hidden_layers_than_an_implementation_can_do_are_refused(
    tmp_path: Path, limit: int, sizes: list[int], words: str
) -> None:
    grid = {"implementation": ["scratch", "mine"]}
    folder = shallow(tmp_path, limit)
    line = message(implementations=[folder], grid=grid, network={"hidden_sizes": sizes})
    assert line.startswith(f"grid.implementation: 'mine' says that it can do {words}")
    assert f"found hidden_sizes {sizes}" in line
    # As many as it can do, and where it is not asked for, any number.
    within = {"hidden_sizes": sizes[:limit]}
    assert resolve({"study": "a", "implementations": [folder], "grid": grid, "network": within})
    deep = {"hidden_sizes": sizes}
    assert resolve({"study": "a", "implementations": [folder], "network": deep})


def test_a_depth_on_the_axis_is_refused_once_for_each_value(tmp_path: Path) -> None:
    grid = {"implementation": ["mine"], "hidden_sizes": [[8], [8, 4], [4, 4, 4]], "seed": [0, 1]}
    lines = messages({"study": "a", "implementations": [shallow(tmp_path, 1)], "grid": grid})
    assert len(lines) == 2
    assert "[8, 4]" in lines[0]
    assert "[4, 4, 4]" in lines[1]


@pytest.mark.parametrize("limit", [None, "'many'", "int(1)"])
def test_a_limit_that_is_no_plain_number_is_none(tmp_path: Path, limit: Any) -> None:
    config = {"implementations": shallow(tmp_path, limit), "network": {"hidden_sizes": [4] * 9}}
    assert resolve({"study": "a", "grid": {"implementation": ["mine"]}, **config})


def test_a_selection_needs_images_to_select_by() -> None:
    line = message(selection=True)
    assert line.startswith("training.validation_size: 0 images are held out")
    assert "`selection`" in line
    config = {"study": "a", "selection": True, "training": {"validation_size": 1}}
    assert resolve(config)["selection"] is True
    assert resolve({"study": "a", "training": {"validation_size": 1}})["selection"] is False


def test_a_selection_needs_images_at_every_point_of_the_grid() -> None:
    given = {"study": "a", "selection": True}
    (line,) = messages(given | {"grid": {"validation_size": [5, 0]}})
    assert line.startswith("training.validation_size: 0 images are held out")
    # The axis takes the place of the single value.
    assert resolve(given | {"grid": {"validation_size": [5, 9]}})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {
                "grid": {
                    "seed": list(range(1001)),
                    "learning_rate": [0.1 * i for i in range(1, 400)],
                }
            },
            "grid: 2,396,394 runs (1001 of seed × 399 of learning_rate × 2 of implementation × 3 "
            "of activation), expected at most 1,000,000; give fewer values",
        ),
        (
            {"network": {"hidden_sizes": [1_000_000, 1_000_000]}},
            "network.hidden_sizes: hidden_sizes [1000000, 1000000] are 1,000,796,000,010 "
            "parameters, 4,003 GB of them, expected at most 10,000,000,000",
        ),
        (
            {"grid": {"hidden_sizes": [[8], [200_000, 200_000]]}},
            "grid.hidden_sizes[1]: hidden_sizes [200000, 200000] are 40,1",
        ),
        (
            {"training": {"validation_size": 60_000}},
            "training.validation_size: 60000 of 60000 training images are held out, which leaves "
            "none to train on; expected at most 59999",
        ),
        (
            {"grid": {"validation_size": [0, 99_999]}},
            "grid.validation_size[1]: 99999 of 60000 training images",
        ),
        (
            {"grid": {"hidden_sizes": [[8], [256] * 64]}},
            "grid.hidden_sizes[1]: its runs would lie in folders called "
            "hidden_sizes=256x256x256x256x2…, a name of 268 characters, expected at most 250",
        ),
        ({"training": {"epochs": 10**12}}, "training.epochs: 1000000000000 is too large"),
    ],
)
def test_what_no_machine_can_do_is_told_before_any_job(changes: Config, expected: str) -> None:
    assert expected in message(**changes)


def test_as_much_as_can_be_is_allowed() -> None:
    resolve({"study": "a", "training": {"validation_size": 59_999, "epochs": 1_000_000}})
    resolve({"study": "a", "grid": {"hidden_sizes": [[8], [256] * 59]}})
    resolve({"study": "a", "network": {"hidden_sizes": [256] * 64}})


@pytest.mark.parametrize(
    "changes",
    [
        {"training": {"epochs": "x" * 10_000}},
        {"x" * 10_000: 1},
        {"grid": {"seed": ["y" * 10_000]}},
        {"training": {"epoch": list(range(10_000))}},
        {"study": "a/" * 10_000},
    ],
)
def test_a_long_value_is_shortened(changes: Config) -> None:
    for line in messages({"study": "test", **changes}):
        assert " … " in line
        assert len(line) < 600


def test_impossible_combinations_are_told_together(tmp_path: Path) -> None:
    lines = messages(
        {
            "study": "a",
            "implementations": shallow(tmp_path, 1),
            "grid": {"implementation": ["mine", "scratch"]},
            "network": {"hidden_sizes": [4, 4]},
            "selection": True,
        }
    )
    assert {line.partition(":")[0] for line in lines} == {
        "grid.implementation",
        "training.validation_size",
    }
    assert len(lines) == 2
