"""DNF5 and rpm themselves accept a feed of ours, and miss nothing in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bluejacket.errors import ToolFailed
from bluejacket.feed.verify import dnf, prepare_dnf, verify_by_dnf
from bluejacket.tools import Sandbox
from feeds import FEED, SIGNER, THINGS, compose, make, small_feed


@pytest.mark.parametrize("compression", ["zstd", "gzip", "xz"])
def test_dnf_accepts_a_feed(sandbox: Sandbox, tmp_path: Path, compression: str) -> None:
    packages = [make(thing, tmp_path) for thing in THINGS]
    feed = compose(tmp_path, *packages, feed=FEED.model_copy(update={"compression": compression}))
    verify_by_dnf(sandbox, feed, SIGNER.certificate())


def test_repoclosure_names_what_is_missing(sandbox: Sandbox, tmp_path: Path) -> None:
    feed = compose(tmp_path, make(THINGS[0], tmp_path, requires=("(nothing or nobody)",)))
    with pytest.raises(ToolFailed, match="nothing or nobody"):
        verify_by_dnf(sandbox, feed, SIGNER.certificate())


def test_dnf_reads_relations_files_and_changes(sandbox: Sandbox, tmp_path: Path) -> None:
    feed = small_feed(tmp_path)
    (tmp_path / "work").mkdir()
    options = prepare_dnf(tmp_path / "work", feed, SIGNER.certificate())

    def query(*arguments: str) -> list[str]:
        line = dnf("-q", "repoquery", *arguments)
        return sandbox.output(line, name="repoquery", **options).splitlines()

    assert "second-1:2.0-1.noarch" in query("--whatrequires", "first")
    assert "first-0:1.0-1.noarch" in query("--file", "/usr/lib/first/data")
    assert any("Fix CVE-2026-12345" in line for line in query("--changelogs", "first"))
    assert "third-0:3-0.noarch" in query("--whatprovides", "third = 3-0")


def test_dnf_installs_from_a_feed(sandbox: Sandbox, tmp_path: Path) -> None:
    """With both checks on, and the requirement of the one drawing in the other."""
    feed = small_feed(tmp_path)
    work = tmp_path / "work"
    work.mkdir()
    options = prepare_dnf(work, feed, SIGNER.certificate())
    sandbox.run(dnf("install", "second"), name="dnf5-install", **options)
    assert (work / "root/usr/lib/second/data").read_bytes() == b"some text\n" * 100
    first, other = work / "root/usr/lib/first/a", work / "root/usr/share/first-b"
    assert first.samefile(other)
    assert first.read_bytes() == b"a" * 3000
