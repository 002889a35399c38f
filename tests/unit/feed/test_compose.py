"""A feed is the same for the same packages, and what is wrong with one is found and told."""

from __future__ import annotations

import gzip
import lzma
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from bluejacket.errors import OutsideError, Place
from bluejacket.feed.shard import Shard, newest, shard_of
from bluejacket.feed.shards import sharded
from bluejacket.feed.verify import verify_feed
from bluejacket.foundation.openpgp import Keyring, verify_detached
from bluejacket.package.describe import createrepo, description_of, write_description
from bluejacket.package.made import Made
from bluejacket.store import Store
from debs import BUILT
from feeds import FEED, SIGNER, STRANGER, THINGS, compose, compose_feed, key_of, make, small_feed


def content(folder: Path) -> dict[str, tuple[int, bytes]]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): (p.stat().st_mode, p.read_bytes()) for p in files}


def test_the_same_packages_give_the_same_bytes(tmp_path: Path) -> None:
    first = small_feed(tmp_path / "a")
    before = os.umask(0o077)
    try:
        second = small_feed(tmp_path / "elsewhere" / "b")
    finally:
        os.umask(before)
    assert content(first) == content(second)
    assert len(content(first)) == len(THINGS) + 6


@pytest.mark.parametrize("compression", ["zstd", "gzip", "xz"])
def test_a_feed_is_whole_and_signed(tmp_path: Path, compression: str) -> None:
    packages = [make(thing, tmp_path) for thing in THINGS]
    feed = compose(tmp_path, *packages, feed=FEED.model_copy(update={"compression": compression}))
    verdict = verify_feed(feed, SIGNER.certificate())
    assert (verdict.packages, verdict.faults) == (3, ())
    data = (feed / "repodata/repomd.xml").read_bytes()
    keyring = Keyring.parse(SIGNER.certificate().encode(), "test")
    seen = verify_detached(data, (feed / "repodata/repomd.xml.asc").read_bytes(), keyring)
    assert seen.fingerprints == (SIGNER.fingerprint,)


@pytest.mark.parametrize("compression", ["zstd", "gzip", "xz"])
def test_the_size_of_what_is_unpacked_is_told(tmp_path: Path, compression: str) -> None:
    packages = [make(thing, tmp_path) for thing in THINGS]
    feed = compose(tmp_path, *packages, feed=FEED.model_copy(update={"compression": compression}))
    records = createrepo().Repomd(str(feed / "repodata/repomd.xml")).records
    sizes = {record.location_href: record.size_open for record in records}
    plain = {name: opened(feed / name) for name in sizes}
    assert sizes == {name: len(text) for name, text in plain.items()}
    assert [text.count(b"<package ") for text in plain.values()] == [3, 3, 3]


def opened(file: Path) -> bytes:
    match file.suffix:
        case ".zst":
            with zstandard.ZstdDecompressor().stream_reader(
                file.read_bytes(), read_across_frames=True
            ) as stream:
                return stream.read()
        case ".gz":
            return gzip.decompress(file.read_bytes())
        case _:
            return lzma.decompress(file.read_bytes())


def test_createrepo_reads_what_was_joined(tmp_path: Path) -> None:
    feed = small_feed(tmp_path)
    metadata = {
        record.type: str(feed / record.location_href)
        for record in createrepo().Repomd(str(feed / "repodata/repomd.xml")).records
    }
    read = createrepo().PackageIterator(
        primary_path=metadata["primary"],
        filelists_path=metadata["filelists"],
        other_path=metadata["other"],
    )
    found = {package.name: package for package in read}
    assert sorted(found) == ["first", "second", "third"]
    first = found["first"]
    assert first.location_href == "packages/f/first-1.0-1.noarch.rpm"
    assert ("", "/usr/lib/first/", "data") in {(f[0] or "", f[1], f[2]) for f in first.files}
    assert [change[0] for change in first.changelogs] == ["A Person <a@example.org> - 2:1.2-3"]
    assert {entry[0] for entry in found["second"].requires} == {"first"}


def test_the_newest_changes_are_the_last() -> None:
    change = '  <changelog author="{0}" date="{0}">text {0}</changelog>\n'
    whole = "<package>\n" + "".join(change.format(n) for n in range(5)) + "</package>\n"
    assert newest(whole, 2) == "<package>\n" + change.format(3) + change.format(4) + "</package>\n"
    assert newest(whole, 5) == newest(whole, 9) == whole
    assert newest(whole, 0) == "<package>\n</package>\n"


def test_packages_are_hard_links(tmp_path: Path) -> None:
    made = make(THINGS[0], tmp_path)
    feed = compose(tmp_path, made)
    assert (feed / "packages/f" / made.rpm.name).samefile(made.rpm)


def test_two_packages_of_one_name_are_refused(tmp_path: Path) -> None:
    made = make(THINGS[0], tmp_path)
    with pytest.raises(OutsideError, match=r"two packages of the feed are called first-1\.0-1\.noarch\.rpm"):
        compose(tmp_path, made, Made(made.path, "first", "another key"))


def test_a_package_without_a_description_is_described_the_same(tmp_path: Path) -> None:
    from bluejacket.package.describe import read_description

    rpm = make(THINGS[0], tmp_path).rpm
    kept = read_description(rpm)
    assert "first" in kept["primary"]
    description_of(rpm).unlink()
    assert read_description(rpm) == kept


def test_a_file_that_is_no_package_is_not_described(tmp_path: Path) -> None:
    rpm = tmp_path / "x.rpm"
    rpm.write_bytes(b"rubbish")
    with pytest.raises(OutsideError, match="createrepo_c cannot read it"):
        write_description(rpm)
    assert not description_of(rpm).exists()


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.unlink()  # a hard link: the store's own copy stays as it is
    file.write_bytes(data)


