"""Release 3 patches itself: made of `trixie` alone, it meets the security fixes of `trixie-security`.

The advisories are those that the archive's changelogs tell. A kernel is among what they fix, so that the
machine starts again, comes up on the new one, and finds its way back. One boot serves all; the tests build on
one another.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bluejacket.image import Workbench, build_image
from bluejacket.machine import Boot, Machines, expected_of
from bluejacket.package.own import Workshop
from bluejacket.store import State
from bluejacket.tools import Sandbox
from guests import LIMIT_S, Guest
from patching import BUGFIX, POLICY, Apart, Definitions, Patient, Site

pytestmark = [pytest.mark.boot, pytest.mark.long]

DAY = 86400
CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,}")
OWN = "bluejacket-hardening-3-1.noarch"


@dataclass
class Before:
    """The machine before it has patched itself."""

    packages: list[str]
    verified: list[str]
    kernel: str
    entry: str


@pytest.fixture(scope="module")
def site(shop: Workshop, state: State, distro: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    top = tmp_path_factory.mktemp("patch-3")
    return Site(Apart(state.root, elsewhere=top / "snapshots"), shop, top / "site")


@pytest.fixture(scope="module")
def patient(site: Site, distro: Path) -> Iterator[Patient]:
    top, shop = site.top.parent, site.shop
    definitions = Definitions.copied(distro, top / "without", "3")
    release = definitions.release()
    lock, built = site.build(release, leave_out=("trixie-security",))
    start = int(time.time()) - 3 * DAY
    site.take(release, lock, built, start)
    bench = Workbench(site.state.store, shop.box, shop.tools, shop.signer, shop.boot_key, site.state.report)
    image = build_image(bench, release, release.images["vm"], lock, built)
    newer = Definitions.copied(distro, top / "with", "3")
    newer.fix_bug()
    site.take(newer.release(), *site.build(newer.release()), start + DAY)
    machines = Machines(top / "state", Sandbox(shop.box.tools, top / "logs"))
    boot = Boot(
        image.disks["raw"],
        "vm",
        feed=site.top,
        feed_variable=release.feed.variable,
        variables={release.feed.variable: Site.address(site.taken[0])},
        files={POLICY: "[patch]\nhours = any\ndelay_minutes = 0\n"},
        limit_s=LIMIT_S,
        expected=expected_of(release.profile_of(release.images["vm"]), release.pretty_name),
    )
    with machines.booted(boot) as (machine, health):
        assert health.reasons == ()
        yield Patient(Guest(machines, machine, health), release)


@pytest.fixture(scope="module")
def before(patient: Patient) -> Before:
    health = patient.guest.health
    return Before(patient.packages(), patient.verified(), health.kernel, health.loader_entry)


def waiting(patient: Patient) -> set[str]:
    """Give the CVEs that DNF says updates would fix."""
    return set(CVE.findall(patient.guest.do("dnf", "-q", "updateinfo", "list", "--with-cve", "--security")))


def test_there_is_nothing_to_fix_where_it_comes_from(patient: Patient, before: Before) -> None:
    patient.guest.do("dnf", "-q", "-y", "--refresh", "makecache")
    assert waiting(patient) == set()


def test_the_timer_fires_and_the_machine_comes_up_on_the_new_kernel(
    patient: Patient, before: Before, site: Site
) -> None:
    patient.point_at(site.taken[1])
    patient.guest.do("dnf", "-q", "-y", "--refresh", "makecache")
    cves = waiting(patient)
    assert len(cves) > 20, cves
    boot = patient.boot_id()
    said = patient.fire()
    assert re.search(r"staged: \d+ advisories with \d+ CVEs, 0 packages; wants a reboot: BJSA-", said), said
    health = patient.await_boot(boot)
    assert health.reasons == ()
    assert health.kernel != before.kernel
    assert health.loader_entry != before.entry
    assert waiting(patient) == set()
    record = patient.record()
    assert (record["state"], record["offline"], record["errors"]) == ("applied", True, [])
    assert {cve for one in record["advisories"] for cve in one["cves"]} >= cves
    assert record["kernel"] == before.kernel, "it was the old one that applied it"


def test_the_bug_fix_of_a_component_of_ours_was_left_alone(patient: Patient) -> None:
    assert OWN in patient.packages()
    assert patient.record()["waiting"] == [BUGFIX]
    assert BUGFIX in patient.guest.do("dnf", "-q", "-C", "updateinfo", "list", "--bugfix")


def test_the_former_kernel_is_a_boot_away(patient: Patient, before: Before) -> None:
    assert len(patient.guest.kernels()) == 2
    patient.guest.do("bootctl", "set-oneshot", before.entry)
    health = patient.guest.reboot()
    assert health.reasons == ()
    assert (health.kernel, health.loader_entry) == (before.kernel, before.entry)


def test_history_undo_brings_the_former_state_back(patient: Patient, before: Before, site: Site) -> None:
    patient.point_at(site.taken[0])
    patient.guest.do("dnf", "-y", "--refresh", "history", "undo", "last", limit_s=LIMIT_S)
    assert patient.packages() == before.packages
    assert patient.verified() == before.verified
    assert patient.guest.kernels() == [before.entry]
