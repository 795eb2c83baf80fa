"""What somebody meant: text that is a number, values of a command line, advice, nearest names."""

import re

import pytest
import yaml
from snakemake.cli import parse_config

from mlplab.config.resolve import resolve
from refusals import Config, message, messages


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1e-3", 0.001),
        ("1e-5", 1e-5),
        ("1E5", 1e5),
        ("5e2", 500.0),
        (".5e1", 5.0),
        ("1.e2", 100.0),
        ("+1e-3", 0.001),
        ("1_000", 1000),
        ("'0.5'", 0.5),
        ("'7'", 7),
    ],
)
def test_text_that_is_a_number_counts_as_it_where_a_number_is_wanted(
    text: str, number: float
) -> None:
    given = yaml.safe_load(
        f"{{grid: {{weight_std: [{text}]}}, training: {{learning_rate: {text}}}}}"
    )
    resolved = resolve({"study": "a", **given})
    for found in (resolved["training"]["learning_rate"], *resolved["grid"]["weight_std"]):
        assert found == number
        # 7 and 7.0 have paths of their own.
        assert type(found) is type(number)


@pytest.mark.parametrize(("text", "number"), [("'7'", 7), ("1e3", 1000), ("7.0", 7), ("1_0", 10)])
def test_text_that_is_a_whole_number_counts_as_it(text: str, number: int) -> None:
    resolved = resolve(yaml.safe_load(f"{{study: a, grid: {{seed: [{text}], epochs: [{text}]}}}}"))
    assert [resolved["grid"][key] for key in ("seed", "epochs")] == [[number]] * 2
    assert all(type(resolved["grid"][key][0]) is int for key in ("seed", "epochs"))


@pytest.mark.parametrize("text", ["1e400", "nan", "inf", "", "1e", "1.5", "0x10", "seven", "1e-3"])
def test_text_that_is_no_whole_number_is_refused_where_one_is_wanted(text: str) -> None:
    assert message(grid={"seed": [text]}).startswith("grid.seed[0]: expected a whole number, found")


def test_two_spellings_of_a_number_are_one_value() -> None:
    line = message(**yaml.safe_load("grid: {learning_rate: [1e-5, 0.00001]}"))
    assert line.startswith("grid.learning_rate: 1e-05 appears more than once")


def test_bounds_hold_for_numbers_that_were_written_as_text() -> None:
    line = message(**yaml.safe_load("training: {learning_rate: -1e-3}"))
    assert line.startswith("training.learning_rate: -0.001 is too small")


def test_text_that_looks_like_a_number_stays_text_where_text_is_wanted() -> None:
    assert resolve({"study": "1e5"})["study"] == "1e5"


def command_line(*arguments: str) -> Config:
    """What Snakemake makes of `--config …`: text, where a value is nested."""
    return {"study": "test", **parse_config(list(arguments))}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (['training={"epochs": 2}'], {"training": {"epochs": 2}}),
        (["training={epochs: 2, learning_rate: 1e-3}"], {"training": {"learning_rate": 0.001}}),
        (['grid={"seed": [0, 1]}'], {"grid": {"seed": [0, 1]}}),
        (["grid={hidden_sizes: [[8], [8, 4]]}"], {"grid": {"hidden_sizes": [[8], [8, 4]]}}),
        (["selection=true", "training={validation_size: 9}"], {"selection": True}),
        (["selection=false"], {"selection": False}),
        (["cluster={allow_sqlite: true, local_rules: False}"], {"cluster": {"allow_sqlite": True}}),
        (["tracking={uri: null, wait_seconds: 0.5}"], {"tracking": {"wait_seconds": 0.5}}),
        (["tracking={uri: None}"], {"tracking": {"uri": None}}),
        (["tracking={uri: ~}"], {"tracking": {"uri": None}}),
        (["comparisons={equivalence_margin: 1e-2}"], {"comparisons": {"equivalence_margin": 0.01}}),
        (["checkpoint_epochs=3", "device=cpu"], {"checkpoint_epochs": 3, "device": "cpu"}),
        (["mirrors=[/data, http://host/x]"], {"mirrors": ["/data", "http://host/x"]}),
    ],
)
def test_what_a_command_line_sets_counts_as_the_same_in_a_file(
    arguments: list[str], expected: Config
) -> None:
    resolved = resolve(command_line(*arguments))
    for key, value in expected.items():
        found = resolved[key]
        assert (found.items() >= value.items()) if isinstance(value, dict) else found == value
    assert resolve(resolved) == resolved


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("training={epochs: two}", "training.epochs: expected a whole number, found 'two'"),
        ("selection=maybe", "selection: expected true or false, found 'maybe'"),
        ("training=epochs=2", "training: expected a mapping, found 'epochs=2'; write {epochs: 2}"),
        ("grid=seed=3", "grid: expected a mapping, found 'seed=3'"),
    ],
)
def test_what_a_command_line_sets_wrongly_is_told(argument: str, expected: str) -> None:
    assert messages(command_line(argument)) == [expected]


