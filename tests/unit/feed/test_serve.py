"""A feed's folder over HTTP, from a port and from standard input."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bluejacket.feed import serve
from bluejacket.feed.serve import FeedServer
from bluejacket.foundation.rpmmd.metalink import parse_metalink

TEXT = b"0123456789" * 50_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    feed = tmp_path / "feed"
    (feed / "repodata").mkdir(parents=True)
    (feed / "repodata" / "repomd.xml").write_bytes(TEXT)
    (feed / "a+b name.rpm").write_bytes(b"rpm")
    (feed / "empty").write_bytes(b"")
    (feed / "away").symlink_to(tmp_path / "secret")
    (tmp_path / "secret").write_bytes(b"secret")
    return feed


@pytest.fixture
def client(folder: Path) -> Iterator[httpx.Client]:
    with FeedServer(folder) as server, httpx.Client(base_url=server.url, trust_env=False) as client:
        yield client


def test_files_come_whole(client: httpx.Client) -> None:
    answer = client.get("repodata/repomd.xml")
    assert (answer.status_code, answer.content) == (200, TEXT)
    assert client.get("a%2Bb%20name.rpm").content == b"rpm"
    assert client.get("empty").content == b""
    head = client.head("repodata/repomd.xml")
    assert (head.headers["content-length"], head.content) == (str(len(TEXT)), b"")


@pytest.mark.parametrize(
    ("wanted", "status", "body", "range_"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/500000"),
        ("bytes=499998-", 206, b"89", "bytes 499998-499999/500000"),
        ("bytes=-3", 206, b"789", "bytes 499997-499999/500000"),
        ("bytes=499999-600000", 206, b"9", "bytes 499999-499999/500000"),
        ("bytes=500000-", 416, b"", "bytes */500000"),
        ("bytes=-0", 416, b"", "bytes */500000"),
        ("bytes=0-1,3-4", 200, TEXT, None),
        ("lines=1-2", 200, TEXT, None),
    ],
)
def test_ranges(client: httpx.Client, wanted: str, status: int, body: bytes, range_: str | None) -> None:
    answer = client.get("repodata/repomd.xml", headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (status, body)
    assert answer.headers.get("content-range") == range_


def test_a_changed_file_is_not_continued(client: httpx.Client, folder: Path) -> None:
    tag = client.get("repodata/repomd.xml").headers["etag"]
    assert client.get("repodata/repomd.xml", headers={"If-None-Match": tag}).status_code == 304
    wanted = {"Range": "bytes=0-1", "If-Range": tag}
    assert client.get("repodata/repomd.xml", headers=wanted).status_code == 206
    (folder / "repodata" / "repomd.xml").write_bytes(b"new")
    answer = client.get("repodata/repomd.xml", headers=wanted)
    assert (answer.status_code, answer.content) == (200, b"new")


@pytest.mark.parametrize(
    "path", ["", "repodata", "repodata/", "none", "empty/x", "away", "%2e%2e/secret", "x%00y"]
)
def test_nothing_else_is_given(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert b"secret" not in answer.content


def test_a_server_that_has_stopped_has_no_address(folder: Path) -> None:
    server = FeedServer(folder).start()
    url = server.url
    server.stop()
    server.stop()
    with pytest.raises(RuntimeError):
        _ = server.url
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)


def test_one_connection_on_standard_input(folder: Path) -> None:
    """As QEMU starts it: all three streams are the connection, which carries several requests."""
    ours, theirs = socket.socketpair()
    line = [sys.executable, "-I", "-S", serve.__file__, str(folder)]
    with ours, theirs, subprocess.Popen(line, stdin=theirs, stdout=theirs, stderr=theirs) as child:
        theirs.close()
        ours.settimeout(60)
        asked = "GET /{} HTTP/1.1\r\nHost: feed\r\n\r\n"
        ours.sendall((asked.format("a%2Bb%20name.rpm") + asked.format("none")).encode())
        ours.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: ours.recv(65536), b""))
        assert child.wait(60) == 0
    first, second = answer.split(b"rpmHTTP/1.1 ")
    assert first.startswith(b"HTTP/1.1 200 OK\r\n")
    assert second.startswith(b"404 ")


def test_every_channel_of_a_plain_feed_points_at_it(client: httpx.Client, folder: Path) -> None:
    answer = client.get("channels/stable.metalink", headers={"Host": "feed.example:8080"})
    found = parse_metalink(answer.content, "stable")
    assert found.bases == ("http://feed.example:8080/",)
    assert found.main.size == len(TEXT)
    assert found.main.sha256 == hashlib.sha256(TEXT).hexdigest()
    assert found.main.sha512 == hashlib.sha512(TEXT).hexdigest()
    again = client.get("channels/stable.metalink", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 200  # it is for another host
    same = {"Host": "feed.example:8080", "If-None-Match": answer.headers["ETag"]}
    assert client.get("channels/stable.metalink", headers=same).status_code == 304
    assert client.get("//channels//stable.metalink", headers=same).status_code == 304
    assert client.get("other/channels/stable.metalink").status_code == 404
    (folder / "other").symlink_to(folder)
    below = client.get("other/channels/preview.metalink").content
    assert parse_metalink(below, "preview").bases[0].endswith("/other/")
    assert client.get("channels/Stable.metalink").status_code == 404
    assert client.get("channels/stable.metalink", headers={"Host": "<evil>"}).status_code == 404
    (folder / "channels").mkdir()
    (folder / "channels/stable.metalink").write_bytes(b"its own")
    assert client.get("channels/stable.metalink").content == b"its own"


def test_a_metalink_prefers_the_first_address() -> None:
    pointed = serve.Pointed.at(b"<repomd/>", 1_795_000_000)
    text = serve.metalink(pointed, "https://one.example/a&b/", "http://two.example/c")
    found = parse_metalink(text.encode(), "it")
    assert found.bases == ("https://one.example/a&b/", "http://two.example/c/")
    assert found.main.timestamp == 1_795_000_000
    assert 'pubdate="Wed, 18 Nov 2026 11:06:40 GMT"' in text
