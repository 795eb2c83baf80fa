"""What looks for secrets finds them wherever a study might leave them."""

import base64
import gzip
import json
import sqlite3
import subprocess
import sys
import time
import urllib.parse
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from planted import CommandLines, Search

SECRET = "plan/ted+sec ret?7Q"
FORMS = {
    "plain": SECRET,
    "quoted": urllib.parse.quote(SECRET, safe=""),
    "a field": urllib.parse.quote_plus(SECRET),
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "a login": base64.b64encode(f"me:{SECRET}".encode()).decode(),
    "a login of another length": base64.urlsafe_b64encode(f"you:{SECRET}\n".encode()).decode(),
}


def in_file(folder: Path, text: str) -> None:
    (folder / "log").write_text(f"before {text} after")


def in_json(folder: Path, text: str) -> None:
    (folder / "metadata").write_text(json.dumps({"params": ["uri", text]}))


def in_name(folder: Path, text: str) -> None:
    (folder / text.replace("/", "_")).mkdir()


def in_archive(folder: Path, text: str) -> None:
    with zipfile.ZipFile(folder / "crate.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("in/it", text)


def in_packed(folder: Path, text: str) -> None:
    (folder / "packed.gz").write_bytes(gzip.compress(text.encode()))


def database(folder: Path, value: str | bytes) -> None:
    with closing(sqlite3.connect(folder / "mlflow.db")) as store, store:
        store.execute("CREATE TABLE tags (key, value)")
        # Longer than a page: on the disk it is in pieces.
        store.execute("INSERT INTO tags VALUES (?, ?)", ("x" * 3000, value))


def in_text(folder: Path, text: str) -> None:
    database(folder, "y" * 1070 + text + "z" * 9000)


def in_blob(folder: Path, text: str) -> None:
    database(folder, b"y" * 1070 + text.encode() + b"z" * 9000)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("plant", [in_file, in_json, in_archive, in_packed, in_text, in_blob])
def test_a_secret_is_found_in_every_form_and_place(
    plant: Callable[[Path, str], None], form: str, tmp_path: Path
) -> None:
    plant(tmp_path, FORMS[form])
    assert Search([SECRET]).folder(tmp_path)


def test_a_secret_is_found_in_a_name_and_in_a_text(tmp_path: Path) -> None:
    in_name(tmp_path, FORMS["quoted"])
    assert Search([SECRET]).folder(tmp_path) == [f"{FORMS['quoted']} (name)"]
    assert Search([SECRET]).text(f"error: https://me:{FORMS['quoted']}@host") == [FORMS["quoted"]]


@pytest.mark.parametrize("plant", [in_file, in_json, in_name, in_archive, in_packed, in_text])
def test_nothing_is_found_where_nothing_is(
    plant: Callable[[Path, str], None], tmp_path: Path
) -> None:
    plant(tmp_path, "another/sec ret")
    assert Search([SECRET]).folder(tmp_path) == []


def test_a_secret_is_found_in_the_command_line_of_a_process(tmp_path: Path) -> None:
    with CommandLines(tmp_path) as lines:
        command = [sys.executable, "-c", "input()", SECRET]
        with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE) as process:
            deadline = time.monotonic() + 10
            while not Search([SECRET]).text("".join(lines.seen)):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            process.kill()
