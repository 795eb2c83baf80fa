"""The JSON files of a study as typed values: what is missing is named, with the way to mend it."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict
from pathlib import Path
from typing import Any

import pytest

from conftest import manifest, run_record
from mlplab.errors import UserError
from mlplab.files import write_json
from mlplab.study.documents import (
    Bound,
    Machine,
    SplitCounts,
    read_evaluation,
    read_manifest,
    read_run,
    write_document,
)

READ: dict[str, tuple[Callable[[Path], Any], Any]] = {
    "run": (read_run, run_record().run),
    "evaluation": (read_evaluation, run_record().evaluation),
    "manifest": (read_manifest, manifest()),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "document.json"


def write(kind: str, file: Path, values: dict[str, Any]) -> None:
    """As the study writes it."""
    (write_json if kind == "manifest" else write_document)(file, values)


@pytest.mark.parametrize("kind", READ)
def test_a_document_comes_back_typed_and_frozen(file: Path, kind: str) -> None:
    read, document = READ[kind]
    write(kind, file, asdict(document))
    found = read(file)
    assert found == document
    with pytest.raises(FrozenInstanceError):
        setattr(found, next(iter(asdict(document))), 1)


def test_what_lies_within_is_typed_as_well(file: Path) -> None:
    write_document(file, asdict(run_record().run))
    run = read_run(file)
    assert isinstance(run.machine, Machine)
    assert all(isinstance(bound, Bound) for bound in run.sanity.values())
    write_json(file, asdict(manifest()))
    assert isinstance(read_manifest(file).counts["test"], SplitCounts)


KEYS = [(kind, key) for kind, (_, document) in READ.items() for key in asdict(document)]


@pytest.mark.parametrize(("kind", "key"), KEYS)
def test_a_missing_key_is_named_with_its_file_and_the_way_to_mend_it(
    file: Path, kind: str, key: str
) -> None:
    read, document = READ[kind]
    values = asdict(document)
    del values[key]
    write(kind, file, values)
    with pytest.raises(UserError) as refused:
        read(file)
    message = str(refused.value)
    assert message.startswith(f"{file}: the key {key}")
    assert message.endswith(f"make it anew: snakemake --cores all --forcerun {file}")


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("run", ("git", "dirty")),
        ("run", ("machine", "cores")),
        ("run", ("sanity", "test_accuracy", "met")),
        ("manifest", ("counts", "test", "images")),
        ("manifest", ("counts", "training", "shape")),
    ],
)
def test_a_missing_key_within_another_is_named_in_full(
    file: Path, kind: str, parts: tuple[str, ...]
) -> None:
    read, document = READ[kind]
    values = asdict(document)
    within = values
    for part in parts[:-1]:
        within = within[part]
    del within[parts[-1]]
    write(kind, file, values)
    with pytest.raises(UserError) as refused:
        read(file)
    assert f"the key {'.'.join(parts)} is missing" in str(refused.value)


@pytest.mark.parametrize("kind", READ)
def test_something_else_than_a_mapping_is_refused(file: Path, kind: str) -> None:
    write_json(file, [1, 2])
    with pytest.raises(UserError, match="is missing"):
        READ[kind][0](file)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["run", "evaluation"])
def test_any_byte_that_changes_is_found(file: Path, kind: str) -> None:
    read, document = READ[kind]
    write_document(file, asdict(document))
    whole = file.read_bytes()
    for place in range(len(whole)):
        for bit in (1, 2, 32, 128):
            changed = whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :]
            file.write_bytes(changed)
            with pytest.raises(UserError) as refused:
                read(file)
            assert str(refused.value).startswith(f"{file}: ")
            assert str(refused.value).endswith(f"--forcerun {file}")
    file.write_bytes(whole)
    assert read(file) == document


@pytest.mark.parametrize("kind", ["run", "evaluation"])
def test_a_document_that_says_no_digest_is_of_another_version(file: Path, kind: str) -> None:
    read, document = READ[kind]
    write_json(file, asdict(document))
    with pytest.raises(UserError, match="the key digest is missing: another version"):
        read(file)


def test_further_keys_are_left_alone(file: Path) -> None:
    write_document(file, asdict(run_record().run) | {"of_a_later_version": 1})
    assert read_run(file) == run_record().run
