"""Files are written whole or not at all; digests stand for contents."""

import hashlib
import math
import os
import subprocess
from pathlib import Path

import pytest

from mlplab.files import (
    file_digest,
    files_digest,
    read_json,
    replacing,
    value_digest,
    write_json,
    write_text,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_under_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "file.txt"
    with replacing(target) as temporary:
        assert temporary.parent == target.parent
        temporary.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    assert names(target.parent) == ["file.txt"]


def test_an_old_file_is_replaced_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    target.write_text("old")
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert names(tmp_path) == ["file.txt"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_no_temporary(
    tmp_path: Path, error: type[BaseException]
) -> None:
    target = tmp_path / "file.txt"
    target.write_text("old")
    with pytest.raises(error), replacing(target) as temporary:
        temporary.write_text("half")
        raise error
    assert target.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


def test_a_failure_before_anything_is_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), replacing(tmp_path / "file.txt"):
        raise RuntimeError
    assert names(tmp_path) == []


def test_a_body_that_writes_nothing_is_an_error_and_keeps_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    target.write_text("old")
    with pytest.raises(FileNotFoundError), replacing(target):
        pass
    assert target.read_text() == "old"


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_writes_is_not(
    tmp_path: Path,
) -> None:
    target = tmp_path / "a[1].txt"
    with subprocess.Popen(["sleep", "30"]) as living:
        with replacing(target) as own:
            left = own.with_name(own.name.replace(str(os.getpid()), str(2**22 + 1)))
            other = own.with_name(own.name.replace(str(os.getpid()), str(living.pid)))
            own.write_text("whole")
        for part in (left, other, tmp_path / f"{own.name}.txt"):
            part.write_text("half")
        write_text(target, "again")
        living.kill()
    assert names(tmp_path) == sorted(["a[1].txt", other.name, f"{own.name}.txt"])


def test_text_is_utf_8(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "ä ² √")
    assert (tmp_path / "a.txt").read_bytes() == "ä ² √".encode()


def test_json_comes_back_as_it_was(tmp_path: Path) -> None:
    value = {"z": [1, 0.1, None, True, "ä"], "a": {"b": 1e-300, "c": 2**53 + 1}}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value
    assert list(read_json(tmp_path / "a.json")) == ["z", "a"]
    assert (tmp_path / "a.json").read_text(encoding="utf-8").endswith("}\n")


@pytest.mark.parametrize("value", [math.nan, math.inf, {"a": [-math.inf]}, {1, 2}])
def test_what_is_no_json_is_refused_and_the_old_file_kept(tmp_path: Path, value: object) -> None:
    write_json(tmp_path / "a.json", "old")
    with pytest.raises((ValueError, TypeError)):
        write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == "old"
    assert names(tmp_path) == ["a.json"]


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_digest_of_a_file_is_that_of_its_bytes(tmp_path: Path, algorithm: str) -> None:
    content = bytes(range(256)) * 5000
    (tmp_path / "a").write_bytes(content)
    expected = hashlib.new(algorithm, content).hexdigest()
    assert file_digest(tmp_path / "a", algorithm) == expected
    assert file_digest(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_digest_of_several_files_says_names_and_contents_but_not_order_or_folder(
    tmp_path: Path,
) -> None:
    def digest(folder: str, *files: tuple[str, str]) -> str:
        paths = []
        for name, content in files:
            paths.append(tmp_path / folder / name)
            write_text(paths[-1], content)
        return files_digest(paths)

    first = digest("1", ("a", "x"), ("b", "y"))
    assert digest("2", ("b", "y"), ("a", "x")) == first
    others = [
        digest("3", ("a", "y"), ("b", "x")),
        digest("4", ("a", "x"), ("b", "z")),
        digest("5", ("a", "x"), ("c", "y")),
        digest("6", ("a", "x")),
        digest("7", ("a", "x"), ("b", "y"), ("c", "")),
    ]
    assert len({first, *others}) == 6


def test_digest_of_a_value_does_not_depend_on_the_order_of_keys() -> None:
    assert value_digest({"a": 1, "b": [1, 2]}) == value_digest({"b": [1, 2], "a": 1})
    assert value_digest({"a": [1, 2]}) != value_digest({"a": [2, 1]})
    assert value_digest({"a": 1}) != value_digest({"a": "1"})
