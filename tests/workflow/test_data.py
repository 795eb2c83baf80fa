import functools
import gzip
import hashlib
import http.server
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mlplab.datasets import store

from .conftest import Project

pytestmark = pytest.mark.slow
PARTS = ("training_images", "training_labels", "test_images", "test_labels")


def idx(shape: tuple[int, ...], values: bytes) -> bytes:
    """A gzipped IDX file of unsigned bytes."""
    head = bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
    return gzip.compress(head + values, mtime=0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A web server on loopback: /broken/ answers with web pages, /good/ with a small data set."""
    contents = {
        "training_images": idx((20, 4, 4), bytes(range(160)) * 2),
        "training_labels": idx((20,), bytes([0, 1] * 10)),
        "test_images": idx((6, 4, 4), bytes(range(96))),
        "test_labels": idx((6,), bytes([0, 1] * 3)),
    }
    for folder in ("broken", "good"):
        (tmp_path / "www" / folder).mkdir(parents=True)
        for part, content in contents.items():
            page = b"<html>Not here any more</html>"
            served = content if folder == "good" else page
            (tmp_path / "www" / folder / f"{part}.gz").write_bytes(served)
    handler = functools.partial(
        http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "www")
    )
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as served_by:
        threading.Thread(target=served_by.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served_by.server_address[1]}"
        served_by.shutdown()


@pytest.fixture
def tiny(project: Project, server: str, tmp_path: Path) -> Project:
    """A project with a data set of its own, dropped into the registry's folder."""
    files = {
        part: {
            "name": f"{part}.gz",
            "md5": hashlib.md5((tmp_path / "www/good" / f"{part}.gz").read_bytes()).hexdigest(),
        }
        for part in PARTS
    }
    registry = project.folder / "workflow/mlplab/datasets"
    entry = yaml.safe_load((registry / "fashion_mnist.yaml").read_text())
    del entry["size"]
    entry.update(title="Tiny", files=files, class_names=["even", "odd"], mirrors=[])
    (registry / "tiny.yaml").write_text(yaml.safe_dump(entry))
    return project


def test_data_comes_from_the_first_mirror_that_serves_it(tiny: Project, server: str) -> None:
    tiny.write_config(dataset="tiny", mirrors=[f"{server}/broken", f"{server}/good"])
    answer = tiny.run("--cores", "2", "results/data/tiny/data.safetensors")
    assert answer.returncode == 0, answer.stdout
    data = store.load(tiny.folder / "results/data/tiny/data.safetensors")
    assert data.class_names == ("even", "odd")
    assert data.training.images.shape == (20, 4, 4)
    assert data.test.labels.tolist() == [0, 1] * 3
    log = (tiny.folder / "results/data/tiny/logs/download/test_images.gz.log").read_text()
    assert "sent a web page instead of the file" in log


def test_a_data_set_may_be_described_in_a_folder_of_ones_own(
    tiny: Project, server: str, tmp_path: Path
) -> None:
    mine = tmp_path / "my data sets"
    mine.mkdir()
    (tiny.folder / "workflow/mlplab/datasets/tiny.yaml").rename(mine / "mine.yaml")
    tiny.write_config(dataset="mine", datasets="../my data sets", mirrors=[f"{server}/good"])
    answer = tiny.run("--cores", "2", "results/data/mine/data.safetensors")
    assert answer.returncode == 0, answer.stdout
    assert store.load(tiny.folder / "results/data/mine/data.safetensors").name == "mine"
    assert "Nothing to be done" in tiny.run("-n", "results/data/mine/data.safetensors").stdout
    (mine / "mine.yaml").write_text("title: Mine\n")
    refused = tiny.run("--cores", "2")
    assert refused.returncode != 0
    assert "../my data sets/mine.yaml: citation, class_names, " in refused.stdout
    assert "Traceback" not in refused.stdout


def test_the_study_stops_with_what_each_mirror_answered(tiny: Project, server: str) -> None:
    tiny.write_config(dataset="tiny", mirrors=[f"{server}/broken", f"{server}/nowhere"])
    answer = tiny.run("--cores", "2")
    assert answer.returncode != 0
    assert f"{server}/broken: sent a web page instead of the file" in answer.stdout
    assert f"{server}/nowhere: answered 404" in answer.stdout
    assert "MLPLAB_MIRRORS" in answer.stdout
    assert "Traceback" not in answer.stdout
    assert not list((tiny.folder / "results/data/tiny/raw").glob("*.gz"))
