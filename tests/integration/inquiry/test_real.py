"""Questions about the real feed and the real image: their papers and records are read as they are made."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from bluejacket.definition import Release, Severity
from bluejacket.feed.advisory import Advisory, Fixed, Kind
from bluejacket.feed.built import Built, signer_of
from bluejacket.feed.snapshot import Snapshot
from bluejacket.feed.take import take_snapshot
from bluejacket.foundation.lock import Lock
from bluejacket.image import BuiltImage
from bluejacket.inquiry.answer import Answer, Check, Outcome, Standing
from bluejacket.inquiry.channels import pointers
from bluejacket.inquiry.checks import Inspector
from bluejacket.inquiry.index import open_index
from bluejacket.inquiry.inventory import read_inventory
from bluejacket.inquiry.lookup import Lookup
from bluejacket.inquiry.s2c2f.ground import Ground
from bluejacket.inquiry.s2c2f.measure import Met, measure
from bluejacket.inquiry.scan import Remedy, scan
from bluejacket.inquiry.trace import trace
from bluejacket.store import State
from bluejacket.store.files import replace_link


@pytest.fixture(scope="module")
def own(
    tmp_path_factory: pytest.TempPathFactory, state: State, release: Release, feed: Built, image: BuiltImage
) -> State:
    """A state folder with the store and keys of all others, and links of its own."""
    found = State(tmp_path_factory.mktemp("state"))
    for folder in (state.store.root, state.keys):
        (found.root / folder.name).symlink_to(folder)
    replace_link(found.feed_link(release.distribution.id, release.version), feed.folder)
    replace_link(found.image_link(release.distribution.id, release.version, "vm"), image.folder)
    return found


@pytest.fixture(scope="module")
def snapshot(own: State, release: Release, lock: Lock, feed: Built) -> Snapshot:
    return take_snapshot(own, release, lock, feed, signer_of(own, release), int(time.time())).snapshot


def ask(
    own: State, release: Release, subject: str, *, packages: bool = False
) -> tuple[Answer, dict[str, Check]]:
    with open_index(own) as database:
        answer = trace(Lookup(database, pointers(own)), subject, packages=packages)
    inspector = Inspector(own, {(release.distribution.id, release.version): release})
    return answer, {check.what: check for check in inspector.checks(answer)}


def test_an_image_is_traced_to_upstream_with_all_signatures(
    own: State, release: Release, snapshot: Snapshot, image: BuiltImage
) -> None:
    answer, checks = ask(own, release, "vm", packages=True)
    assert [one.id for one in answer.snapshots] == [snapshot.id]
    assert len(answer.packages) == image.packages
    assert all(one.snapshots == (answer.snapshots[0].where,) for one in answer.packages)
    assert sum(one.upstream is not None for one in answer.packages) > image.packages / 2
    wrong = [check for check in checks.values() if check.outcome is not Outcome.OK]
    # the lists of packages, and packages that no build fetched again, may have been let go
    assert all(check.outcome is Outcome.NOT_POSSIBLE and "index" in check.what for check in wrong), wrong
    assert len(checks) > 8


def test_an_upstream_file_and_a_disk_are_found_by_their_hashes(
    own: State, release: Release, snapshot: Snapshot, image: BuiltImage
) -> None:
    one = next(package for package in snapshot.packages if package.name == "bash")
    assert one.upstream is not None
    answer, _ = ask(own, release, one.upstream.sha256)
    assert [package.nevra for package in answer.packages] == [one.nevra]
    sums = (image.folder / "SHA256SUMS").read_text().split()
    answer, _ = ask(own, release, sums[sums.index("disk.raw") - 1])
    assert [found.name for found in answer.images] == ["vm"]
    assert answer.images[0].standing is Standing.UNKNOWN


@pytest.mark.parametrize("paper", ["packages.json", "sbom.spdx.json"])
def test_a_scan_reads_the_image_s_papers(paper: str, snapshot: Snapshot, image: BuiltImage) -> None:
    inventory = read_inventory(image.folder / paper)
    assert len(inventory.packages) == image.packages
    one = next(package for package in snapshot.packages if package.name == "bash")
    fixed = Fixed("bash", one.epoch, "999", "1", one.arch, one.source, "999-1", "bash-999-1.rpm", "00" * 32)
    told = Advisory(
        "XXSA-2026:0001", Kind.SECURITY, Severity.UNKNOWN, "", "", 0, 0, ("CVE-2026-1111",), (fixed,)
    )
    found = scan(inventory, snapshot, [told], lambda _: Remedy())
    assert [finding.package for finding in found.findings] == [one.nevra]
    # an inventory is of what is in the snapshot, version by version
    nevras = {package.nevra for package in snapshot.packages}
    assert {package.nevra for package in inventory.packages} <= nevras


def test_the_distribution_is_measured(own: State, release: Release, snapshot: Snapshot) -> None:
    found = {one.id: one for one in measure(Ground(own, release, datetime.now(UTC).date())).requirements}
    for requirement in ("ING-1", "ING-2", "SCA-2", "INV-1", "AUD-1", "AUD-2", "AUD-3", "REB-2", "REB-4"):
        assert found[requirement].state is Met.MET, found[requirement]
    assert snapshot.id in " ".join(found["AUD-3"].evidence)
    assert found["ENF-2"].state is Met.NOT_MET  # no channel points anywhere here
