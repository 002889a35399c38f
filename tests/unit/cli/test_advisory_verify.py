"""`bluejacket advisory verify` on a snapshot, as a person runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from advisories import lay
from bluejacket.cli.entry import main
from bluejacket.definition import load
from bluejacket.feed.built import signer_of
from bluejacket.feed.snapshot import RECORD, Snapshot
from bluejacket.store import State
from bluejacket.store.files import replace_link


@pytest.fixture
def state(tmp_path: Path, distro: Path) -> State:
    """A state folder with one snapshot, as `feed snapshot` would have left it."""
    kept = State(tmp_path / "state")
    release = load(distro).release("4")
    folder = lay(tmp_path, release, signer_of(kept, release)).folder
    record = Snapshot(
        folder=folder, distribution="bluejacket", release="4", id="20261125.1", created=1_795_000_000,
        parent="", feed_key="key", content="content", repomd_sha256="12" * 32, repomd_size=9, packages=(),
    )  # fmt: skip
    (folder / RECORD).write_text(record.as_text(), "utf-8")
    replace_link(kept.snapshot_link("bluejacket", "4", record.id), folder)
    return kept


def run(state: State, distro: Path, *words: str) -> int:
    return main(["--state", str(state.root), "--distro", str(distro), *words])


def test_all_agree(state: State, distro: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(state, distro, "advisory", "verify", "4") == 0
    assert capfd.readouterr() == (
        "",
        "snapshot 20261125.1, no image was booted on it: 0 disagreements\n",
    )


def test_a_disagreement_is_named(state: State, distro: Path, capfd: pytest.CaptureFixture[str]) -> None:
    page = state.snapshot_link("bluejacket", "4", "20261125.1") / "advisories/bjsa-2026_0001.html"
    page.write_text(page.read_text("utf-8").replace('"severity">high', '"severity">low'), "utf-8")
    assert run(state, distro, "advisory", "verify", "4", "--snapshot", "20261125.1") == 1
    told = 'advisories/bjsa-2026_0001.html: BJSA-2026:0001: severity: "low"; advisories.json: "high"\n'
    assert capfd.readouterr().out == told
    assert run(state, distro, "--json", "advisory", "verify", "4") == 1
    assert json.loads(capfd.readouterr().out) == {
        "snapshot": "20261125.1",
        "images": [],
        "disagreements": [
            {
                "file": "advisories/bjsa-2026_0001.html",
                "id": "BJSA-2026:0001",
                "field": "severity",
                "here": '"low"',
                "there": '"high"',
                "other": "advisories.json",
            }
        ],
    }


def test_no_such_snapshot(state: State, distro: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(state, distro, "advisory", "verify", "4", "--snapshot", "20261125.2") == 2
    assert "release 4 has no snapshot 20261125.2" in capfd.readouterr().err
    assert run(State(state.root / "empty"), distro, "advisory", "verify", "4") == 2
    assert "release 4 has no snapshot yet" in capfd.readouterr().err
