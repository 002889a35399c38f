"""A build that is interrupted, killed, doubled or starved leaves a store that the next build can use."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bluejacket.store import State, Store
from smallbuild import Small, end, prepare, survivors

MIB = 1 << 20


@pytest.fixture(scope="module")
def small(distro: Path, tmp_path_factory, state: State, lock, release, tools) -> Small:
    return prepare(distro, tmp_path_factory.mktemp("small"), state, lock, release)


@pytest.fixture(scope="module")
def whole(small: Small, tmp_path_factory) -> tuple[str, float]:
    """The digest of a feed built in one go, and the seconds that it took."""
    root = small.fresh(tmp_path_factory.mktemp("whole"))
    started = time.monotonic()
    child = small.start(root)
    told, _ = child.communicate(timeout=600)
    assert child.returncode == 0, told
    return small.feed_digest(root), time.monotonic() - started


def finish(small: Small, root: Path) -> str:
    child = small.start(root)
    told, _ = child.communicate(timeout=600)
    assert child.returncode == 0, told
    return small.feed_digest(root)


PYTHON_STARTS_S = 0.2  # before, a signal meets Python, and not the program


def strike(small: Small, root: Path, how: signal.Signals, after: float) -> None:
    """Start a build, end it after some seconds, and look at what it left."""
    child = small.start(root)
    time.sleep(PYTHON_STARTS_S + after)
    told = end(child, how)
    if how is signal.SIGINT and child.returncode != 0:
        assert child.returncode == 130, told
        assert "Traceback" not in told
    assert survivors(root) == []
    assert list(Store(root / "store").damages()) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_few_signals_at_random_moments(
    small: Small, whole, tmp_path: Path, how, rotating_seed: int
) -> None:
    digest, seconds = whole
    root = small.fresh(tmp_path / "state")
    draw = random.Random(f"{rotating_seed} {how}")
    for _ in range(3):
        strike(small, root, how, draw.uniform(0, seconds))
    assert finish(small, root) == digest


@pytest.mark.long
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_many_signals_at_random_moments(small: Small, whole, long_run, how) -> None:
    """24 of each; an interrupted run of this test goes on with the ones that are left."""
    digest, seconds = whole
    for number in long_run.left(f"signals-{how.name}", 24):
        with long_run.folder(f"signal-{how.name}-{number}") as folder:
            root = small.fresh(folder / "state")
            strike(small, root, how, random.Random(f"{number} {how}").uniform(0, seconds))
            assert finish(small, root) == digest


def test_two_builds_at_once_make_the_same_feed(small: Small, whole, tmp_path: Path) -> None:
    root = small.fresh(tmp_path / "state")
    children = [small.start(root), small.start(root)]
    for child in children:
        told, _ = child.communicate(timeout=600)
        assert child.returncode == 0, told
    assert small.feed_digest(root) == whole[0]
    assert list(Store(root / "store").damages()) == []


def test_a_damaged_entry_is_found_and_made_again(small: Small, whole, tmp_path: Path) -> None:
    root = small.fresh(tmp_path / "state")
    assert finish(small, root) == whole[0]
    rpm = next((root / "store/steps").glob("*/*/tree/bash-*.rpm"))
    harmed = bytearray(rpm.read_bytes())
    harmed[len(harmed) // 2] ^= 0x40
    rpm.write_bytes(harmed)
    small.feed_link(root).unlink()
    assert finish(small, root) == whole[0]
    assert list(Store(root / "store").damages()) == []


@contextmanager
def small_disk(folder: Path, size_mib: int) -> Iterator[Path]:
    """Mount a file system of its own, which is soon full."""
    image, place = folder / "disk.img", folder / "disk"
    with image.open("wb") as out:
        out.truncate(size_mib * MIB)
    place.mkdir()
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_one_sentence_and_no_harm(small: Small, whole, tmp_path: Path) -> None:
    """The state lies on a disk that has room for the downloads, and little more."""
    room = sum(entry.package.size for entry in small.lock.packages) // MIB + 12
    with small_disk(tmp_path, room) as disk:
        root = small.fresh(disk / "state", copied=True)
        free = os.statvfs(disk)
        (disk / "ballast").write_bytes(bytes(max(free.f_bavail * free.f_frsize - 3 * MIB, 0)))
        child = small.start(root)
        told, _ = child.communicate(timeout=600)
        assert child.returncode == 1, told
        assert "is full" in told
        assert "Traceback" not in told
        assert survivors(root) == []
        shutil.copytree(root, tmp_path / "larger", symlinks=True)
    (tmp_path / "larger/keys").chmod(0o700)
    assert list(Store(tmp_path / "larger/store").damages()) == []
    assert finish(small, tmp_path / "larger") == whole[0]


def test_a_lock_whose_packages_are_gone_names_the_command(small: Small, tmp_path: Path) -> None:
    root = small.fresh(tmp_path / "state")
    victim = small.lock.packages[0].package
    (root / "store/blobs" / victim.sha256[:2] / victim.sha256).unlink()
    table = small.distro / "locks/4.json"
    kept = table.read_text()
    try:
        table.write_text(kept.replace(victim.location, victim.location.replace(".deb", ".gone.deb")))
        child = small.start(root)
        told, _ = child.communicate(timeout=600)
    finally:
        table.write_text(kept)
    assert child.returncode == 1, told
    assert "`bluejacket lock 4` renews" in told
    assert victim.name in told


def test_the_same_lock_gives_the_same_bytes_elsewhere(
    small: Small, whole, tmp_path: Path, monkeypatch
) -> None:
    """Another folder, another time zone and another umask."""
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    root = small.fresh(tmp_path / "a much longer name of a folder" / "state")
    child = small.start(root, umask=0o077)
    told, _ = child.communicate(timeout=600)
    assert child.returncode == 0, told
    assert small.feed_digest(root) == whole[0]