def one(feed: Path, pattern: str) -> Path:
    return next(feed.glob(pattern))


def swap(feed: Path) -> None:
    first, second = one(feed, "packages/f/*"), one(feed, "packages/s/*")
    data = first.read_bytes()
    first.unlink()
    first.write_bytes(second.read_bytes())
    second.unlink()
    second.write_bytes(data)


@pytest.mark.parametrize(
    ("harm", "what"),
    [
        (lambda f: flip(one(f, "packages/f/*")), "is not the package that the metadata describe"),
        (lambda f: swap(f), "is not the package that the metadata describe"),
        (lambda f: one(f, "packages/t/*").unlink(), "third-3-0.noarch.rpm is missing"),
        (lambda f: (f / "packages/extra.rpm").write_bytes(b""), "packages/extra.rpm is not part of the feed"),
        (lambda f: flip(one(f, "repodata/*-other.xml.zst")), "is not the file that repomd.xml describes"),
        (lambda f: one(f, "repodata/*-filelists.xml.zst").unlink(), "is missing"),
        (lambda f: flip(f / "repodata/repomd.xml"), "no good signature"),
        (lambda f: flip(f / "repodata/repomd.xml.asc"), "no "),
        (lambda f: (f / "repodata/repomd.xml.asc").unlink(), "repomd.xml.asc"),
        (
            lambda f: (f / "repodata/repomd.xml.key").write_text(STRANGER.certificate()),
            "is not the key that signs",
        ),
    ],
)
def test_harm_is_found(tmp_path: Path, harm: Callable[[Path], object], what: str) -> None:
    feed = tmp_path / "feed"
    shutil.copytree(small_feed(tmp_path), feed)
    harm(feed)
    faults = verify_feed(feed, SIGNER.certificate()).faults
    assert faults
    assert what in "\n".join(faults)


def test_a_feed_of_another_key_is_refused(tmp_path: Path) -> None:
    verdict = verify_feed(small_feed(tmp_path), STRANGER.certificate())
    assert "not in the keyring" in verdict.faults[0]
    with pytest.raises(OutsideError, match="not in the keyring"):
        verdict.raise_faults()


def test_a_package_of_another_key_is_found(tmp_path: Path) -> None:
    feed = compose(tmp_path, make(THINGS[0], tmp_path, STRANGER))
    (fault,) = verify_feed(feed, SIGNER.certificate()).faults
    assert fault.startswith("packages/f/first-1.0-1.noarch.rpm has no good signature")


def made(number: int, version: int = 1) -> Made:
    return Made(f"/thing{number:04}-{version}-1.noarch.rpm", f"thing{number:04}", f"{number} {version}")


def shards(packages: list[Made]) -> list[tuple[str, ...]]:
    return [tuple(one.key for one in group) for group in sharded(packages)]


def test_a_new_version_moves_no_shard_but_its_own() -> None:
    before = shards([made(n) for n in range(2000)])
    after = shards([made(n, 2 if n == 1234 else 1) for n in reversed(range(2000))])
    assert len(after) == len(before)
    assert len(set(after) - set(before)) == 1
    assert all(48 <= len(shard) < 160 for shard in before[:-1])
    assert [key for shard in before for key in shard] == [made(n).key for n in range(2000)]


def test_a_package_that_comes_or_goes_moves_few_shards() -> None:
    before = shards([made(n) for n in range(2000)])
    for gone in range(0, 2000, 37):
        after = shards([made(n) for n in range(2000) if n != gone])
        assert 1 <= len(set(after) - set(before)) <= 12, gone
    assert list(sharded([])) == []


def test_a_damaged_shard_is_made_again(tmp_path: Path) -> None:
    first = content(small_feed(tmp_path / "a"))
    store = tmp_path / "a" / "store" / "steps"
    (kept,) = store.glob("*/*/tree/shard")
    data = kept.read_bytes()
    kept.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    for feed in store.glob("*/*/tree/repodata"):
        shutil.rmtree(feed.parents[1])
    packages = [Made(str(rpm), rpm.parent.name, key_of(rpm)) for rpm in tmp_path.rglob("rpms/*/*.rpm")]
    again = compose_feed(Store(tmp_path / "a" / "store"), FEED, packages, SIGNER, BUILT)
    assert content(again) == first
    assert kept.read_bytes() == data


def test_packages_described_in_forked_processes_give_the_same_feed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here: list[Path] = []

    def noted(group: list[Made], *rest: Any) -> Shard:
        here.extend(one.rpm for one in group)
        description_of(group[0].rpm).unlink()  # seen by whoever asks, as nothing else of a fork is
        return shard_of(group, *rest)

    monkeypatch.setattr("bluejacket.feed.shards.shard_of", noted)
    packages = [make(thing, tmp_path) for thing in THINGS]
    alone = compose(tmp_path / "alone", *packages)
    assert here == sorted(one.rpm for one in packages)
    write_description(packages[0].rpm)
    here.clear()
    monkeypatch.setattr("bluejacket.feed.shards._WORTH_FORKING", 1)
    forked = compose(tmp_path / "forked", *packages)
    assert content(forked) == content(alone)
    assert here == []
    assert not description_of(packages[0].rpm).exists()


def test_a_forked_process_tells_which_package_it_cannot_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bluejacket.feed.shards._WORTH_FORKING", 1)
    rpm = tmp_path / "x-1-1.noarch.rpm"
    rpm.write_bytes(b"rubbish")
    with pytest.raises(OutsideError, match="createrepo_c cannot read it") as caught:
        compose(tmp_path, Made(str(rpm), "x", "key of x"))
    assert caught.value.faults[0].place == Place(rpm)
    assert not list((tmp_path / "store").glob("steps/*/*"))
