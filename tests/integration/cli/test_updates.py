"""Release 3 on the real archive: made without its security suite, told what it lacks, given one fix of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TOP = Path(__file__).parents[3]
LIMIT_S = 900


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The definitions, with release 3 locked from trixie alone."""
    copy = tmp_path_factory.mktemp("updates") / "distro"
    shutil.copytree(TOP / "distro", copy, ignore=shutil.ignore_patterns("locks"))
    told = data(copy, "lock", "3", "--leave-out", "trixie-security")
    assert told["left_out"] == ["trixie-security"]
    assert any("locked without trixie-security" in text for text in told["tolerated"])
    return copy


def call(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bluejacket", "--distro", str(folder), "--json", *words]
    return subprocess.run(command, text=True, capture_output=True, timeout=LIMIT_S, check=False)


def data(folder: Path, *words: str) -> Any:
    done = call(folder, *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def newer(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data(folder, "upstream", "3")
    fixes = [one for one in found if one["reason"] == "security"]
    if not fixes:
        pytest.skip("trixie-security has nothing for release 3 that trixie lacks today")
    return fixes


def test_every_package_has_its_source(folder: Path) -> None:
    sources = data(folder, "feed", "sources", "3")["sources"]
    assert len(sources) > 200
    assert not [one["source"] for one in sources if one["missing"] and one["use"] != "static-built-using"]
    kernel = next(one for one in sources if one["source"] == "linux")
    assert any(file["location"].endswith(".dsc") for file in kernel["files"])
    assert any(name.startswith("linux-image") for name in kernel["of"]), "the signed image is built of it"


def test_fixes_come_from_the_security_suite_and_name_their_cves(newer: list[dict[str, Any]]) -> None:
    for one in newer:
        assert one["cves"], one["source"]
        assert one["summary"], one["source"]
    assert any(one["suites"] == ["trixie-security"] and one["security"] for one in newer)


def test_one_fix_is_taken_and_the_rest_stays(folder: Path, newer: list[dict[str, Any]]) -> None:
    chosen = next((one for one in newer if not one["held"]), None)
    if chosen is None:
        pytest.skip("only what is held has fixes today")
    told = data(folder, "lock", "3", "--only", chosen["source"])
    assert {row["package"] for row in told["changes"]} >= set(chosen["packages"])
    assert all(row["why"] for row in told["changes"])
    assert told["left_out"] == ["trixie-security"], "the rest is still without it"
    status = json.loads(call(folder, "release", "status", "3", "--offline").stdout)
    assert chosen["source"] not in {fix["source"] for fix in status["fixes"]}


def test_what_is_held_waits_to_be_let_go(folder: Path, newer: list[dict[str, Any]]) -> None:
    held = next((one["source"] for one in newer if one["held"]), "linux")
    done = call(folder, "lock", "3", "--only", held)
    assert done.returncode == 2
    assert f"--release-hold {held} lets it move" in done.stderr
    assert data(folder, "lock", "3", "--only", held, "--release-hold", held, "--dry-run")["release"] == "3"
