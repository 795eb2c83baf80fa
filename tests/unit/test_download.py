"""Downloads from a real server on this machine that misbehaves in every way mirrors do."""

import hashlib
import shutil
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mlplab.datasets import RemoteFile, info
from mlplab.datasets import download as module
from mlplab.datasets.download import MIRRORS_VARIABLE, download, mirrors_of
from mlplab.errors import UserError
from mlplab.files import read_json

CONTENT = bytes(range(256)) * 300
FILE = RemoteFile("images.gz", hashlib.md5(CONTENT).hexdigest())
DATASET = info("fashion_mnist")
STALLS_SECONDS = 2.0


class Handler(BaseHTTPRequestHandler):
    """The first folder of the address says how the mirror behaves."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def log_message(self, *args: object) -> None:
        pass

    def send(
        self, body: bytes, status: int = 200, length: int | None = None, **headers: str
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        self.server.agents.append(self.headers["User-Agent"])
        getattr(self, self.path.split("/")[1])()

    def good(self) -> None:
        self.send(CONTENT)

    def missing(self) -> None:
        self.send(b"nothing here", status=404)

    def broken(self) -> None:
        self.send(b"sorry", status=503)

    def busy(self) -> None:
        """Busy when it is asked first."""
        if self.server.asked().count("busy") == 1:
            self.send(b"later", status=429, **{"Retry-After": "0"})
        else:
            self.send(CONTENT)

    def drip(self) -> None:
        """A byte now and then."""
        self.send(b"", length=len(CONTENT))
        while not self.server.released.wait(0.05):
            self.wfile.write(b"x")

    def drip_headers(self) -> None:
        """The same, before the file has begun."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not self.server.released.wait(0.05):
            self.wfile.write(b"x")

    def page(self) -> None:
        self.send(b"\n <!DOCTYPE html><title>Please log in</title>")

    def short(self) -> None:
        self.send(CONTENT[:1000], length=len(CONTENT))

    def empty(self) -> None:
        self.send(b"")

    def wrong(self) -> None:
        self.send(CONTENT[:-1] + b"?")

    def no_length(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(CONTENT)
        self.close_connection = True

    def chunked(self) -> None:
        self.chunks(CONTENT, ending=b"0\r\n\r\n")

    def chunked_short(self) -> None:
        self.chunks(CONTENT[:1000], ending=b"")

    def chunks(self, body: bytes, ending: bytes) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(f"{len(body):x}\r\n".encode() + body + b"\r\n" + ending)
        self.close_connection = True

    def babble(self) -> None:
        self.wfile.write(b"this is no HTTP\r\n\r\n")
        self.close_connection = True

    def hang_up(self) -> None:
        self.close_connection = True

    def reset(self) -> None:
        self.send(CONTENT[:1000], length=len(CONTENT))
        # Closing with no time to linger sends a reset instead of an orderly end.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def slow(self) -> None:
        time.sleep(0.2)
        self.send(CONTENT)

    def stall(self) -> None:
        self.send(CONTENT[:1000], length=len(CONTENT))
        self.server.released.wait(STALLS_SECONDS)

    def redirect(self) -> None:
        self.send(b"", status=302, Location=f"/good/{FILE.name}")

    def loop(self) -> None:
        self.send(b"", status=302, Location=self.path)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[str] = []
        self.agents: list[str] = []
        self.released = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """Faults are on purpose here."""

    def mirror(self, behaviour: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{behaviour}/"

    def asked(self) -> list[str]:
        return [path.split("/")[1] for path in self.requests]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv(MIRRORS_VARIABLE, raising=False)
    monkeypatch.setattr(module, "PAUSE", 0.05)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.released.set()
        running.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A plain folder that holds the file, with a blank and signs that have a meaning in URLs."""
    path = tmp_path / "my files #1 50%"
    path.mkdir()
    (path / FILE.name).write_bytes(CONTENT)
    return path


def fetch(mirrors: list[str], raw: Path) -> dict[str, object]:
    """Download into `raw`; return the source record."""
    download(DATASET, FILE, mirrors, raw / FILE.name, raw / f"{FILE.name}.source.json")
    assert (raw / FILE.name).read_bytes() == CONTENT
    assert sorted(path.name for path in raw.iterdir()) == [FILE.name, f"{FILE.name}.source.json"]
    record: dict[str, object] = read_json(raw / f"{FILE.name}.source.json")
    return record


def refusal(mirrors: list[str], raw: Path) -> str:
    """The message of a download that fails and leaves nothing behind."""
    with pytest.raises(UserError) as refused:
        download(DATASET, FILE, mirrors, raw / FILE.name, raw / f"{FILE.name}.source.json")
    assert not raw.exists() or list(raw.iterdir()) == []
    return str(refused.value)


@pytest.mark.parametrize("behaviour", ["good", "slow", "redirect", "no_length", "chunked"])
def test_a_mirror_that_serves_the_file_is_enough(
    server: Server, tmp_path: Path, behaviour: str
) -> None:
    record = fetch([server.mirror(behaviour)], tmp_path / "raw")
    assert record["url"] == f"{server.mirror(behaviour)}{FILE.name}"
    assert set(server.agents) == {"mlp-lab"}


def test_the_source_record_says_where_and_when_the_file_came_from(
    server: Server, tmp_path: Path
) -> None:
    record = fetch([server.mirror("good")], tmp_path / "raw")
    when = datetime.fromisoformat(str(record.pop("downloaded")))
    assert abs(time.time() - when.timestamp()) < 60
    assert record == {
        "name": FILE.name,
        "url": f"{server.mirror('good')}{FILE.name}",
        "bytes": len(CONTENT),
        "md5": FILE.md5,
    }


FAULTS = {
    "missing": "answered 404",
    "broken": "answered 503",
    "page": "sent a web page instead of the file",
    "short": "stopped after 1,000 of 76,800 bytes",
    "empty": "sent 0 bytes",
    "wrong": "expected MD5 " + FILE.md5,
    "chunked_short": "",
    "babble": "",
    "hang_up": "failed",
    "reset": "",
    "loop": "answered 302",
}


@pytest.mark.parametrize("behaviour", FAULTS)
def test_a_fault_is_named_and_leaves_nothing_behind(
    server: Server, tmp_path: Path, behaviour: str
) -> None:
    message = refusal([server.mirror(behaviour)], tmp_path / "raw")
    lines = [line for line in message.splitlines() if server.mirror(behaviour) in line]
    assert len(lines) == 1
    assert FAULTS[behaviour] in lines[0]
    assert len(lines[0]) > len(f"  {server.mirror(behaviour)}: ")


@pytest.mark.parametrize("behaviour", FAULTS)
def test_after_a_fault_the_next_mirror_is_tried(
    server: Server, tmp_path: Path, behaviour: str
) -> None:
    mirrors = [server.mirror(behaviour), server.mirror("good")]
    assert fetch(mirrors, tmp_path / "raw")["url"] == f"{mirrors[1]}{FILE.name}"
    assert set(server.asked()[:-1]) == {behaviour}
    assert server.asked()[-1] == "good"


def test_a_mirror_that_stalls_is_given_up(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.2)
    start = time.monotonic()
    fetch([server.mirror("stall"), server.mirror("good")], tmp_path / "raw")
    assert time.monotonic() - start < STALLS_SECONDS


def test_a_mirror_that_sends_a_byte_now_and_then_is_given_up(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.3)
    assert "is too slow: " in refusal([server.mirror("drip")], tmp_path / "raw")
    fetch([server.mirror("drip"), server.mirror("good")], tmp_path / "raw")


@pytest.mark.slow
@pytest.mark.parametrize("behaviour", ["drip", "drip_headers"])
def test_a_mirror_is_given_up_when_its_time_is_over(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behaviour: str
) -> None:
    monkeypatch.setattr(module, "LIMIT_SECONDS", 0.4)
    monkeypatch.setattr(module, "SLOWEST", 0)
    start = time.monotonic()
    assert "after 0.4 s" in refusal([server.mirror(behaviour)], tmp_path / "raw")
    assert time.monotonic() - start < 5
    fetch([server.mirror(behaviour), server.mirror("good")], tmp_path / "raw")


def test_a_mirror_that_sends_too_much_is_given_up(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST", len(CONTENT) - 1)
    assert "sent more than 76,799 bytes" in refusal([server.mirror("good")], tmp_path / "raw")


def test_a_busy_mirror_is_asked_once_more(server: Server, tmp_path: Path) -> None:
    fetch([server.mirror("busy")], tmp_path / "raw")
    assert server.asked() == ["busy", "busy"]


def test_a_mirror_that_stays_busy_is_asked_twice_and_no_more(
    server: Server, tmp_path: Path
) -> None:
    fetch([server.mirror("broken"), server.mirror("good")], tmp_path / "raw")
    assert server.asked() == ["broken", "broken", "good"]


@pytest.mark.parametrize(
    ("wish", "pause"), [("", 0.05), ("7", 7), ("86400", 30), ("-1", 0.05), ("soon", 0.05)]
)
def test_a_mirrors_wish_for_a_pause_is_kept_within_reason(wish: str, pause: float) -> None:
    assert module._pause(wish) == pause


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_a_full_disk_is_not_blamed_on_a_mirror(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def full(target: Path) -> Iterator[Path]:
        yield Path("/dev/full")

    monkeypatch.setattr(module, "replacing", full)
    with pytest.raises(UserError) as refused:
        download(DATASET, FILE, [server.mirror("good")], tmp_path / "a", tmp_path / "b")
    assert str(refused.value).startswith(
        f"{tmp_path / 'a'}: cannot be written (No space left on device), whatever the mirror"
    )
    assert "mirror serves" not in str(refused.value)


def test_a_folder_that_cannot_be_made_is_not_blamed_on_a_mirror(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "raw").write_text("a file where a folder is wanted")
    with pytest.raises(UserError, match="cannot be written"):
        download(DATASET, FILE, [server.mirror("good")], tmp_path / "raw" / "a", tmp_path / "b")
    assert server.asked() == []


def test_a_mirror_that_is_not_there_is_named(tmp_path: Path) -> None:
    with socket.socket() as unused:
        # Bound but not listening: nobody else gets the port and every connection is refused.
        unused.bind(("127.0.0.1", 0))
        mirror = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        assert "could not be reached" in refusal([mirror], tmp_path / "raw")


def test_mirrors_are_asked_in_order_and_none_after_the_first_good_one(
    server: Server, tmp_path: Path
) -> None:
    behaviours = ["wrong", "missing", "good", "redirect", "short"]
    fetch([server.mirror(behaviour) for behaviour in behaviours], tmp_path / "raw")
    assert server.asked() == ["wrong", "missing", "good"]


def test_an_address_needs_no_final_slash(server: Server, tmp_path: Path) -> None:
    fetch([server.mirror("good").rstrip("/")], tmp_path / "raw")
    assert server.requests == [f"/good/{FILE.name}"]


def test_a_plain_folder_is_a_mirror(folder: Path, tmp_path: Path) -> None:
    record = fetch([str(folder)], tmp_path / "raw")
    assert str(record["url"]).startswith("file:///")
    assert record["bytes"] == len(CONTENT)


def test_a_relative_folder_is_a_mirror(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    fetch([folder.name], tmp_path / "raw")


def test_a_folder_below_home_is_a_mirror(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    fetch([f"~/{folder.name}"], tmp_path / "raw")


def test_a_file_url_is_a_mirror(folder: Path, tmp_path: Path) -> None:
    fetch([folder.as_uri()], tmp_path / "raw")


def test_a_folder_without_the_file_is_named(tmp_path: Path) -> None:
    message = refusal([str(tmp_path / "nowhere")], tmp_path / "raw")
    assert f"{tmp_path / 'nowhere'}: could not be reached" in message


def test_a_folder_with_other_bytes_is_named(folder: Path, tmp_path: Path) -> None:
    (folder / FILE.name).write_bytes(b"other")
    assert "sent 5 bytes with MD5" in refusal([str(folder)], tmp_path / "raw")


def test_an_unknown_kind_of_address_is_named_and_the_next_mirror_tried(
    server: Server, tmp_path: Path
) -> None:
    assert "unknown kind of address 'ftp'" in refusal(["ftp://x.org/y"], tmp_path / "raw")
    fetch(["ftp://x.org/y", server.mirror("good")], tmp_path / "raw")


@pytest.mark.parametrize("mirror", ["http://[127.0.0.1/", "http://127.0.0.1/my files/", "http://"])
def test_an_impossible_address_is_named_and_the_next_mirror_tried(
    server: Server, tmp_path: Path, mirror: str
) -> None:
    assert f"  {mirror}: " in refusal([mirror], tmp_path / "raw")
    fetch([mirror, server.mirror("good")], tmp_path / "raw")


def test_the_final_error_lists_every_mirror_and_both_ways_to_go_on(
    server: Server, tmp_path: Path
) -> None:
    mirrors = [server.mirror("missing"), server.mirror("page"), str(tmp_path / "nowhere")]
    first, *rest = refusal(mirrors, tmp_path / "raw").splitlines()
    assert first == f"Fashion-MNIST: no mirror serves {FILE.name}."
    for line, mirror in zip(rest[:3], mirrors, strict=True):
        assert line.startswith(f"  {mirror}: ")
    advice = " ".join(rest[3:])
    assert "`mirrors` in the config" in advice
    assert MIRRORS_VARIABLE in advice
    assert "make demo" in advice


def test_no_mirror_at_all_is_said(tmp_path: Path) -> None:
    assert "no mirror is named" in refusal([], tmp_path / "raw")


def test_a_failed_download_keeps_the_file_that_is_there(server: Server, tmp_path: Path) -> None:
    target = tmp_path / FILE.name
    target.write_bytes(b"old")
    with pytest.raises(UserError):
        download(DATASET, FILE, [server.mirror("short")], target, tmp_path / "source.json")
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == [FILE.name]


@pytest.mark.parametrize(
    ("variable", "configured", "expected"),
    [
        (None, [], list(DATASET.mirrors)),
        ("", [], list(DATASET.mirrors)),
        (None, ["/a", "/b"], ["/a", "/b"]),
        ("  ", ["/a"], ["/a"]),
        ("http://m.org/ /c", ["/a"], ["http://m.org/", "/c"]),
        ("'/my files' /c", [], ["/my files", "/c"]),
    ],
)
def test_the_environment_replaces_the_config_which_replaces_the_publishers(
    monkeypatch: pytest.MonkeyPatch,
    variable: str | None,
    configured: list[str],
    expected: list[str],
) -> None:
    if variable is not None:
        monkeypatch.setenv(MIRRORS_VARIABLE, variable)
    assert mirrors_of(DATASET, configured) == expected
    environment = {} if variable is None else {MIRRORS_VARIABLE: variable}
    assert mirrors_of(DATASET, configured, environment) == expected


def test_an_unbalanced_quote_in_the_environment_is_said_in_words() -> None:
    with pytest.raises(UserError, match=MIRRORS_VARIABLE):
        mirrors_of(DATASET, [], {MIRRORS_VARIABLE: "/home/o'neill/files"})


def test_a_downloaded_copy_serves_as_a_mirror(server: Server, tmp_path: Path) -> None:
    fetch([server.mirror("good")], tmp_path / "raw")
    shutil.copytree(tmp_path / "raw", tmp_path / "copy")
    fetch([str(tmp_path / "copy")], tmp_path / "again")


@pytest.mark.parametrize(
    "mirror", ["http://me:secret@127.0.0.1:9/x", "http://127.0.0.1:9/?token=secret"]
)
def test_a_mirror_with_credentials_is_not_asked_and_its_secret_not_written(
    mirror: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError) as refused:
        download(DATASET, FILE, [mirror], tmp_path / "images.gz", tmp_path / "source.json")
    assert "was given with a user name, password or token" in str(refused.value)
    assert "http://127.0.0.1:9/" in str(refused.value)
    assert "secret" not in f"{refused.value}{capsys.readouterr()}"
    assert list(tmp_path.iterdir()) == []
