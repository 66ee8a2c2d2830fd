"""Downloads from a server of the test's own: what is not the published file is never kept, and said in one line."""

import gzip
import hashlib
import io
import os
import socket
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from gansmith.data import file_download, public_datasets
from gansmith.data.file_download import RemoteFile, download_files

SHARED = Path(os.environ.get("GANSMITH_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))
BODY = bytes(range(256)) * 400
GOOD = RemoteFile("a.bin", len(BODY), hashlib.sha256(BODY).hexdigest())
PACKED = replace(GOOD, unpacked=True)
Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """Answers of ``answers`` by path; ``asked`` lists what was asked for."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[str] = []
        self.over = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append(self.path)
                outer.answers.get(self.path, lambda handler: handler.send_error(404))(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/"


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.over.set()
    server.http.shutdown()
    server.http.server_close()
    thread.join()


def says(body: bytes, length: int | None = None, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        if length is not None:
            handler.send_header("Content-Length", str(length))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        try:
            handler.wfile.write(body)
        except OSError:  # who asked has heard enough
            handler.close_connection = True

    return answer


def sends_to(url: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", url)
        handler.end_headers()

    return answer


def test_fetched_once(server, tmp_path):
    server.answers["/x/a.bin"] = says(BODY, len(BODY))
    for _ in range(2):
        download_files([GOOD], [server.url + "x/"], tmp_path / "new")
    assert (tmp_path / "new" / "a.bin").read_bytes() == BODY and server.requests == ["/x/a.bin"]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [".lock", "a.bin"]


def test_the_next_mirror_is_asked_and_redirections_are_followed(server, tmp_path):
    server.answers |= {"/y/a.bin": sends_to(server.url + "z/a.bin"), "/z/a.bin": says(BODY)}
    download_files([GOOD], [server.url + "x/", server.url + "y/"], tmp_path)
    assert server.requests == ["/x/a.bin", "/y/a.bin", "/z/a.bin"]
    assert (tmp_path / "a.bin").read_bytes() == BODY


def test_packed_anew(server, tmp_path):
    for level in (1, 9):
        server.answers["/a.bin"] = says(gzip.compress(BODY, level))
        download_files([PACKED], [server.url], tmp_path / str(level))
        download_files([PACKED], [], tmp_path / str(level))
    assert (tmp_path / "1" / "a.bin").read_bytes() != (tmp_path / "9" / "a.bin").read_bytes()


WRONG = {
    "another digest": (GOOD, says(BODY[:-1] + b"x"), "has the SHA-256 .* instead of"),
    "cut": (GOOD, says(BODY[:-1], len(BODY)), "has 102,399 bytes instead of 102,400|IncompleteRead"),
    "empty": (GOOD, says(b""), "has 0 bytes instead of"),
    "too large": (GOOD, says(BODY + b"x"), "answers with more than 102,400 bytes"),
    "without end": (GOOD, says(bytes(1 << 24)), "answers with more than 102,400 bytes"),
    "not there": (GOOD, lambda handler: handler.send_error(404), "404 Not Found"),
    "broken": (GOOD, lambda handler: handler.send_error(503), "503 Service Unavailable"),
    "no HTTP": (GOOD, lambda handler: handler.wfile.write(b"\x00\x01\n\n") and None, r"\?"),
    "closed": (GOOD, lambda handler: handler.connection.close(), "closed|reset|Bad file"),
    "to a file": (GOOD, sends_to("file:///etc/passwd"), "file:///etc/passwd"),
    "to ftp": (GOOD, sends_to("ftp://127.0.0.1/a.bin"), "ftp://127.0.0.1/a.bin"),
    "to itself": (GOOD, sends_to("/a.bin"), "redirect"),
    "a bomb": (PACKED, says(gzip.compress(bytes(1 << 22))), "has more than 102,400 bytes"),
    "damaged gzip": (PACKED, says(gzip.compress(BODY)[:-9]), "is damaged"),
    "gzip of another": (PACKED, says(gzip.compress(BODY[::-1])), "has the SHA-256"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_not_kept(server, tmp_path, case):
    file, answer, message = WRONG[case]
    server.answers["/a.bin"] = answer
    with pytest.raises(ValueError, match=message) as caught:
        download_files([file, replace(GOOD, name="b.bin")], [server.url], tmp_path)
    text = str(caught.value)
    assert text.startswith(f"cannot fetch a.bin from {server.url} (") and "\n" not in text
    assert text.endswith(f": go online, or put a.bin, b.bin into {tmp_path} yourself")
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_no_more_of_a_bomb_is_unpacked_than_is_needed(tmp_path, monkeypatch):
    (tmp_path / "a.bin").write_bytes(gzip.compress(bytes(1 << 24)))
    unpacked = []

    class Counting(gzip.GzipFile):
        def read(self, size: int | None = -1) -> bytes:
            unpacked.append(len(block := super().read(size)))
            return block

    monkeypatch.setattr(file_download.gzip, "open", Counting)
    with pytest.raises(ValueError, match="has more than 102,400 bytes"):
        download_files([PACKED], [], tmp_path)
    assert len(BODY) < sum(unpacked) <= len(BODY) + (1 << 18)


def test_a_silent_server(server, tmp_path, monkeypatch):
    def silent(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(BODY[:10])
        server.over.wait(10)

    server.answers |= {"/x/a.bin": silent, "/y/a.bin": lambda handler: server.over.wait(10) and None}
    monkeypatch.setattr(file_download, "TIMEOUT", 0.1)
    with pytest.raises(
        ValueError, match=r"/x/ \(does not answer for 0.1 seconds\) nor .*/y/ \((does not answer|timed out)"
    ):
        download_files([GOOD], [server.url + "x/", server.url + "y/"], tmp_path)


def test_a_slow_server(server, tmp_path, monkeypatch):
    server.answers["/a.bin"] = says(BODY)
    monkeypatch.setattr(file_download, "GRACE", -1e9)
    with pytest.raises(ValueError, match=r"\(is too slow\)"):
        download_files([GOOD], [server.url], tmp_path)


def test_nobody_there(tmp_path):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and never listens
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/"
        with pytest.raises(ValueError, match=rf"cannot fetch a.bin from {url} \(.*[Rr]efused"):
            download_files([GOOD], [url], tmp_path)


def test_only_https_is_asked_from_https():
    request = file_download.Request("https://example.org/a.bin")
    with pytest.raises(file_download.URLError, match="it redirects to http://example"):
        file_download._Redirects().redirect_request(request, io.BytesIO(), 302, "", {}, "http://example.org/b")
    assert all(url.startswith("https://") for c in public_datasets.PUBLIC_DATASETS.values() for url in c.mirrors)


def test_files_put_there_by_hand(tmp_path):
    (tmp_path / "a.bin").write_bytes(BODY)
    download_files([GOOD], [], tmp_path)
    (tmp_path / "a.bin").write_bytes(BODY[1:])
    for file in (GOOD, PACKED):
        with pytest.raises(ValueError, match=r"a\.bin is not the published file: it has 102,399 bytes .*; remove it"):
            download_files([file], [], tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == BODY[1:]


def test_a_fetch_that_was_killed(server, tmp_path):
    (tmp_path / ".a.bin.part").write_bytes(BODY * 2)
    server.answers["/a.bin"] = says(BODY)
    download_files([GOOD], [server.url], tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == BODY and not (tmp_path / ".a.bin.part").exists()


def test_two_at_once(server, tmp_path, monkeypatch):
    entered = threading.Event()
    go_on = threading.Event()

    def waits(handler: BaseHTTPRequestHandler) -> None:
        entered.set()
        go_on.wait(60)
        says(BODY)(handler)

    stderr = io.StringIO()  # pytest's capture loses what is written while it is read
    monkeypatch.setattr(sys, "stderr", stderr)
    server.answers["/a.bin"] = waits
    first, second = (threading.Thread(target=download_files, args=([GOOD], [server.url], tmp_path)) for _ in range(2))
    first.start()
    assert entered.wait(10)
    second.start()
    while "waiting" not in stderr.getvalue():
        assert second.is_alive(), stderr.getvalue()
        time.sleep(0.01)
    go_on.set()
    first.join()
    second.join()
    assert (tmp_path / "a.bin").read_bytes() == BODY and server.requests == ["/a.bin"]


def of_server(monkeypatch, server: Server, name: str, cache: Path) -> None:
    monkeypatch.setenv("GANSMITH_CACHE", str(cache))
    monkeypatch.setitem(
        public_datasets.PUBLIC_DATASETS, name, replace(public_datasets.PUBLIC_DATASETS[name], mirrors=(server.url,))
    )


def test_mnist(server, tmp_path, monkeypatch):
    if not (SHARED / "mnist").is_dir():
        pytest.skip(f"no MNIST in {SHARED}")
    of_server(monkeypatch, server, "mnist", tmp_path)
    for file in public_datasets.PUBLIC_DATASETS["mnist"].files:
        server.answers[f"/{file.name}"] = says((SHARED / "mnist" / file.name).read_bytes())
    data = public_datasets.read_public_dataset("mnist")
    assert data.x.shape == (70_000, 1, 28, 28) and data.x.dtype == torch.uint8
    assert data.held_out is not None and data.held_out.tolist() == list(range(60_000, 70_000))
    assert data.y is not None and data.y[:5].tolist() == [5, 0, 4, 1, 9] and data.y[60_000:60_003].tolist() == [7, 2, 1]
    assert data.y.bincount().tolist() == [6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958]
    assert len(server.requests) == 4 and (tmp_path / "downloads" / "mnist").is_dir()


def idx(shape: tuple[int, ...], payload: bytes) -> bytes:
    return bytes([0, 0, 8, len(shape)]) + b"".join(side.to_bytes(4, "big") for side in shape) + payload


def published(monkeypatch, name: str, bodies: dict[str, bytes]) -> None:
    files = tuple(RemoteFile(name, len(body), hashlib.sha256(body).hexdigest()) for name, body in bodies.items())
    monkeypatch.setitem(
        public_datasets.PUBLIC_DATASETS, name, replace(public_datasets.PUBLIC_DATASETS[name], files=files)
    )


def test_clothing(server, tmp_path, monkeypatch):
    of_server(monkeypatch, server, "fashion-mnist", tmp_path)
    bodies = {}
    for part, n in (("train", 60_000), ("t10k", 5)):
        bodies[f"{part}-images-idx3-ubyte.gz"] = gzip.compress(idx((n, 2, 2), bytes(n * 4)), 1)
        bodies[f"{part}-labels-idx1-ubyte.gz"] = gzip.compress(idx((n,), bytes(n)), 1)
    published(monkeypatch, "fashion-mnist", bodies)
    server.answers |= {f"/{name}": says(body) for name, body in bodies.items()}
    data = public_datasets.read_public_dataset("fashion-mnist")
    assert data.class_names[8] == "Bag" and len(data.class_names) == 10
    assert data.held_out is not None and data.held_out.tolist() == list(range(60_000, 60_005))


def cifar(sizes: dict[str, int], kind: bytes = tarfile.REGTYPE) -> bytes:
    """An archive whose k-th file is full of bytes k."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for k, (name, size) in enumerate(sizes.items()):
            entry = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            entry.size, entry.type = size, kind
            archive.addfile(entry, io.BytesIO(bytes([k]) * size))
    return buffer.getvalue()


SIZES = {"readme.html": 10, "test_batch.bin": 2 * 3073} | {f"data_batch_{k}.bin": 2 * 3073 for k in (3, 1, 2, 5, 4)}


def test_things(server, tmp_path, monkeypatch):
    of_server(monkeypatch, server, "cifar10", tmp_path)
    monkeypatch.setattr(public_datasets, "BATCH", 2)
    body = cifar(SIZES)
    published(monkeypatch, "cifar10", {"cifar-10-binary.tar.gz": body})
    server.answers["/cifar-10-binary.tar.gz"] = says(body)
    data = public_datasets.read_public_dataset("cifar10")
    assert data.x.shape == (12, 3, 32, 32) and data.class_names[6] == "frog"
    assert data.y is not None and data.y.tolist() == [3, 3, 4, 4, 2, 2, 6, 6, 5, 5, 1, 1]
    assert torch.equal(data.x.long(), data.y[:, None, None, None].expand_as(data.x))
    assert data.held_out is not None and data.held_out.tolist() == [10, 11]
    names = sorted(path.name for path in (tmp_path / "downloads" / "cifar10").iterdir())
    assert names == [".lock", "cifar-10-binary.tar.gz"]


@pytest.mark.parametrize(
    ("sizes", "kind", "message"),
    [
        (SIZES | {"data_batch_3.bin": 3073}, tarfile.REGTYPE, "needs 6,146 bytes in data_batch_3.bin, but has 3,073"),
        ({"test_batch.bin": 6146}, tarfile.REGTYPE, "lacks data_batch_1.bin, data_batch_2.bin"),
        ({"test_batch.bin": 0}, tarfile.DIRTYPE, "needs 6,146 bytes in test_batch.bin, but has 0"),
    ],
)
def test_archives_of_another_kind(tmp_path, monkeypatch, sizes, kind, message):
    monkeypatch.setattr(public_datasets, "BATCH", 2)
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(cifar(sizes, kind))
    with pytest.raises(ValueError, match=message):
        public_datasets._cifar(tmp_path)


def test_another_name():
    with pytest.raises(ValueError, match="needs one of mnist, fashion-mnist, cifar10, but got 'svhn'"):
        public_datasets.read_public_dataset("svhn")


def test_a_full_disk_is_no_fault_of_the_mirror(server, tmp_path, monkeypatch):
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    server.answers["/a.bin"] = says(BODY)
    monkeypatch.setattr("gansmith.data.file_download.os.fsync", full)
    with pytest.raises(OSError, match=r"needs 0 MiB for a\.bin in .*: free some, or set GANSMITH_CACHE"):
        download_files([GOOD], [server.url], tmp_path)
    assert not any(path.name.endswith(".part") for path in tmp_path.iterdir())
