"""The commands as a person gives them, on the state folder that `./run` uses."""

from __future__ import annotations

import json
import os
import re
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


def shell(line: str) -> subprocess.CompletedProcess[str]:
    """Run a line as a person would who copied it."""
    return subprocess.run(
        ["sh", "-c", line], text=True, capture_output=True, timeout=LIMIT_S, check=False, cwd="/"
    )


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
    *warnings, told = done.stderr.splitlines()
    assert told == (
        "bluejacket: qemu-system-x68 is not in the tools tree of release 4 "
        '(the nearest known one is "qemu-system-x86")'
    )
    assert all(line.startswith("warning: ") for line in warnings)  # what was tolerated of the index


def test_a_second_build_gives_the_same_feed(built: dict[str, Any], lock: Lock) -> None:
    again = data("build", lock.release)
    assert again == built
    assert built["packages"] > 200
    assert Path(built["folder"], "repodata", "repomd.xml.asc").is_file()


def test_verify_finds_nothing_in_a_good_feed(built: dict[str, Any], lock: Lock) -> None:
    """By ourselves, then by rpm, DNF5 with both checks on, and repoclosure."""
    done = call("--json", "-v", "feed", "verify", lock.release)
    assert done.returncode == 0, done.stderr
    verdict = json.loads(done.stdout)
    assert verdict["faults"] == []
    assert verdict["packages"] == built["packages"]
    commands = [line for line in done.stderr.splitlines() if line.startswith("  $ ")]
    for words in ("rpmkeys --dbpath", " makecache --refresh", " repoclosure"):
        assert any(words in line for line in commands), words


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


def test_a_build_tells_of_a_script_without_a_review_and_how_to_write_one(
    built: dict[str, Any], lock: Lock, tmp_path: Path
) -> None:
    """One review is taken away from a copy of the definitions; the feed is the same."""
    distro = tmp_path / "distro"
    shutil.copytree(TOP / "distro", distro)
    (distro / "reviews" / "tzdata.toml").unlink()
    command = [sys.executable, "-m", "bluejacket", "--distro", str(distro), "build", lock.release]
    done = subprocess.run(command, text=True, capture_output=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr
    (told,) = (line for line in done.stderr.splitlines() if "wait for a review" in line)
    assert told.startswith("warning: maintainer scripts wait for a review, none of them ran: ")
    waiting = len(built["unreviewed"]) + 1
    assert "tzdata" in told or waiting > 3, "only the first are named"
    assert f"(`bluejacket --distro {distro} feed scripts PACKAGE --release {lock.release}` shows" in told
    assert re.search(rf"scripts without review +{waiting}\b", done.stdout)


def test_gc_tells_what_would_go_and_keeps_what_is_locked(
    lock: Lock, state: State, built: dict[str, Any]
) -> None:
    told = data("store", "gc", "--dry-run")
    assert {"entries", "freed", "logs"} <= told.keys()
    assert Path(built["folder"]).is_dir()
    assert all(state.store.has_blob(entry.package.sha256) for entry in lock.packages)


@pytest.mark.boot
def test_a_machine_is_booted_kept_asked_and_stopped(lock: Lock, state: State, tmp_path: Path) -> None:
    """As a person sees it: the table, then the commands below it, run as they are printed.

    That it came up opens the gate of a channel, and the image agrees with the snapshot.
    """
    name = f"cli-{os.getpid()}"
    program = [str(Path(sys.executable).with_name("bluejacket")), "--distro", str(TOP / "distro")]
    words = ["boot", "vm", "--keep", "--machine", name, "--limit", str(LIMIT_S)]
    done = subprocess.run(
        [*program, *words], text=True, capture_output=True, timeout=2 * LIMIT_S, check=False
    )
    try:
        assert done.returncode == 0, done.stderr
        rows = (f"machine +{name}", "state +running", "failed units +none", "SELinux +Enforcing, 0 denials")
        for row in (*rows, "until ssh +[0-9.]+ s", "packages +[1-9][0-9]*"):
            assert re.search(f"^ *{row} *$", done.stdout, re.MULTILINE), (row, done.stdout)
        into, end, verify = (line.strip() for line in done.stderr.partition("Next:\n")[2].splitlines())
        assert verify.endswith(f"feed verify {lock.release}")
        assert name in {row["name"] for row in data("ps")}
        asked = shell(f"{into} cat /etc/os-release")
        assert 'NAME="Bluejacket Linux"' in asked.stdout
        assert shell(f"{into} -- exit 7").returncode == 7
        images = {(row["image"], row["release"]) for row in data("image", "list")}
        assert ("vm", lock.release) in images
        files = {row["file"]: row for row in data("image", "show", "vm", "--release", lock.release)}
        assert {"disk.raw", "disk.qcow2", "disk.vhd", "sbom.spdx.json"} <= files.keys()
        assert len(files["disk.raw"]["sha256"]) == 64
        stopped = shell(end)
        assert stopped.returncode == 0, stopped.stderr
        assert name not in {row["name"] for row in data("ps")}
    finally:
        call("stop", name)
    promoted(lock.release, state, tmp_path)


def promoted(release: str, state: State, top: Path) -> None:
    """Take a snapshot and let a channel point at it, in a state folder that shares all but these."""
    for name in ("store", "keys", "indexes", "feeds", "images", "records", "logs"):
        (top / name).symlink_to(state.root / name)
    own = ("--state", str(top))
    taken = data(*own, "feed", "snapshot", release)
    assert taken["fresh"]
    told = data(*own, "feed", "promote", "preview", "--release", release)
    assert told["channel"]["snapshot"] == taken["snapshot"]
    gates = {gate["name"]: gate["passed"] for gate in told["gates"]}
    assert gates == dict.fromkeys(
        ("signatures", "closure", "versions", "advisories", "boot of vm", "support"), True
    )
    verified = data(*own, "advisory", "verify", release)
    assert verified == {"snapshot": taken["snapshot"], "images": ["vm"], "disagreements": []}
    listed = data(*own, "feed", "list", release)
    assert listed["snapshots"][0]["channels"] == ["preview"]
