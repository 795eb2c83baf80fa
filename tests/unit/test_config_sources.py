"""The files of a configuration: what is refused in which words, and where a value comes from."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.common.configfile import load_configfile
from snakemake.utils import update_config

from conftest import REPOSITORY
from mlplab.config.resolve import resolve
from mlplab.config.sources import ConfigError, Source, merged, read

SHIPPED = sorted((REPOSITORY / "config").rglob("*.yaml"))


def files(folder: Path, *contents: str | bytes) -> list[Path]:
    """Files a.yaml, b.yaml, … in a folder."""
    paths = []
    for letter, content in zip("abc", contents, strict=False):
        path = folder / f"{letter}.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        paths.append(path)
    return paths


def refused(folder: Path, *contents: str | bytes) -> list[str]:
    """The lines that some files get, without their common beginning and their folder."""
    paths = files(folder, *contents)
    with pytest.raises(ConfigError) as error:
        sources = read(paths)
        resolve(merged(sources), sources)
    lines = str(error.value).split("\n")
    assert all(line.startswith("config error: ") for line in lines)
    return [line.removeprefix("config error: ").replace(f"{folder}/", "") for line in lines]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            "study: x\ngrid: {seed: [0\ntraining: {}\n",
            "a.yaml:3: no valid YAML: expected ',' or ']', but got ':', "
            "while parsing a flow sequence that begins in line 2",
        ),
        (
            "study: x\ngrid:\n\tseed: [0]\n",
            "a.yaml:3: no valid YAML: found character '\\t' that cannot start any token; "
            "indent with blanks, not with tabs",
        ),
        ("study: x\ngrid:\n  seed: [0]\n activation: [relu]\n", "a.yaml:4: no valid YAML: "),
        ("study: 'x\n", "a.yaml:2: no valid YAML: found unexpected end of stream"),
        ("study: x\n? [a]\n: 1\n", "a.yaml:2: no valid YAML: found unhashable key"),
        ("study: x\n---\nstudy: y\n", "a.yaml:2: no valid YAML: but found another document"),
        ("study: !!python/object:os.system x\n", "a.yaml:1: no valid YAML: could not determine"),
        ("study: *there\n", "a.yaml:1: no valid YAML: found undefined alias 'there'"),
        ("study: x\n\x07\n", "a.yaml:2: found the character '\\x07', which YAML forbids"),
        ("study: x\n# Größe\n".encode("latin-1"), "a.yaml:2: found the byte 0xf6, expected UTF-8"),
        ("study: x\n".encode("utf-16"), "a.yaml:1: found the byte 0xff, expected UTF-8"),
        ("study: &a [*a]\n", "a.yaml: nested too deep, or an alias that contains itself"),
        ("study: " + "[" * 5000, "a.yaml: nested too deep"),
        ("", "a.yaml: expected keys such as `study: mine`, found nothing"),
        ("# nothing\n", "a.yaml: expected keys such as `study: mine`, found nothing"),
        ("- study\n", "a.yaml: expected keys such as `study: mine`, found a list"),
        ("study\n", "a.yaml: expected keys such as `study: mine`, found a single value"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    tmp_path: Path, content: str | bytes, expected: str
) -> None:
    (line,) = refused(tmp_path, content)
    assert line.startswith(expected)


def test_a_file_that_is_missing_and_one_that_is_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        read([tmp_path / "missing.yaml", tmp_path])
    assert str(error.value).split("\n") == [
        f"config error: {tmp_path}/missing.yaml: cannot be read: No such file or directory",
        f"config error: {tmp_path}: cannot be read: Is a directory",
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            "study: x\ngrid:\n  seed: [0]\nnetwork: {}\ngrid:\n  activation: [relu]\n",
            ["a.yaml:5: grid: given 2 times, in lines 2 and 5;"],
        ),
        (
            "study: x\ngrid:\n  seed: [0]\n  seed: [1]\n  seed: [2]\n",
            ["a.yaml:5: grid.seed: given 3 times, in lines 3, 4 and 5;"],
        ),
        ("{study: x, study: y}", ["a.yaml:1: study: given 2 times, in line 1;"]),
        ('{"study": "x",\n\t"study": "y"}', ["a.yaml:2: study: given 2 times, in lines 1 and 2;"]),
        (
            "study: x\ngrid: {seed: [0]}\ngrid: {seed: [0]}\nstudy: y\n",
            ["a.yaml:4: study: given", "a.yaml:3: grid: given"],
        ),
    ],
)
def test_a_key_that_is_given_twice_in_a_file_is_refused(
    tmp_path: Path, content: str, expected: list[str]
) -> None:
    lines = refused(tmp_path, content)
    assert len(lines) == len(expected)
    assert all(map(str.startswith, lines, expected))


def test_a_key_of_two_files_or_of_two_sections_is_no_repetition(tmp_path: Path) -> None:
    base = "study: x\ntraining: {epochs: 1}\ngrid: {epochs: [1, 2]}\n"
    sources = read(files(tmp_path, base, "study: y\ntraining: {epochs: 3}\n"))
    assert merged(sources) == {
        "study": "y",
        "training": {"epochs": 3},
        "grid": {"epochs": [1, 2]},
    }


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfstudy: x\r\ngrid: {seed: [1]}\r\n",
        b'{\n\t"study": "x",\n\t"grid": {"seed": [1]}\n}\n',
        b"study: x\ngrid: &grid\n  seed: [1]\n",
    ],
    ids=["byte order mark", "JSON with tabs", "anchor"],
)
def test_what_snakemake_reads_is_read_as_well(tmp_path: Path, content: bytes) -> None:
    (path,) = files(tmp_path, content)
    (source,) = read([path])
    assert source.values == load_configfile(path) == {"study": "x", "grid": {"seed": [1]}}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_files_are_read_as_snakemake_reads_them(path: Path) -> None:
    (source,) = read([path])
    assert source.values == load_configfile(path)


def test_files_are_merged_as_snakemake_merges_them() -> None:
    given: list[dict[str, Any]] = [
        {"study": "a", "grid": {"seed": [0]}, "training": 3, "network": {"weight_std": 1}},
        {"grid": {"seed": [1, 2], "activation": ["relu"]}, "training": {"epochs": 1}},
        {"study": "b", "network": None, "grid": {}},
    ]
    expected: dict[str, Any] = {}
    for values in copy.deepcopy(given):
        update_config(expected, values)
    before = copy.deepcopy(given)
    assert merged([Source("x", values, {}) for values in given]) == expected
    assert given == before


BASE = "study: x\ntraining:\n  epochs: 1\n  batch_size: 8\ngrid:\n  seed:\n    - 0\n    - 1\n"


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        (["study: a/b\n"], "a.yaml:1: study: 'a/b' is not allowed"),
        ([BASE.replace("8", "0")], "a.yaml:4: training.batch_size: 0 is too small"),
        ([BASE.replace("- 1", "- one")], "a.yaml:8: grid.seed[1]: expected a whole number"),
        ([BASE.replace("- 1", "- .nan")], "a.yaml:8: grid.seed[1]: expected a whole number"),
        ([BASE, "\nnetwork: {weight_std: .nan}\n"], "b.yaml:2: network.weight_std: nan is not a"),
        ([BASE, "training:\n\n  epochs: 0\n"], "b.yaml:3: training.epochs: 0 is too small"),
        ([BASE, "dataset: digits\ntrainig: {}\n"], "b.yaml:2: trainig: unknown key 'trainig'"),
        ([BASE, "grid: {seed: [0]}\n3: 4\n"], "b.yaml:2: 3: unknown key 3 (value 4)"),
        ([BASE.replace("1\n", "0\n", 1), "training: {batch_size: 4}\n"], "a.yaml:3: training.epoc"),
        ([BASE, "grid:\n  seed: []\n"], "b.yaml:2: grid.seed: [] has 0 entries"),
        (["dataset: digits\n", "device: cpu\n"], "b.yaml: (top level): the key 'study' is missing"),
        # Of what no file says, the section is named, or else the last file.
        (["study: x\nselection: true\n"], "a.yaml: training.validation_size: 0 images are held"),
        ([BASE, "selection: true\n"], "a.yaml:2: training.validation_size: 0 images are held"),
        ([BASE, "\nmirrors:\n- ftp://me:pw@host\n"], "b.yaml:3: mirrors[0]: found an address with"),
        (["study: x\nactivations: nowhere\n"], "a.yaml:2: activations: nowhere is not a folder"),
        (["study: x\nactivations: [nowhere]\n"], "a.yaml:2: activations: nowhere is not a folder"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(
    tmp_path: Path, contents: list[str], expected: str
) -> None:
    (line,) = refused(tmp_path, *contents)
    assert line.startswith(expected)


def test_a_key_that_is_true_in_one_file_and_text_in_the_other_is_two(tmp_path: Path) -> None:
    lines = refused(tmp_path, "study: x\nyes: 1\n", "'yes': 2\n")
    assert [line.partition(";")[0] for line in lines] == [
        "True: unknown key True (value 1)",
        "b.yaml:1: yes: unknown key 'yes' (value 2)",
    ]


def test_what_the_command_line_replaced_is_put_down_to_no_file(tmp_path: Path) -> None:
    sources = read(files(tmp_path, BASE))
    config = merged(sources)
    config["training"] = {"epochs": 0, "batch_size": "8"}
    config["dataset"] = "digts"
    with pytest.raises(ConfigError) as error:
        resolve(config, sources)
    assert str(error.value).split("\n") == [
        "config error: dataset: 'digts' is not known; allowed: digits, fashion_mnist; "
        "did you mean 'digits'?",
        "config error: training.epochs: 0 is too small; the smallest allowed value is 1",
    ]


def test_files_in_this_folder_are_named_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files(tmp_path, yaml.safe_dump({"study": "x"}))
    monkeypatch.chdir(tmp_path)
    assert [source.name for source in read(["a.yaml", tmp_path / "a.yaml"])] == ["a.yaml"] * 2