@pytest.mark.parametrize(
    ("given", "found", "mended"),
    [
        ("network: {hidden_sizes: 256}", "256", "[256]"),
        ("network: {hidden_sizes: '256'}", "'256'", "[256]"),
        ("network: {hidden_sizes: '256, 128'}", "'256, 128'", "[256, 128]"),
        ("network: {hidden_sizes: 256 128}", "'256 128'", "[256, 128]"),
        ("grid: {hidden_sizes: 256}", "256", "[[256]]"),
        ("grid: {hidden_sizes: [64]}", "64", "[64]"),
        ("grid: {seed: 0}", "0", "[0]"),
        ("grid: {learning_rate: 1e-3}", "'1e-3'", "[0.001]"),
        ("grid: {activation: relu}", "'relu'", "[relu]"),
        ("grid: {activation: 'relu, tanh'}", "'relu, tanh'", "[relu, tanh]"),
        ("mirrors: http://m.org", "'http://m.org'", "['http://m.org']"),
        ("training: {learning_rate: '0,1'}", "'0,1'", "0.1"),
    ],
)
def test_a_value_of_the_wrong_type_is_mended_where_that_can_be_told(
    given: str, found: str, mended: str
) -> None:
    line = message(**yaml.safe_load(given))
    assert re.search(rf": expected .*, found {re.escape(found)}; write {re.escape(mended)}$", line)
    # What is advised is right.
    (section, value), *_ = yaml.safe_load(given).items()
    advised = yaml.safe_load(mended)
    if isinstance(value, dict):
        (key,) = value
        advised = {key: [advised] if line.startswith("grid.hidden_sizes[0]") else advised}
    assert resolve({"study": "a", section: advised})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"network": {"hidden_sizes": "wide"}}, "expected a list, found 'wide'"),
        ({"network": {"hidden_sizes": 0}}, "expected a list, found 0"),
        ({"grid": {"activation": "softmax"}}, "expected a list, found 'softmax'"),
        ({"training": {"learning_rate": "0,1,2"}}, "expected a number, found '0,1,2'"),
    ],
)
def test_no_advice_is_given_that_would_be_refused(changes: Config, expected: str) -> None:
    assert message(**changes).endswith(expected)


@pytest.mark.parametrize(
    ("changes", "meant"),
    [
        ({"grid": {"activation": ["Relu"]}}, "relu"),
        ({"grid": {"activation": ["ReLU"]}}, "relu"),
        ({"grid": {"activation": ["LeakyReLU"]}}, "leaky_relu"),
        ({"grid": {"activation": ["leaky-relu"]}}, "leaky_relu"),
        ({"grid": {"activation": ["Tanh"]}}, "tanh"),
        ({"grid": {"activation": ["swish"]}}, "silu"),
        ({"grid": {"implementation": ["Scratch"]}}, "scratch"),
        ({"dataset": "FashionMNIST"}, "fashion_mnist"),
        ({"device": "gpu"}, "cuda"),
        ({"device": "GPU"}, "cuda"),
        ({"device": "cuda:0"}, "cuda"),
        ({"device": "CPU"}, "cpu"),
        ({"network": {"bias_init": "Zeros"}}, "zeros"),
        ({"training": {"Epochs": 1}}, "epochs"),
        ({"training": {"lr": 1}}, "learning_rate"),
        ({"training": {"batchSize": 1}}, "batch_size"),
        ({"Study": "x"}, "study"),
    ],
)
def test_what_is_written_otherwise_is_recognised(changes: Config, meant: str) -> None:
    assert message(**changes).endswith(f"; did you mean {meant!r}?")
