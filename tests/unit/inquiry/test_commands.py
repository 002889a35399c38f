"""The commands that ask: what they print, and the status they end with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bluejacket.cli.entry import main
from bluejacket.feed.snapshot import Snapshot
from inquiries import CVE, Asked

Call = Callable[..., tuple[int, str, str]]
GOOD = Path(__file__).parents[1] / "definition" / "good"


@pytest.fixture
def call(asked: Asked, capsys: pytest.CaptureFixture[str]) -> Call:
    """Give what calls the program on the world: status, stdout, stderr."""

    def run(*words: str) -> tuple[int, str, str]:
        where = ["--distro", str(GOOD), "--state", str(asked.world.state.root)]
        status = main([*where, *words])
        told = capsys.readouterr()
        return status, told.out, told.err

    return run


def test_trace_tells_the_whole_way(call: Call, asked: Asked) -> None:
    status, out, _ = call("trace", CVE)
    assert status == 0
    for words in (
        "Advisories",
        "Packages",
        "Snapshots",
        "Images",
        "Checks",
        "vulnerable",
        "fixed",
        "harbour/1/small",
    ):
        assert words in out
    status, out, _ = call("trace", CVE, "--json", "--quick")
    answer = json.loads(out)
    assert (status, answer["kind"], answer["packages"][0]["standing"]) == (0, "cve", "vulnerable")
    assert {"what", "outcome", "because"} == set(answer["checks"][0])


def test_trace_ends_with_1_when_a_check_failed(call: Call, asked: Asked) -> None:
    repomd = asked.snapshots[0].folder / "repodata/repomd.xml"
    repomd.write_bytes(repomd.read_bytes() + b"\n")
    status, out, _ = call("trace", "tool")
    assert status == 1
    assert "failed" in out


def test_trace_of_nothing_is_a_mistake(call: Call) -> None:
    status, out, err = call("trace", "nothing-like-it")
    assert (status, out) == (2, "")
    assert "no snapshot and no image knows nothing-like-it" in err


def test_trace_needs_no_definitions(call: Call, asked: Asked, tmp_path: Path) -> None:
    status = main(["--distro", str(tmp_path), "--state", str(asked.world.state.root), "trace", "tool"])
    assert status == 0


def test_scan_ends_by_what_it_found(call: Call, asked: Asked) -> None:
    where = ("--release", "1")
    status, out, err = call("scan", "small", *where)
    assert status == 1
    assert "EXSA-2026:0001" in out
    assert "2 packages against 1 security advisories of snapshot 20261125.2: 1 findings" in err
    assert call("scan", "small", *where, "--fail-on", "critical")[0] == 0
    assert call("scan", "small", *where, "--fail-on", "critical", "--fail-on", "low")[0] == 1
    assert call("scan", "small", *where, "--snapshot", "20261101.1")[0] == 0
    assert call("scan", "small", *where, "--channel", "preview")[0] == 1


def test_scan_prints_json_and_sarif(call: Call) -> None:
    by_flag = call("scan", "small", "--release", "1", "--json")
    by_format = call("scan", "small", "--release", "1", "--format", "json")
    assert by_flag[:2] == by_format[:2]
    assert json.loads(by_flag[1])["findings"][0]["advisory"] == "EXSA-2026:0001"
    log = json.loads(call("scan", "small", "--release", "1", "--format", "sarif")[1])
    uri = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "images/harbour/1/small/packages.json"


def test_scan_takes_papers(call: Call, asked: Asked) -> None:
    assert call("scan", str(asked.image / "packages.json"), "--release", "1")[0] == 1
    status, out, _ = call("scan", str(asked.image / "sbom.spdx.json"), "--json")
    assert (status, json.loads(out)["release"]) == (1, "1")  # which the document names itself


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("small", "--snapshot", "20260101.1"), "has no snapshot 20260101.1"),
        (("small", "--channel", "beta"), "no channel beta of release 1 points at a snapshot"),
        (("small", "--channel", "stable", "--snapshot", "20261101.1"), "keep one of"),
        (("smell",), "release 1 has no image smell"),
        (("none/packages.json",), "none/packages.json: cannot be read"),
        (("small", "--fail-on", "bad"), "--fail-on"),
    ],
)
def test_scan_names_mistakes(call: Call, words: tuple[str, ...], said: str) -> None:
    status, out, err = call("scan", *words, "--release", "1")
    assert (status, out) == (2, "")
    assert said in err


def test_scan_needs_a_snapshot_and_an_image(call: Call, asked: Asked) -> None:
    state = asked.world.state
    state.image_link("harbour", "1", "small").unlink()
    assert "is not built yet" in call("scan", "small", "--release", "1")[2]
    for one in asked.snapshots:
        assert isinstance(one, Snapshot)
        state.snapshot_link("harbour", "1", one.id).unlink()
    assert "has no snapshot yet" in call("scan", str(asked.image / "packages.json"), "--release", "1")[2]
