"""The commands as a person gives them, on the state folder that `./run` uses."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bluejacket.foundation.lock import Lock
from bluejacket.store import State

TOP = Path(__file__).parents[3]
LIMIT_S = 1500


def call(*words: str, limit_s: float = LIMIT_S) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bluejacket", "--distro", str(TOP / "distro"), *words]
    return subprocess.run(command, text=True, capture_output=True, timeout=limit_s, check=False)


def data(*words: str) -> Any:
    """Run a command with --json that has to succeed; gives what it prints."""
    done = call("--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def built(lock: Lock) -> dict[str, Any]:
    """The feed of release 4, as `build` tells of it."""
    found: dict[str, Any] = data("build", lock.release)
    return found


def test_why_tells_the_whole_way(lock: Lock) -> None:
    ways = data("why", "libc6", "--release", lock.release)
    assert len(ways) > 50
    for way in ways:
        assert way[0]["by"] == ""
        assert all(cause["by"] for cause in way[1:])
    done = call("why", "dnf5", "--release", lock.release)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "the release -> dnf5")


def test_why_knows_the_tools(lock: Lock) -> None:
    assert data("why", "qemu-system-x86", "--release", lock.release, "--tools")
    done = call("why", "qemu-system-x68", "--release", lock.release, "--tools")
    assert done.returncode == 2
    assert done.stderr == (
        "bluejacket: qemu-system-x68 is not in the tools tree of release 4 "
        '(the nearest known one is "qemu-system-x86")\n'
    )


def test_a_second_build_gives_the_same_feed(built: dict[str, Any], lock: Lock) -> None:
    again = data("build", lock.release)
    assert again == built
    assert built["packages"] > 200
    assert Path(built["folder"], "repodata", "repomd.xml.asc").is_file()


def test_verify_finds_nothing_in_a_good_feed(built: dict[str, Any], lock: Lock) -> None:
    verdict = data("feed", "verify", lock.release, "--no-dnf")
    assert verdict["faults"] == []
    assert verdict["packages"] == built["packages"]


def test_verify_names_a_changed_package(
    built: dict[str, Any], lock: Lock, state: State, tmp_path: Path
) -> None:
    feed = tmp_path / "feeds" / "bluejacket" / lock.release
    shutil.copytree(built["folder"], feed)
    shutil.copytree(state.keys, tmp_path / "keys")
    package = next(feed.glob("packages/*/bash-[0-9]*.rpm"))
    content = bytearray(package.read_bytes())
    content[-100] ^= 1
    package.unlink()
    package.write_bytes(content)
    done = call("--state", str(tmp_path), "feed", "verify", lock.release, "--no-dnf")
    assert done.returncode == 1
    name = package.relative_to(feed)
    assert done.stdout == f"{name} is not the package that the metadata describe\n"


def test_a_script_without_a_review_comes_with_the_review_to_write(lock: Lock, tmp_path: Path) -> None:
    """Reviews are taken away from a copy of the definitions; the lock does not ask for them."""
    distro = tmp_path / "distro"
    shutil.copytree(TOP / "distro", distro)
    shutil.rmtree(distro / "reviews")
    words = ["--json", "feed", "scripts", "tzdata", "--release", lock.release]
    command = [sys.executable, "-m", "bluejacket", "--distro", str(distro), *words]
    done = subprocess.run(command, text=True, capture_output=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    assert (found["package"], found["note"]["name"], found["changed"]) == ("tzdata", "postinst", False)
    (distro / "reviews").mkdir()
    verdict = found["review"].replace('verdict = ""', 'verdict = "the overlay links UTC"')
    (distro / "reviews" / "tzdata.toml").write_text(verdict)
    again = subprocess.run(command, text=True, capture_output=True, timeout=LIMIT_S, check=False)
    assert again.returncode == 2
    assert "no script of tzdata waits for a review" in again.stderr


def test_gc_tells_what_would_go_and_keeps_what_is_locked(
    lock: Lock, state: State, built: dict[str, Any]
) -> None:
    told = data("store", "gc", "--dry-run")
    assert {"entries", "freed", "logs"} <= told.keys()
    assert Path(built["folder"]).is_dir()
    assert all(state.store.has_blob(entry.package.sha256) for entry in lock.packages)


@pytest.mark.boot
def test_a_machine_is_booted_kept_asked_and_stopped(lock: Lock) -> None:
    name = f"cli-{os.getpid()}"
    done = call("--json", "boot", "vm", "--keep", "--machine", name, "--limit", str(LIMIT_S))
    try:
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert told["reasons"] == []
        assert told["health"]["state"] == "running"
        assert name in {row["name"] for row in data("ps")}
        asked = call("ssh", "--machine", name, "--", "cat", "/etc/os-release")
        assert 'NAME="Bluejacket Linux"' in asked.stdout
        assert call("ssh", "--machine", name, "--", "exit", "7").returncode == 7
        images = {(row["image"], row["release"]) for row in data("image", "list")}
        assert ("vm", lock.release) in images
        files = {row["file"]: row for row in data("image", "show", "vm", "--release", lock.release)}
        assert {"disk.raw", "disk.qcow2", "disk.vhd", "sbom.spdx.json"} <= files.keys()
        assert len(files["disk.raw"]["sha256"]) == 64
    finally:
        stopped = call("stop", name)
    assert stopped.returncode == 0, stopped.stderr
    assert name not in {row["name"] for row in data("ps")}
