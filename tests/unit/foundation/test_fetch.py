"""Downloads against mirrors that fail in every way, each fault counted."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bluejacket.errors import OutsideError
from bluejacket.foundation.fetch import Fetcher, Limits, NotThere, Proxies, Since, Wanted
from bluejacket.store import Store
from fetching import CONTENT, QUICK, SHA256, site_with_file, wanted
from told import Told
from webserver import (
    Act,
    Site,
    body,
    drip,
    drip_headers,
    endless,
    redirect,
    reset,
    stall,
    status,
    truncated,
    wrong_range,
)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with site_with_file(tmp_path / "site") as served:
        yield served


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Site]:
    with site_with_file(tmp_path / "second") as served:
        yield served


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def fetcher(store: Store, told: Told) -> Iterator[Fetcher]:
    with Fetcher(store, told, proxies=Proxies(), limits=QUICK, parallel=4) as fetching:
        yield fetching


def parts(store: Store) -> list[str]:
    return sorted(path.name for path in (store.root / "parts").iterdir())


def blobs(store: Store) -> list[str]:
    return sorted(path.name for path in (store.root / "blobs").glob("*/*"))


def test_file_gets_its_name_once_it_is_verified(
    fetcher: Fetcher, site: Site, store: Store, told: Told
) -> None:
    path = fetcher.fetch(wanted(site.url("/file")))
    assert path.read_bytes() == CONTENT
    assert path.name == SHA256
    assert blobs(store) == [SHA256]
    assert parts(store) == []
    assert (told.bars[0].total, told.bars[0].done, told.bars[0].unit) == (len(CONTENT), len(CONTENT), "B")


def test_file_of_the_store_is_not_fetched_again(fetcher: Fetcher, site: Site, told: Told) -> None:
    fetcher.fetch(wanted(site.url("/file")))
    fetcher.fetch(wanted(site.url("/file")))
    assert site.count("/file") == 1
    assert told.bars[1].done == len(CONTENT)


@pytest.mark.parametrize(
    "fault",
    [status(500), status(503, {"Retry-After": "0"}), truncated(1000), reset(70_000), stall(1000), drip()],
    ids=["500", "503", "truncated", "reset", "stalled", "dripping"],
)
def test_fault_of_the_moment_is_tried_again(fetcher: Fetcher, site: Site, fault: Act) -> None:
    site.next("/file", fault, fault)
    assert fetcher.fetch(wanted(site.url("/file"))).read_bytes() == CONTENT
    assert site.count("/file") == 3


def test_headers_that_never_end_are_given_up(fetcher: Fetcher, site: Site, second: Site) -> None:
    site.always("/file", drip_headers())
    began = time.monotonic()
    fetcher.fetch(wanted(site.url("/file"), second.url("/file")))
    assert time.monotonic() - began < 3


def test_interrupted_download_goes_on_where_it_stopped(fetcher: Fetcher, site: Site, told: Told) -> None:
    site.next("/file", truncated(2_000_000))
    assert fetcher.fetch(wanted(site.url("/file"))).read_bytes() == CONTENT
    again = site.asked[1].headers
    assert again["range"] == "bytes=2000000-"
    assert again["if-range"] == f'"{hashlib.sha256(CONTENT).hexdigest()[:16]}"'
    assert told.bars[0].done == len(CONTENT)


def test_resume_survives_the_process(store: Store, site: Site) -> None:
    site.next("/file", *[truncated(1_500_000)], status(404))
    with Fetcher(store, Told(), proxies=Proxies(), limits=QUICK) as first, pytest.raises(OutsideError):
        first.fetch(wanted(site.url("/file")))
    assert parts(store) == [f"resume-{SHA256}"]
    with Fetcher(store, Told(), proxies=Proxies(), limits=QUICK) as second:
        assert second.fetch(wanted(site.url("/file"))).read_bytes() == CONTENT
    assert site.asked[-1].headers["range"] == "bytes=1500000-"
    assert parts(store) == []


@pytest.mark.parametrize("shift", [-1000, 1000])
def test_wrong_content_range_is_not_believed(fetcher: Fetcher, site: Site, told: Told, shift: int) -> None:
    site.next("/file", truncated(1_000_000), wrong_range(shift))
    assert fetcher.fetch(wanted(site.url("/file"))).read_bytes() == CONTENT
    assert f"asked for bytes from 1000000 on, got Content-Range 'bytes {1_000_000 + shift}-" in told.text
    assert "range" not in site.asked[2].headers


def test_whole_answer_to_a_range_is_taken_as_the_whole(fetcher: Fetcher, site: Site, told: Told) -> None:
    site.next("/file", truncated(1_000_000), body(CONTENT))
    assert fetcher.fetch(wanted(site.url("/file"))).read_bytes() == CONTENT
    assert told.bars[0].done == len(CONTENT)


def test_resumed_lie_is_fetched_anew(fetcher: Fetcher, site: Site, second: Site, told: Told) -> None:
    """The first mirror's bytes are spoilt, and only the whole file's hash shows it."""
    (site.folder / "file").write_bytes(bytes(len(CONTENT)))
    site.next("/file", truncated(1_000_000), status(404))
    path = fetcher.fetch(wanted(site.url("/file"), second.url("/file")))
    assert path.read_bytes() == CONTENT
    assert "the resumed file has SHA-256" in told.text
    assert "range" in second.asked[0].headers
    assert "range" not in second.asked[1].headers


def test_wrong_hash_names_address_expected_and_got(fetcher: Fetcher, site: Site, store: Store) -> None:
    lie = bytes(len(CONTENT))
    (site.folder / "file").write_bytes(lie)
    with pytest.raises(OutsideError) as caught:
        fetcher.fetch(wanted(site.url("/file")))
    got = hashlib.sha256(lie).hexdigest()
    assert str(caught.value) == (
        f"file could not be fetched: {site.url('/file')}: wrong hash: expected SHA-256 {SHA256}, "
        f"got {got} ({len(lie)} bytes)"
    )
    assert site.count("/file") == 1
    assert blobs(store) == []


def test_next_mirror_is_asked_when_one_lies(fetcher: Fetcher, site: Site, second: Site, told: Told) -> None:
    site.always("/file", body(bytes(len(CONTENT))))
    assert fetcher.fetch(wanted(site.url("/file"), second.url("/file"))).read_bytes() == CONTENT
    assert f"{site.url('/file')}: wrong hash" in told.text
    assert "range" not in second.asked[0].headers, "the lie was resumed"
    assert told.bars[0].done == len(CONTENT)


def test_wrong_length_is_refused_before_the_bytes(fetcher: Fetcher, site: Site) -> None:
    with pytest.raises(OutsideError, match=r"has 3000000 bytes, the index says 17"):
        fetcher.fetch(wanted(site.url("/file"), size=17))


@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_endless_body_is_cut(store: Store, site: Site, size: int | None) -> None:
    site.always("/file", endless())
    limits = Limits(tries=1, largest_bytes=5_000_000)
    with (
        Fetcher(store, Told(), proxies=Proxies(), limits=limits) as fetcher,
        pytest.raises(OutsideError, match=r"sends more than the [35]000000 bytes"),
    ):
        fetcher.fetch(wanted(site.url("/file"), size=size))
    assert sum(path.stat().st_size for path in (store.root / "parts").iterdir()) == 0


def test_redirect_loop_ends(fetcher: Fetcher, site: Site) -> None:
    site.always("/file", redirect("/file"))
    with pytest.raises(OutsideError, match="TooManyRedirects"):
        fetcher.fetch(wanted(site.url("/file")))
    assert site.count("/file") == 6


def test_redirect_to_a_file_is_refused(fetcher: Fetcher, site: Site) -> None:
    site.always("/file", redirect("file:///etc/passwd"))
    with pytest.raises(OutsideError, match="UnsupportedProtocol"):
        fetcher.fetch(wanted(site.url("/file")))


def test_absent_everywhere_is_its_own_failure(fetcher: Fetcher, site: Site, second: Site) -> None:
    with pytest.raises(NotThere) as caught:
        fetcher.fetch(wanted(site.url("/no"), second.url("/no")))
    assert str(caught.value) == (
        "file: none of 2 mirrors gave it:\n"
        f"  {site.url('/no')}: status 404, the mirror does not have it\n"
        f"  {second.url('/no')}: status 404, the mirror does not have it"
    )
    assert (site.count("/no"), second.count("/no")) == (1, 1)


def test_all_files_that_are_gone_are_named(fetcher: Fetcher, site: Site) -> None:
    want = [Wanted(f"p{n}", (site.url(f"/p{n}"),), 1, f"{n:064x}") for n in range(12)]
    with pytest.raises(NotThere) as caught:
        fetcher.fetch_all([*want, wanted(site.url("/file"))])
    text = str(caught.value)
    assert all(f"p{n} could not be fetched" in text for n in range(10))
    assert text.endswith("and 2 more files")


def test_dead_mirror_is_asked_last_after_three_faults(fetcher: Fetcher, site: Site, second: Site) -> None:
    want = []
    for n in range(6):
        content = f"content {n}".encode()
        (second.folder / f"s{n}").write_bytes(content)
        site.always(f"/s{n}", status(500))
        urls = (site.url(f"/s{n}"), second.url(f"/s{n}"))
        want.append(Wanted(f"s{n}", urls, len(content), hashlib.sha256(content).hexdigest()))
    for one in want:
        fetcher.fetch(one)
    assert [site.count(f"/s{n}") for n in range(6)] == [1, 1, 1, 0, 0, 0]


def test_many_files_in_parallel(fetcher: Fetcher, site: Site, told: Told) -> None:
    want = []
    for n in range(50):
        content = random.Random(n).randbytes(20_000 + n)
        (site.folder / f"f{n}").write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        want.append(Wanted(f"f{n}", (site.url(f"/f{n}"),), len(content), digest))
    found = fetcher.fetch_all(want, "many")
    assert {want_one.hash for want_one in want} == set(found)
    assert told.bars[0].done == told.bars[0].total == sum(one.size or 0 for one in want)


def test_sha512_alone_suffices(fetcher: Fetcher, site: Site) -> None:
    digest = hashlib.sha512(CONTENT).hexdigest()
    site.next("/file", truncated(1_200_000))
    path = fetcher.fetch(Wanted("file", (site.url("/file"),), None, None, digest))
    assert path.name == SHA256
    with pytest.raises(OutsideError, match=f"expected SHA-512 {digest[:-1]}"):
        fetcher.fetch(Wanted("file", (site.url("/file"),), None, None, digest[:-1] + "z"))


def test_file_without_any_hash_is_not_wanted() -> None:
    with pytest.raises(ValueError, match="neither SHA-256 nor SHA-512"):
        Wanted("file", ("http://127.0.0.1/",), 1, None)


def test_mirror_on_a_disk(fetcher: Fetcher, site: Site, tmp_path: Path) -> None:
    mirror = tmp_path / "a mirror"
    mirror.mkdir()
    (mirror / "file").write_bytes(CONTENT)
    missing, there = (mirror / "no").as_uri(), (mirror / "file").as_uri()
    assert fetcher.fetch(wanted(missing, there)).read_bytes() == CONTENT
    assert fetcher.get_small([there], len(CONTENT)) == CONTENT
    with pytest.raises(OutsideError, match="not a regular file"):
        fetcher.get_small([mirror.as_uri()], 10)
    with pytest.raises(OutsideError, match="names another machine"):
        fetcher.get_small(["file://elsewhere/file"], 10)


def test_small_file_is_bounded(fetcher: Fetcher, site: Site) -> None:
    with pytest.raises(OutsideError, match="sends more than the 1000 bytes allowed"):
        fetcher.get_small([site.url("/file")], 1000)


def test_small_file_is_whole_or_asked_again(fetcher: Fetcher, site: Site) -> None:
    site.next("/file", truncated(10), status(502))
    assert fetcher.get_small([site.url("/file")], len(CONTENT)) == CONTENT
    assert site.asked[0].headers["cache-control"] == "max-age=0"


def test_unchanged_small_file_is_not_sent_again(fetcher: Fetcher, site: Site) -> None:
    first = fetcher.ask_small([site.url("/file")], len(CONTENT))
    assert first.content == CONTENT
    assert fetcher.ask_small([site.url("/file")], len(CONTENT), first.since).content is None
    other = fetcher.ask_small([site.url("/file")], len(CONTENT), Since(etag='"other"'))
    assert other.content == CONTENT


@pytest.mark.parametrize("url", ["http://[::1/x", "http://h:port/x", "", "nonsense", "http://", "ftp://h/x"])
def test_address_that_is_none(fetcher: Fetcher, site: Site, url: str) -> None:
    with pytest.raises(OutsideError, match="could not be fetched"):
        fetcher.fetch(wanted(url))
    assert fetcher.fetch(wanted(url, site.url("/file"))).read_bytes() == CONTENT


def test_no_mirror_at_all(fetcher: Fetcher) -> None:
    with pytest.raises(OutsideError, match="file: no mirror is known for it"):
        fetcher.fetch(wanted())


def test_interrupt_ends_stalled_downloads(site: Site, store: Store) -> None:
    """Ctrl-C reaches the main thread while the others wait for a mirror that is silent."""
    patient = Limits(silence_s=30, answer_s=30, tries=1)
    site.always("/file", stall(2_000_000))
    with Fetcher(store, Told(), proxies=Proxies(), limits=patient) as slow:
        timer = threading.Timer(0.7, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            slow.fetch(wanted(site.url("/file")))
        assert time.monotonic() - began < 3
    assert parts(store) == [f"resume-{SHA256}"], "what came is kept for the next run"
